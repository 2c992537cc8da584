"""The desks of a template's tasks: where each one writes, and where it works.

On a file system with a journal, making a file and a folder for each task is what
a small task costs most. So what a task leaves as it was, an empty log and an
empty scratch folder, is renamed for the next one; a task that printed nothing
may have no log. Nothing that is not empty is ever used again, or removed here.
"""

from __future__ import annotations

import os

SPARE = 32
_SPARE = ".spare-"


def open_log(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


class Desks:
    """Makes logs and scratch folders, and takes back what nobody used."""

    def __init__(self) -> None:
        self._logs: list[str] = []
        self._scratches: list[str] = []
        self._count = 0

    def log(self, path: str) -> None:
        """An empty log for a task that has none yet, if one is at hand; else who opens it makes it."""
        if self._logs:
            _renamed(self._logs.pop(), path)

    def scratch(self, path: str) -> None:
        """A new, empty folder of mode 0700. Raises OSError."""
        spare = self._scratches.pop() if self._scratches else ""
        if not spare or not _renamed(spare, path):
            if spare:
                _removed(spare)
            os.mkdir(path, 0o700)

    def take_log(self, path: str) -> None:
        """The empty log of a task that has ended and left nobody behind who could write to it."""
        if len(self._logs) < SPARE:
            self._logs.append(path)

    def take_scratch(self, path: str) -> None:
        """The empty folder of a task that has ended."""
        if len(self._scratches) >= SPARE:
            _removed(path)
            return
        self._count += 1
        spare = f"{path.rpartition('/')[0]}/{_SPARE}{os.getpid()}-{self._count}"
        if _renamed(path, spare):
            self._scratches.append(spare)

    def clear(self) -> None:
        for path in self._scratches:
            _removed(path)
        self._scratches.clear()


def clear_away(folder: str) -> None:
    """Remove the spare scratch folders that templates had there, which may have been killed."""
    try:
        names = os.listdir(folder)
    except OSError:  # the run's folders are gone
        return
    for name in names:
        if name.startswith(_SPARE):
            _removed(f"{folder}/{name}")


def _renamed(path: str, new: str) -> bool:
    try:
        os.rename(path, new)
    except OSError:  # somebody removed it, or put something in the way
        return False
    return True


def _removed(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        return
