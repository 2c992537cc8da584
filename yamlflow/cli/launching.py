"""From an opened run to its exit code: screens while it goes on, results and last words when it has ended.

`run` and `resume` share this. Nothing that is shown can end the run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yamlflow.cli.choices import word
from yamlflow.cli.guard import disk_trouble, is_of_disk, lost_output, refused
from yamlflow.cli.options import Color, OnInterrupt, Progress, ShowOutput, state_flags
from yamlflow.cli.output.documents import lines, plain
from yamlflow.cli.output.exporting import check_place, export
from yamlflow.cli.output.summary import document
from yamlflow.cli.output.terminal import Outlet, err, is_terminal, out, pen, speaks_unicode
from yamlflow.cli.output.text import safe_json
from yamlflow.cli.screen.ending import Ending, block
from yamlflow.cli.screen.plain import JsonScreen, PlainScreen, Screen, Silence
from yamlflow.cli.screen.tails import Tails
from yamlflow.cli.signals import Signals, pause, resume_command, stopping
from yamlflow.cli.wiring import in_ci
from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import AccessError, StateError, TemporaryError, YamlflowError
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import CancelRequested, Event
from yamlflow.core.progress import RunView
from yamlflow.core.values import ArtifactRef
from yamlflow.engine.attempts.keys import attempt_id
from yamlflow.engine.crew import machine_of, make_crew
from yamlflow.engine.run import Run, RunResult, execute
from yamlflow.engine.settings import Settings
from yamlflow.schema.files.project import shown as shown_path
from yamlflow.store.local import LocalStore
from yamlflow.worker.storage import ArtifactLostError


@dataclass(frozen=True, slots=True)
class Show:
    """How a run is shown, as the flags say."""

    progress: Progress = Progress.AUTO
    output: ShowOutput = ShowOutput.AUTO
    as_json: bool = False
    quiet: bool = False
    color: Color = Color.AUTO
    on_interrupt: OnInterrupt = OnInterrupt.CANCEL
    output_dir: Path | None = None
    flags: tuple[str, ...] = ()  # what a next command needs to find the run


def show_of(settings: Settings, *, as_json: bool, quiet: bool, output_dir: Path | None, state_dir: Path | None) -> Show:
    """How a run is shown, from flags and settings; SetupError when there is no place for its outputs."""
    if output_dir is not None:
        check_place(output_dir)
    return Show(
        word(settings, "progress", Progress),
        word(settings, "show_output", ShowOutput),
        as_json,
        quiet,
        word(settings, "color", Color),
        word(settings, "on_interrupt", OnInterrupt),
        output_dir,
        state_flags(state_dir),
    )


@dataclass(slots=True)
class Stage:
    """The screen of one run, what tasks print on it, and what signals make of it."""

    screen: Screen
    tails: Tails
    signals: Signals
    resume: str

    def listen(self, view: RunView, events: Sequence[Event]) -> None:
        for event in events:
            self.screen.see(event, view)
            self.tails.see(event, view)
            if isinstance(event, CancelRequested):
                self.screen.say(self.signals.words(event.reason, view, self.resume), "yellow")
        self.tails.tick()
        self.screen.tick(view)
        if self.signals.suspend:
            self._pause()

    def _pause(self) -> None:
        """The terminal gets its cursor back while the process is stopped."""
        self.signals.suspend = False
        self.screen.close()
        pause()
        self.screen.open()


def launch(run: Run, show: Show) -> int:
    """Runs to the end, says how it went, and gives the exit code; a signalled run raises Signalled at the end.

    What keeps it from its end is said with the command that goes on.
    """
    try:
        with stopping(run, show.on_interrupt, pauses=_is_live(show)) as signals:
            stage = _stage(run, show, signals)
            try:
                result = execute(run, make_crew(run.graph), machine_of(run.graph), stage.listen)
            finally:
                stage.screen.close()
            code = _report(run, result, show, signals.exit_code(result))
    except YamlflowError as error:
        raise _resumable(error, run, show) from error
    except OSError as error:
        if not is_of_disk(error):
            raise
        raise _resumable(disk_trouble(error), run, show) from error
    finally:
        run.close()
    signals.leave(result)
    return code


def _resumable(error: YamlflowError, run: Run, show: Show) -> YamlflowError:
    """The error with what to type next, where it stopped a run that had begun and a `resume` helps."""
    if run.view.started is not None and isinstance(error, (StateError, TemporaryError, AccessError)):
        what = "make it again" if isinstance(error, ArtifactLostError) else f"{error.hint or 'mend it'}, then"
        error.hint = f"{what}: {resume_command(run.id, show.flags)}"
    return error


def log_path(run: Run, task: TaskId, attempt: int) -> str:
    """Where an attempt of this launch writes what it prints."""
    return f"{run.path}/logs/{attempt_id(run.id, run.launch, task, attempt)}.log"


def _stage(run: Run, show: Show, signals: Signals) -> Stage:
    screen = _screen(show)
    output = show.output
    if output is ShowOutput.AUTO and not _is_live(show):
        output = ShowOutput.NONE
    tails = Tails(output, lambda task, attempt: log_path(run, task, attempt), screen.say)
    return Stage(screen, tails, signals, resume_command(run.id, show.flags))


def _is_live(show: Show) -> bool:
    if show.quiet:
        return False
    return show.progress is Progress.TTY or (show.progress is Progress.AUTO and not in_ci() and is_terminal(sys.stderr))


def _screen(show: Show) -> Screen:
    unicode = speaks_unicode(sys.stderr)
    if show.progress is Progress.JSON:
        return JsonScreen(err())
    if show.quiet or show.progress is Progress.NONE:
        return Silence()
    if _is_live(show):
        from yamlflow.cli.screen.live import LiveScreen

        return LiveScreen(sys.stderr, styled=pen(sys.stderr, show.color).styled, unicode=unicode)
    return PlainScreen(err(), unicode=unicode, beat=in_ci())


def _report(run: Run, result: RunResult, show: Show, code: int) -> int:
    """Results on stdout, last words on stderr; the exit code, that of lost results where nothing else went wrong."""
    store = LocalStore(run.folder.store)

    def place(ref: ArtifactRef) -> str:
        return str(store.path(ref))

    exported = _export(result, show, store)
    stdout, stderr = out(), err()
    if show.as_json:
        body = document(result.view, run.id, code, _params(run), log_of(run))
        body["state"] = result.state
        body["outputs"] = {name: plain(value, place) for name, value in result.outputs.items()}
        stdout.line(safe_json(body))
    elif not show.quiet and result.state == "succeeded":
        for line in lines(result.outputs, place):
            stdout.line(line)
    _last_words(run, result, show, stderr, exported)
    if stdout.lost is None:
        return code
    lost = refused(lost_output(stdout.lost))
    return code or lost


def _last_words(run: Run, result: RunResult, show: Show, stderr: Outlet, exported: Sequence[str]) -> None:
    if show.progress is Progress.JSON or (show.quiet and result.state == "succeeded" and not result.output_error):
        return
    ending = Ending(run.id, result.state, result.view, log_of(run), show.flags)
    quiet = show.quiet
    for line in block(ending, pen(sys.stderr, show.color), unicode=speaks_unicode(sys.stderr), quiet=quiet):
        stderr.line(line)
    if result.output_error:
        stderr.line(f"  outputs: {result.output_error}")
    for line in exported:
        stderr.line(f"  {line}")


def log_of(run: Run) -> Any:
    return lambda task, attempt: shown_path(Path(log_path(run, task, attempt)))


def _params(run: Run) -> Mapping[str, Any]:
    return {
        param.name: "***" if param.secret else plain(param.value, lambda ref: ref.name)
        for param in run.graph.params.values()
    }


def _export(result: RunResult, show: Show, store: LocalStore) -> list[str]:
    if show.output_dir is None or not result.outputs:
        return []
    written = export(result.outputs, show.output_dir, store)
    return [f"outputs written to {show.output_dir}{os.sep}: {', '.join(written)}"]
