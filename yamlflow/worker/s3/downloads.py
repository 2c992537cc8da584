"""Reading an object to its end: what breaks off goes on where it was, and what came is what was stored.

Must never give less than the whole without an error.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import TypeVar

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.disk import write_all
from yamlflow.worker.s3.client import Call, Client
from yamlflow.worker.s3.errors import DamagedError, WireError
from yamlflow.worker.s3.objects import Entry, described
from yamlflow.worker.s3.wire.connections import Reply

T = TypeVar("T")
Watch = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Received:
    """What came: its size, and its SHA-256 in hex."""

    size: int
    sha256: str


class Download:
    """One object into one open file, from the file's start."""

    def __init__(self, key: str, descriptor: int, watch: Watch) -> None:
        self._key = key
        self._descriptor = descriptor
        self._watch = watch
        self._entry: Entry | None = None
        self._start_over()

    def run(self, client: Client) -> Received:
        return client.perform(self._call, self._read_checked(client.bucket))

    def _start_over(self) -> None:
        self._came = 0
        self._hasher = hashlib.sha256()

    def _call(self) -> Call:
        headers = {"x-amz-checksum-mode": "ENABLED"}
        if self._came and self._entry and self._entry.etag:
            headers |= {"range": f"bytes={self._came}-", "if-match": self._entry.etag}
        else:
            self._forget()
        return Call("GET", self._key, headers=headers)

    def _forget(self) -> None:
        if self._came:
            self._watch(-self._came)
            self._start_over()
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)

    def _read_checked(self, bucket: str) -> Callable[[Reply], Received]:
        def read(reply: Reply) -> Received:
            if reply.status != 206:  # the first try, or a server that knows no ranges
                self._forget()
                self._entry = described(self._key, reply.headers)
            elif not reply.headers.get("content-range", "").startswith(f"bytes {self._came}-"):
                raise WireError("the answer is another stretch than what was asked for")
            for chunk in reply.chunks():
                self._hasher.update(chunk)
                write_all(self._descriptor, chunk)
                self._came += len(chunk)
                self._watch(len(chunk))
            return self._checked(bucket)

        return read

    def _checked(self, bucket: str) -> Received:
        entry = self._entry
        received = Received(self._came, self._hasher.hexdigest())
        if entry and entry.size and entry.size != received.size:
            raise WireError(f"{received.size} bytes came of {entry.size}")
        if entry and entry.sha256 and entry.sha256 != received.sha256:
            raise damaged(bucket, self._key, entry.sha256, received.sha256)
        return received


def read_bytes(client: Client, key: str, first: int, size: int | None) -> bytes:
    """A stretch of an object, or all from `first` on, in memory; nothing where the object ends before it."""
    headers = {"x-amz-checksum-mode": "ENABLED"}
    if first or size is not None:
        headers = {"range": f"bytes={first}-{'' if size is None else first + size - 1}"}

    def read(reply: Reply) -> bytes:
        if first or size is not None:
            return _stretch(reply, first, size)
        content, known = reply.read(1 << 40), described(key, reply.headers).sha256
        came = hashlib.sha256(content).hexdigest() if known else ""
        if known != came:
            raise damaged(client.bucket, key, known, came)
        return content

    return client.perform(lambda: Call("GET", key, headers=headers), read)


def _stretch(reply: Reply, first: int, size: int | None) -> bytes:
    content = reply.read(1 << 40)
    if reply.status == 206:
        return content
    return content[first:] if size is None else content[first : first + size]  # it knows no ranges


def damaged(bucket: str, key: str, known: str, came: str) -> DamagedError:
    return DamagedError(
        f"s3://{bucket}/{key} is damaged: its checksum is {known}, and what came has {came}",
        hint="run the pipeline again: who made it runs again",
        bucket=bucket,
        key=key,
    )
