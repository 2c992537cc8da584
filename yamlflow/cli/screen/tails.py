"""What tasks print, line by line while they run, prefixed with their names.

Reads log files a piece at a time: at most 64 KiB of one task per look, so that
a task that floods its log holds up nobody. Never waits, never raises.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from yamlflow.cli.options import ShowOutput
from yamlflow.cli.output.text import log_line, one_line
from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import Event, Failed, Lost, Started, Succeeded
from yamlflow.core.progress import RunView

PIECE = 64 * 1024
LAST_PIECES = 16
FEW_TASKS = 20
FAILED_LINES = 50

Say = Callable[[str], None]


@dataclass(slots=True)
class Tail:
    """Where one log has been read up to; `rest` is its unfinished line."""

    path: Path
    prefix: str
    at: int = 0
    rest: bytes = b""

    def lines(self) -> list[str]:
        """The lines that are complete by now."""
        *complete, self.rest = (self.rest + _piece(self.path, self.at, self)).split(b"\n")
        return [self.prefix + log_line(line) for line in complete]

    def last(self) -> list[str]:
        """What is left when the task has ended, up to 1 MiB; the whole of it is in the log."""
        found, before = self.lines(), -1
        for _ in range(LAST_PIECES):
            if before == self.at:
                break
            before = self.at
            found += self.lines()
        else:
            found.append(f"{self.prefix}… more in {self.path}")
        found += [self.prefix + log_line(self.rest)] if self.rest else []
        self.rest = b""
        return found


class Tails:
    """Follows the logs of running tasks and hands their lines to `say`."""

    def __init__(self, choice: ShowOutput, log: Callable[[TaskId, int], str], say: Say) -> None:
        self._choice = choice
        self._log = log
        self._say = say
        self._open: dict[TaskId, Tail] = {}

    def see(self, event: Event, view: RunView) -> None:
        if self._choice is ShowOutput.NONE:
            return
        match event:
            case Started(task=task, attempt=attempt) if self._wanted(view):
                self._open[task] = self._tail(view, task, attempt)
            case Succeeded(task=task) | Lost(task=task):
                self._finish(task)
            case Failed(task=task, attempt=attempt):
                if self._choice is ShowOutput.FAILED:
                    self._say_all(self._tail(view, task, attempt).last()[-FAILED_LINES:])
                self._finish(task)
            case _:
                pass

    def tick(self) -> None:
        for tail in self._open.values():
            self._say_all(tail.lines())

    def _wanted(self, view: RunView) -> bool:
        if self._choice is ShowOutput.AUTO:
            return sum(step.total for step in view.tasks()) <= FEW_TASKS
        return self._choice is ShowOutput.ALL

    def _tail(self, view: RunView, task: TaskId, attempt: int) -> Tail:
        return Tail(Path(self._log(task, attempt)), f"{one_line(view.names.display(task))} | ")

    def _finish(self, task: TaskId) -> None:
        tail = self._open.pop(task, None)
        if tail is not None:
            self._say_all(tail.last())

    def _say_all(self, lines: list[str]) -> None:
        for line in lines:
            self._say(line)


def _piece(path: Path, at: int, tail: Tail) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(at)
            found = file.read(PIECE)
    except OSError:
        return b""
    tail.at = at + len(found)
    return found
