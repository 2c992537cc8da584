"""What the tasks of a shared worker print, each into a log of its own, without a file for those that print nothing.

Standard output and error lie in one file. The first word makes it the log of
the task that runs, by renaming it; the next task gets a new one. What Python
prints is seen in the log at once, what others print at the task's end.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

from yamlflow.worker.processes import logs


class Capture:
    """The output of this process; `path` is where it lies while nobody has printed anything."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._log = ""
        self._renew()
        self._streams = (self._stream(1), self._stream(2))
        self._restore()

    def begin(self, log: str) -> None:
        """What is printed from now on belongs to this log."""
        self._log = log
        if not self._is_open():
            self._renew()
        if sys.stdout is not self._streams[0] or sys.stderr is not self._streams[1]:
            self._restore()

    def publish(self) -> None:
        """The file is the current task's log; whatever writes to it goes on."""
        log, self._log = self._log, ""
        if log and os.path.exists(log):  # what importing the module printed is in there already
            self._join(log)
        elif log:
            os.rename(self._path, log)

    def end(self, log: str) -> None:
        """The task has ended: its log is complete, or there is none."""
        self._flush()
        if self._log and self._size():
            with suppress(OSError):  # the task removed the run's folders
                self.publish()
        if not self._log:
            logs.finish(log)
            self._renew()
        self._log = ""

    def _join(self, log: str) -> None:
        target = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        with open(self._path, "rb") as said:
            os.write(target, said.read())
        self._write_to(target)

    def _is_open(self) -> bool:
        """Whether both descriptors still lead to the file: a task may have closed or replaced them."""
        try:
            return all(os.path.samestat(os.fstat(descriptor), self._file) for descriptor in (1, 2))
        except OSError:
            return False

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except OSError:
            return 0

    def _renew(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._file = os.fstat(file)
        self._write_to(file)

    def _write_to(self, file: int) -> None:
        for descriptor in (1, 2):
            if descriptor == file:  # a task had closed it, and it is the first free one
                os.set_inheritable(file, True)
            else:
                os.dup2(file, descriptor)
        if file not in (1, 2):
            os.close(file)

    def _stream(self, descriptor: int) -> TextIO:
        raw = io.BufferedWriter(_Raw(descriptor, self))  # type: ignore[type-var]
        return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)

    def _restore(self) -> None:
        """Give this process its own streams again: a task may have closed or replaced them."""
        self._streams = tuple(  # type: ignore[assignment]
            self._stream(number) if stream.closed else stream for number, stream in enumerate(self._streams, 1)
        )
        sys.stdout, sys.stderr = self._streams
        sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc,assignment]

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr, *self._streams):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()


class _Raw(io.FileIO):
    """A descriptor whose first write makes the capture a log."""

    def __init__(self, descriptor: int, capture: Capture) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._capture = capture

    def write(self, data: bytes) -> int | None:  # type: ignore[override]
        with suppress(OSError):
            self._capture.publish()
        return super().write(data)
