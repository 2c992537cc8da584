"""Signals while a run goes on: what each asks for, what is said about it, how the process ends.

INT, TERM and HUP ask the run to stop: first as `--on-interrupt` says, then at
once, then not waiting at all. A handler notes and puts a word in the run's
inbox; it must never write, lock or wait.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from types import FrameType

from yamlflow.cli.guard import Signalled, die_of
from yamlflow.cli.options import OnInterrupt
from yamlflow.cli.output.text import one_line
from yamlflow.cli.output.words import command, count
from yamlflow.core.dataclass import dataclass
from yamlflow.core.progress import RunView
from yamlflow.engine.run import Run, RunResult

MAX_TIME_REASON = "--max-time is over"
_CODES = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}
_REASONS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}
_LAST = 4
"""With so many signals the process ends in the handler: what should have left at once is stuck."""


@dataclass(slots=True)
class Signals:
    """Signals that came while a run was going on; `suspend`: the terminal asks for a pause (Ctrl-Z)."""

    choice: OnInterrupt = OnInterrupt.CANCEL
    came: list[str] = field(default_factory=list)
    suspend: bool = False
    stops: int = 0

    def ending(self, result: RunResult) -> str | None:
        """The signal that ended the run, if one did; the first one counts."""
        if result.state == "succeeded":
            return None
        timely = result.state != "cancelled" or result.view.cancelled != MAX_TIME_REASON
        return self.came[0] if self.came else None if timely else "SIGTERM"

    def exit_code(self, result: RunResult) -> int:
        name = self.ending(result)
        return _CODES[name] if name else result.exit_code or int(bool(result.output_error))

    def leave(self, result: RunResult) -> None:
        """Raises Signalled where a signal ended the run: the process dies of it, so that a shell's loop stops too."""
        name = self.ending(result)
        if name:
            raise Signalled(name)

    def words(self, reason: str, view: RunView, resume: str) -> str:
        """What is said about the next request to stop."""
        self.stops += 1
        tasks = count(len(view.running), "task")
        if self.stops > 1:
            return f"{one_line(reason)}: killing {tasks}; once more leaves at once"
        what = {
            OnInterrupt.CANCEL: f"stopping {tasks}, which may take 10s",
            OnInterrupt.DRAIN: f"nothing new starts, {tasks} may finish",
            OnInterrupt.DETACH: "leaving what runs in containers; what runs on this machine cannot be left",
        }[self.choice]
        return f"{one_line(reason)}: {what}; once more kills; go on later with: {resume}"


@contextmanager
def stopping(run: Run, choice: OnInterrupt, *, pauses: bool) -> Iterator[Signals]:
    """While inside, signals ask the run to stop; with `pauses`, Ctrl-Z waits until the screen has been put away.

    One that was ignored at the start (nohup, a job in the background of a script) stays ignored.
    """
    signals = Signals(choice)

    def ask(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        signals.came.append(name)
        if len(signals.came) >= _LAST:
            die_of(signal.Signals[signals.came[0]])
        drain, detach = choice is OnInterrupt.DRAIN, choice is OnInterrupt.DETACH
        run.stop(_REASONS[name], drain=drain, force=len(signals.came) > 1, detach=detach)

    def note(_number: int, _frame: FrameType | None) -> None:
        signals.suspend = True

    handlers = {signal.Signals[name]: ask for name in _REASONS} | ({signal.SIGTSTP: note} if pauses else {})
    heeded = {name: handler for name, handler in handlers.items() if signal.getsignal(name) is not signal.SIG_IGN}
    before = {name: signal.signal(name, handler) for name, handler in heeded.items()}
    try:
        yield signals
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def resume_command(run_id: str, flags: tuple[str, ...]) -> str:
    return command("resume", run_id, *flags)


def pause() -> None:
    """Stops this process until somebody lets it go on; tasks, in sessions of their own, do not stop."""
    os.kill(os.getpid(), signal.SIGSTOP)
