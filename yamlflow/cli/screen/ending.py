"""The last words about a run: state, time, the slowest steps, each distinct failure once, what to type next.

Pure: everything comes in as arguments. `-q` asks for at most 20 lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from yamlflow.cli.output.terminal import PLAIN, Pen
from yamlflow.cli.output.text import clean, one_line
from yamlflow.cli.output.words import STYLES, command, count, duration, glyph
from yamlflow.cli.screen.rows import reason, totals, who
from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.progress import RunView
from yamlflow.core.standing import FailureGroup

QUIET_LINES = 20
_SLOWEST = 3
_FRAMES = 12  # lines of a traceback
_GROUPS = 5
_NAMED = 5  # tasks


@dataclass(frozen=True, slots=True)
class Ending:
    """A run that has ended, or as it stands. `log` gives the path of an attempt's log, or nothing.

    `now` is given for a run that is going on: its time counts to there.
    """

    run_id: str
    state: str
    view: RunView
    log: Callable[[TaskId, int], str]
    flags: tuple[str, ...] = ()  # what a next command needs to find the run, such as --state-dir
    now: float | None = None

    @property
    def seconds(self) -> float:
        started = self.view.started
        return self.view.seconds if self.now is None or started is None else max(0.0, self.now - started)


def block(ending: Ending, ink: Pen = PLAIN, *, unicode: bool = True, quiet: bool = False) -> list[str]:
    """The lines of the end block."""
    lines = [_headline(ending, ink, unicode=unicode)]
    lines += [] if quiet else _slowest(ending.view, ending.now)
    lines += _left(ending)
    groups = ending.view.failure_groups()
    for group in groups[: 2 if quiet else _GROUPS]:
        lines += _failure(ending, group, ink, frames=2 if quiet else _FRAMES)
    hidden = len(groups) - (2 if quiet else _GROUPS)
    lines += (
        [f"  and {count(hidden, 'other failure')}: {command('status', ending.run_id, *ending.flags)}"]
        if hidden > 0
        else []
    )
    lines += _next(ending, groups)
    return lines[:QUIET_LINES] if quiet else lines


def _headline(ending: Ending, ink: Pen, *, unicode: bool) -> str:
    state, counts = ending.state, totals(ending.view)
    words = ink(f"{glyph(state, unicode=unicode)} {state}", STYLES.get(state, ""))
    text = f"{words}: run {ending.run_id} of {clean(ending.view.outline.name)} in {duration(ending.seconds)}"
    return f"{text} ({counts})" if counts else text


def _slowest(view: RunView, now: float | None) -> list[str]:
    """The steps of which something ran for longest, if there is more than one to compare."""
    took = sorted(((step.clock.seconds(now), step.step.id) for step in view.tasks()), key=lambda one: -one[0])
    slowest = [f"{step} {duration(seconds)}" for seconds, step in took[:_SLOWEST] if seconds]
    return ["  slowest: " + ", ".join(slowest)] if len(slowest) > 1 else []


def _left(ending: Ending) -> list[str]:
    """What was in flight when the launcher left, or was killed."""
    view, running = ending.view, list(ending.view.running)
    if ending.state != "interrupted" or not running:
        return []
    names = ", ".join(one_line(view.names.display(task)) for task in running[:_NAMED])
    more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
    gc = command("gc", *ending.flags)
    if any(view.outline.steps[task.node].executor in view.lasting for task in running):
        return [
            f"  in flight when it was left: {names}{more}; what runs in containers goes on, and a resume takes it up",
            f"  or end it, and clear away what it leaves: {gc}",
        ]
    return [
        f"  in flight when it was left: {names}{more}; on this machine they end with it, within seconds",
        f"  clear away what they leave: {gc}",
    ]


def _failure(ending: Ending, group: FailureGroup, ink: Pen, *, frames: int) -> list[str]:
    failed = group.first
    several = " failed with the same error" if len(group.tasks) > 1 else " failed"
    lines = ["", ink(f"  {who(ending.view, group.tasks)}{several}", "red")]
    lines += [f"    {text}" for text in [*_frames(failed.failure.traceback, frames), reason(failed.failure)]]
    log = ending.log(failed.task, failed.attempt) if failed.attempt else ""
    return [*lines, f"    log: {log}"] if log else lines


def _frames(traceback: str, limit: int) -> Sequence[str]:
    """The user's own frames, the innermost if there are too many; the last line, the error, is said apart."""
    lines = [text for text in clean(traceback).splitlines() if text.startswith("  ")]
    return lines if len(lines) <= limit else ["  ...", *lines[-limit:]]


def _next(ending: Ending, groups: Sequence[FailureGroup]) -> list[str]:
    if ending.state in ("succeeded", "running"):
        return []
    run = ending.run_id
    commands = []
    if groups and groups[0].first.attempt:
        commands.append(command("logs", run, ending.view.names.display(groups[0].first.task), *ending.flags))
    commands.append(command("resume", run, *ending.flags))
    return ["", *(f"  {word}: {text}" for word, text in zip(_LABELS[-len(commands) :], commands, strict=True))]


_LABELS = ("read its log", "go on from here")
