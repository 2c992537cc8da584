"""Writing an object: whole with one request, or in parts that come together at the end or not at all.

An upload in parts that fails is taken back, so that nobody pays for parts that
nothing refers to. A write under a condition whose answer got lost is looked up:
what lies there may be what it wrote itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event
from typing import TypeVar

from yamlflow.core.errors import YamlflowError
from yamlflow.worker.s3.client import Call, Client
from yamlflow.worker.s3.downloads import read_bytes
from yamlflow.worker.s3.errors import ExistsError, MissingError, S3Error
from yamlflow.worker.s3.objects import Entry, Writing, checked_by, checksum, described
from yamlflow.worker.s3.refusals import RefusedError, refusal_in
from yamlflow.worker.s3.retries import Patience
from yamlflow.worker.s3.wire.bodies import Body, BytesBody
from yamlflow.worker.s3.wire.connections import Reply
from yamlflow.worker.s3.wire.documents import Element, read_xml, written

T = TypeVar("T")
Watch = Callable[[int], object]
Part = tuple[int, str, bytes]
"""Number, ETag and SHA-256."""
MOST_PARTS = 10_000
SMALL = 1 << 20
SOON = Patience(whole=10.0, first=10.0)
ONLY_NEW = {"if-none-match": "*"}


class StoppedError(Exception):
    """Another part has failed."""


class Upload:
    """One object from one body."""

    def __init__(self, client: Client, writing: Writing, key: str, body: Body, *, only_new: bool, watch: Watch) -> None:
        self._client = client
        self._writing = writing
        self._key = key
        self._body = body
        self._condition = ONLY_NEW if only_new else {}
        self._watch = watch

    def run(self) -> None:
        if self._body.size >= 2 * self._writing.part:
            self._in_parts()
        else:
            self._at_once()

    def _at_once(self) -> None:
        known = checksum(self._body.digest())
        headers = {**checked_by(known), **self._writing.encryption, **self._condition}
        try:
            self._ask(Call("PUT", self._key, (), headers, self._body), _read)
        except ExistsError as error:
            if not (error.doubtful and self._is_ours(known)):
                raise
        self._watch(self._body.size)

    def _in_parts(self) -> None:
        headers = {"x-amz-checksum-algorithm": "SHA256", **self._writing.encryption}
        upload = self._ask(Call("POST", self._key, (("uploads", ""),), headers), _document).text("UploadId")
        if not upload:
            raise S3Error(f"the answer to an upload of s3://{self._client.bucket}/{self._key} names none")
        try:
            self._complete(upload, self._send_parts(upload))
        except BaseException:  # an interrupt too must not leave parts behind
            self._take_back(upload)
            raise

    def _take_back(self, upload: str) -> None:
        call = Call("DELETE", self._key, (("uploadId", upload),))
        with suppress(YamlflowError):  # the failure that led here is the one to tell
            self._client.perform(lambda: call, _read, SOON)

    def _send_parts(self, upload: str) -> list[Part]:
        """Several at once; after the first that fails no other is begun."""
        size = max(self._writing.part, -(-self._body.size // MOST_PARTS))
        stop = Event()
        with ThreadPoolExecutor(self._writing.threads, thread_name_prefix="s3-part") as pool:
            try:
                waiting = [
                    pool.submit(self._send_part, upload, number, first, min(size, self._body.size - first), stop)
                    for number, first in enumerate(range(0, self._body.size, size), 1)
                ]
                wait(waiting, return_when=FIRST_EXCEPTION)
            finally:  # done, failed or interrupted
                stop.set()
                pool.shutdown(cancel_futures=True)
        sent = [part.result() for part in waiting if not part.cancelled() and not _is_stopped(part)]
        return sorted(sent)

    def _send_part(self, upload: str, number: int, first: int, size: int, stop: Event) -> Part:
        if stop.is_set():
            raise StoppedError
        try:
            body = self._body.part(first, size)
            query = (("partNumber", str(number)), ("uploadId", upload))
            call = Call("PUT", self._key, query, checked_by(checksum(body.digest())), body)
            etag = self._ask(call, _read).headers.get("etag", "")
            self._watch(body.size)
        except BaseException:
            stop.set()
            raise
        return number, etag, body.digest()

    def _complete(self, upload: str, parts: list[Part]) -> None:
        known = f"{checksum(hashlib.sha256(b''.join(digest for _, _, digest in parts)).digest())}-{len(parts)}"
        document = written("CompleteMultipartUpload", *(_written(part) for part in parts)).encode()
        headers = {"content-type": "application/xml", **self._condition}
        try:
            self._ask(Call("POST", self._key, (("uploadId", upload),), headers, BytesBody([document])), _document)
        except (ExistsError, MissingError) as error:  # the second: the upload is gone, for it is complete
            if not (error.doubtful and self._is_ours(known)):
                raise

    def _is_ours(self, known: str) -> bool:
        """Whether what lies there is what we wrote: by its checksum, or where it has none and is small by its bytes."""
        there = look(self._client, self._key)
        if there is None or there.size != self._body.size:
            return False
        if there.checksum or there.size > SMALL:
            return there.checksum == known
        return hashlib.sha256(read_bytes(self._client, self._key, 0, None)).digest() == self._body.digest()

    def _ask(self, call: Call, read: Callable[[Reply], T]) -> T:
        return self._client.perform(lambda: call, read)


def _is_stopped(part: Future[Part]) -> bool:
    return isinstance(part.exception(), StoppedError)


def look(client: Client, key: str) -> Entry | None:
    """What is known of an object; None when there is none."""
    call = Call("HEAD", key, headers={"x-amz-checksum-mode": "ENABLED"})
    try:
        return client.perform(lambda: call, lambda reply: described(key, _read(reply).headers))
    except MissingError:
        return None


def _document(reply: Reply) -> Element:
    """The document of an answer, empty for none: what ends an upload may be an error in spite of its status."""
    content = reply.read()
    if not content.strip():
        return Element("")
    found = read_xml(content)
    if found.name == "Error":
        raise RefusedError(refusal_in(found, reply), reply.headers.get("date", ""))
    return found


def _read(reply: Reply) -> Reply:
    """To its end, so that its connection may be used again."""
    reply.read()
    return reply


def _written(part: Part) -> str:
    number, etag, digest = part
    tag = etag.replace("&", "&amp;").replace("<", "&lt;")
    return written(
        "Part",
        written("PartNumber", str(number)),
        written("ETag", tag),
        written("ChecksumSHA256", checksum(digest)),
    )
