"""A task's log: bytes as they came, at most a head and a tail of them.

The task writes to the file itself; nobody reads a pipe that could fill up. While
it floods, the blocks between head and tail are given back to the disk; when it
has ended, the file is the head, a line that says how much is missing, the tail.
A disk that takes no more loses words, never a task.
"""

from __future__ import annotations

import errno
import io
import os
from contextlib import suppress
from typing import Any

from yamlflow.worker.processes import kernel

HEAD = 64 << 20
TAIL = 16 << 20
BLOCK = 1 << 16
_REFUSED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})


class Lossy(io.FileIO):
    """A log as a Python task prints to it: what the disk does not take is lost, and that is no error of the task's."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            return memoryview(data).nbytes


def open_stream(descriptor: int) -> io.TextIOWrapper:
    """Standard output or error of a task: UTF-8, line by line."""
    raw = io.BufferedWriter(Lossy(descriptor, "wb", closefd=False))
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def trim(path: str) -> None:
    """Give back what lies between head and tail of a log that is still written to."""
    size = _size(path)
    if size <= HEAD + 2 * TAIL:
        return
    descriptor = os.open(path, os.O_WRONLY)
    try:
        kernel.punch(descriptor, HEAD, (size - TAIL - HEAD) // BLOCK * BLOCK)
    finally:
        os.close(descriptor)


def finish(path: str) -> int:
    """Cut the middle out of a log that nobody writes to any more; gives the bytes that there were."""
    size = _size(path)
    if size > HEAD + TAIL:
        _cut(path, size)
    return size


def _cut(path: str, size: int) -> None:
    with suppress(OSError), open(path, "r+b") as file:
        file.seek(size - TAIL)
        tail = file.read()
        file.seek(HEAD)
        file.write(f"\n… log truncated: {said(size - HEAD - TAIL)} dropped …\n".encode())
        file.write(tail)
        file.truncate()


def said(size: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # the task removed it
        return -1
