"""A RunView as rows: one a step, loops folded into counts, failures on top. Pure; no clock, no colour."""

from __future__ import annotations

from yamlflow.cli.output.text import one_line
from yamlflow.cli.output.words import count, glyph, spoken
from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure
from yamlflow.core.messages import TERMINAL, State
from yamlflow.core.progress import RunView
from yamlflow.core.standing import StepView

MAX_FAILURES = 3
_BAR = 12
_COUNTED = (
    State.SUCCEEDED,
    State.CACHED,
    State.CAUGHT,
    State.SKIPPED,
    State.FAILED,
    State.UPSTREAM_FAILED,
    State.CANCELLED,
)

_GOING_ON = (State.SUBMITTED, State.RUNNING, State.WAITING)
_UNFINISHED = ("pending", "running", "waiting")


@dataclass(frozen=True, slots=True)
class Row:
    """One step on the screen. `bar` and `counts` are empty for a step that is one task.

    `seconds` are those in which something of it ran, None before the first;
    `active` says that something of it runs right now.
    """

    name: str
    state: str
    bar: str = ""
    counts: str = ""
    note: str = ""
    seconds: float | None = None
    active: bool = False


def rows(view: RunView, now: float, *, unicode: bool = True, interrupted: bool = False) -> list[Row]:
    """The steps in file order, indented as they are nested; hooks once they have begun.

    What was going on when its launcher went away is `interrupted`, not running.
    """
    notes = _notes(view)
    return [
        _row(step, standing(state_of(view, step), interrupted=interrupted), now, notes.get(step.step.id, ""), unicode)
        for step in view.steps.values()
        if not step.step.hook or step.counts
    ]


def fold(all_rows: list[Row], room: int) -> tuple[list[Row], str]:
    """At most `room` rows, those where something happens first, and a line about the others."""
    if len(all_rows) <= room:
        return all_rows, ""
    ranked = sorted(range(len(all_rows)), key=lambda place: (_rank(all_rows[place]), place))
    kept = sorted(ranked[: max(1, room - 1)])
    hidden = [row for place, row in enumerate(all_rows) if place not in set(kept)]
    done = sum(row.state not in _UNFINISHED for row in hidden)
    return [
        all_rows[place] for place in kept
    ], f"and {len(hidden)} more steps: {done} done, {len(hidden) - done} to come"


def failures(view: RunView, limit: int = MAX_FAILURES) -> list[str]:
    """One line for each distinct failure so far, the first ones in front, and one about the rest."""
    groups = view.failure_groups()
    lines = [f"{who(view, group.tasks)}: {reason(group.first.failure)}" for group in groups[:limit]]
    return lines + ([f"and {count(len(groups) - limit, 'other failure')}"] if len(groups) > limit else [])


def who(view: RunView, tasks: tuple[TaskId, ...]) -> str:
    """`fit[xgb,2]`, or `fit: 18 of 20 tasks` when several tasks of a step are meant."""
    first = tasks[0]
    if len(tasks) == 1:
        return one_line(view.names.display(first))
    step = view.steps[first.node]
    return f"{step.step.id}: {len(tasks)} of {step.total} tasks"


def reason(failure: Failure) -> str:
    """`ValueError: no` or `timeout: took longer than 10s`, on one line."""
    head = failure.exception.rpartition(".")[2] or failure.reason
    return one_line(f"{head}: {failure.message}" if failure.message else head)


def totals(view: RunView) -> str:
    """`18 succeeded, 2 failed`: tasks that have ended, by state."""
    counts = view.totals()
    return ", ".join(f"{counts[state]} {spoken(state.value)}" for state in _COUNTED if counts.get(state))


def state_of(view: RunView, step: StepView) -> State:
    """What a person would call a step; one that never began has the end of the group around it."""
    around = view.steps.get(step.step.parent)
    if step.state is not State.PENDING or around is None:
        return step.state
    end = state_of(view, around)
    return end if end in TERMINAL else step.state


def standing(state: State, *, interrupted: bool) -> str:
    """The word for a state, in a run whose launcher is there or is not."""
    return "interrupted" if interrupted and state in _GOING_ON else state.value


def _row(view: StepView, state: str, now: float, note: str, unicode: bool) -> Row:
    folded = view.step.names is not None or view.step.rounds or view.total > 1
    return Row(
        name="  " * view.step.id.count(".") + view.step.name,
        state=state,
        bar=_bar(view, unicode=unicode) if folded else "",
        counts=_counts(view, unicode=unicode) if folded else "",
        note=note or _asides(view),
        seconds=view.clock.seconds(now) if view.begun else None,
        active=bool(view.active) and state != "interrupted",
    )


def _bar(view: StepView, *, unicode: bool) -> str:
    if not view.total:
        return ""
    full = _BAR * view.done // view.total
    return ("█" * full + "░" * (_BAR - full)) if unicode else "#" * full + "." * (_BAR - full)


def _counts(view: StepView, *, unicode: bool) -> str:
    """`12/20 ✓11 ✗1`; the total has a `+` while a loop has not been counted."""
    if not view.total:
        return "" if view.unexpanded else "0/0"
    total = f"{view.total}+" if view.unexpanded else str(view.total)
    marks = [f"{glyph(state.value, unicode=unicode)}{view.count(state)}" for state in _COUNTED if view.count(state)]
    return " ".join([f"{view.done}/{total}", *marks])


def _asides(view: StepView) -> str:
    parts = [view.reason] if view.reason and view.state in (State.SKIPPED, State.CANCELLED) else []
    parts += [f"{view.retries} retried"] if view.retries else []
    parts += [f"{view.again} run again: a stored value was lost"] if view.again else []
    parts += [f"{view.restored} kept"] if view.restored else []
    return one_line(", ".join(parts))


def _notes(view: RunView) -> dict[str, str]:
    """What the running tasks of each step said last."""
    found: dict[str, str] = {}
    for task, running in view.running.items():
        said = running.waiting or running.message
        percent = "" if running.fraction is None else f"{running.fraction:.0%} "
        if said or percent:
            found[task.node] = one_line(percent + said, 80)
    return found


def _rank(row: Row) -> int:
    if row.state in ("failed", "upstream_failed", "cancelled"):
        return 0
    return 1 if row.active or row.state in ("running", "waiting") else 2 if row.state == "pending" else 3
