"""Scratch folders of a template's tasks.

An empty folder that a task leaves is renamed for the next one: making and
removing one for each task is, on a file system with a journal, what a small
task costs most. Nothing that is not empty is ever used again, or removed here.
"""

from __future__ import annotations

import os

SPARE = 8


class Scratches:
    """Makes scratch folders, and takes back what is left of them."""

    def __init__(self) -> None:
        self._spare: list[str] = []
        self._count = 0

    def make(self, path: str) -> None:
        """A new, empty folder of mode 0700. Raises OSError."""
        while self._spare:
            try:
                os.rename(self._spare.pop(), path)
            except OSError:  # somebody removed it, or put something in the way
                continue
            return
        os.mkdir(path, 0o700)

    def take_back(self, path: str) -> None:
        """A folder whose task has ended: kept for another one if it is empty, left alone if it is not."""
        try:
            if os.listdir(path):
                return
            if len(self._spare) >= SPARE:
                os.rmdir(path)
                return
            self._count += 1
            spare = os.path.join(os.path.dirname(path), f".spare-{os.getpid()}-{self._count}")
            os.rename(path, spare)
        except OSError:  # the task removed it
            return
        self._spare.append(spare)

    def clear(self) -> None:
        for path in self._spare:
            try:
                os.rmdir(path)
            except OSError:
                continue
        self._spare.clear()
