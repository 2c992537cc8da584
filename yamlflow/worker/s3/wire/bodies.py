"""What a request carries: bytes that can be read from their start again, for a digest and for every new try.

Must never hold a whole file in memory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from io import FileIO
from typing import Protocol

from yamlflow.worker.disk import CHUNK, Bytes
from yamlflow.worker.s3.errors import S3Error


class Body(Protocol):
    size: int

    def chunks(self) -> Iterator[Bytes]: ...
    def digest(self) -> bytes:
        """SHA-256 of the whole, worked out once."""

    def part(self, first: int, size: int) -> Body:
        """A stretch of it, as a body of its own."""


class BytesBody:
    """Buffers one after another; they must not change while it is used."""

    def __init__(self, parts: Iterable[Bytes] = ()) -> None:
        self._parts = [memoryview(part).cast("B") for part in parts]
        self.size = sum(part.nbytes for part in self._parts)
        self._digest = b""

    def chunks(self) -> Iterator[Bytes]:
        for part in self._parts:
            for start in range(0, part.nbytes, CHUNK):
                yield part[start : start + CHUNK]

    def digest(self) -> bytes:
        self._digest = self._digest or digest_of(self)
        return self._digest

    def part(self, first: int, size: int) -> BytesBody:
        found, passed = [], 0
        for part in self._parts:
            found.append(part[max(0, first - passed) : max(0, first + size - passed)])
            passed += part.nbytes
        return BytesBody(found)


class FileBody:
    """A stretch of a file, all of it unless told; `digest` is the SHA-256 of the stretch where it is known."""

    def __init__(self, path: str, *, first: int = 0, size: int | None = None, digest: bytes = b"") -> None:
        self._path = path
        self._first = first
        self.size = size_of(path) - first if size is None else size
        self._digest = digest

    def chunks(self) -> Iterator[Bytes]:
        left = self.size
        with self._opened() as file:
            while left:
                chunk = self._some(file, min(CHUNK, left))
                if not chunk:
                    raise S3Error(f"{self._path} became shorter while it was sent", hint="store a file when it is done")
                left -= len(chunk)
                yield chunk

    def _opened(self) -> FileIO:
        try:
            file = open(self._path, "rb", buffering=0)  # noqa: SIM115 - the caller closes it
        except OSError as error:
            raise unreadable(self._path, error) from error
        file.seek(self._first)
        return file

    def _some(self, file: FileIO, most: int) -> bytes:
        try:
            return file.read(most)
        except OSError as error:
            raise unreadable(self._path, error) from error

    def digest(self) -> bytes:
        self._digest = self._digest or digest_of(self)
        return self._digest

    def part(self, first: int, size: int) -> FileBody:
        return FileBody(self._path, first=self._first + first, size=size)


def size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: OSError) -> S3Error:
    """An error of a file must not look like one of the connection, which would be tried again."""
    return S3Error(f"{path} cannot be read: {error.strerror}")


def digest_of(body: Body) -> bytes:
    hasher = hashlib.sha256()
    for chunk in body.chunks():
        hasher.update(chunk)
    return hasher.digest()


EMPTY = BytesBody()
