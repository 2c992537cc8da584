"""Seals: how a stored file says that nobody has written to it since its content was compared with its digest.

A sealed file's time of change is a moment that follows from its digest, long ago;
whatever writes to the file moves that on. So one `stat`, which readers make
anyway, tells an untouched gigabyte from one to be read and compared again, and
there is no record beside the store that could be lost or be out of date. Hard
links share a seal as they share the file. Whole seconds, even ones: the coarsest
file system keeps them. A seal that is missing costs time, never safety.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from typing import Union

from yamlflow.worker.disk import CHUNK

_FIRST = 1_000_000_000  # the ninth of September 2001
_SECOND = 1_000_000_000


def moment_of(digest: str) -> int:
    """The time of change of a sealed file, in nanoseconds since the epoch."""
    return (_FIRST + 2 * int(digest[:6], 16)) * _SECOND


def is_sealed(state: os.stat_result, digest: str, size: int) -> bool:
    """Whether a file of this state holds what its digest says, as far as can be told without reading it."""
    return state.st_size == size and state.st_mtime_ns == moment_of(digest)


def seal(target: Union[str, int], digest: str) -> None:
    """Say of a file, by path or descriptor, that its content is that of the digest. It may be another owner's.

    Its time of access becomes now: who cleans up knows that somebody counts on it.
    """
    with suppress(PermissionError):
        os.utime(target, ns=(time.time_ns(), moment_of(digest)))


def seal_like(target: str, source: str) -> None:
    """A copy is sealed when its source is."""
    with suppress(OSError):
        os.utime(target, ns=(os.stat(source).st_mtime_ns,) * 2)


def digest_of(path: str) -> str:
    """The digest of a file's content."""
    hasher = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
