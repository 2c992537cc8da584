"""A task's log: bytes as they came, at most a head and a tail of them.

The task writes to the file itself; nobody reads a pipe that could fill up. While
it floods, the blocks between head and tail are given back to the disk; when it
has ended, the file is the head, a line that says how much is missing, the tail.
"""

from __future__ import annotations

import os

from yamlflow.worker.processes import kernel

HEAD = 64 << 20
TAIL = 16 << 20
BLOCK = 1 << 16


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


def finish(path: str) -> None:
    """Cut the middle out of a log that nobody writes to any more."""
    size = _size(path)
    if size <= HEAD + TAIL:
        return
    with open(path, "r+b") as file:
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
        return 0
