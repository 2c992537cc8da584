"""A page of memory that a shared worker, its template and its launcher have in common.

The worker says which of its tasks runs right now; the others may tell it to
start no further one. Who wants to end a task sets `stop` first and looks at
`current` then; the worker sets `current` first and looks at `stop` then: so no
task is ended in another one's place, and one that was withdrawn never starts.
"""

from __future__ import annotations

import mmap
import os

from yamlflow.worker.processes import kernel

SIZE = 4096
NEVER = float("inf")


class Page:
    """Three numbers; each is read and written in one piece."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, SIZE)
        self._memory = memoryview(self._map)
        self._whole = self._memory.cast("q")
        self._real = self._memory.cast("d")

    @classmethod
    def make(cls) -> tuple[Page, int]:
        """A new page, and the descriptor with which others open it."""
        descriptor = kernel.memory_file("page")
        os.ftruncate(descriptor, SIZE)
        page = cls(descriptor)
        page.due = NEVER
        return page, descriptor

    @property
    def current(self) -> int:
        """The number of the task that runs; 0 between two tasks."""
        return self._whole[0]

    @current.setter
    def current(self, number: int) -> None:
        self._whole[0] = number

    @property
    def stop(self) -> bool:
        """Whether no further task may start."""
        return bool(self._whole[1])

    @stop.setter
    def stop(self, wanted: bool) -> None:
        self._whole[1] = wanted

    @property
    def due(self) -> float:
        """When the time of the current task is over, in monotonic seconds."""
        return self._real[2]

    @due.setter
    def due(self, when: float) -> None:
        self._real[2] = when

    def close(self) -> None:
        """Let go of it; the others keep theirs."""
        for view in (self._whole, self._real, self._memory):
            view.release()
        self._map.close()
