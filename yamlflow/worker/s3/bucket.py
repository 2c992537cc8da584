"""A bucket, as a task reaches it: get, put, look, list, delete. This is the door of the folder.

    bucket = open_bucket("results")
    bucket.put("runs/1/ok", [b"{}"], only_new=True)     ExistsError: somebody was first
    bucket.get_file("objects/ab/cd", "/scratch/value")  streamed; goes on where it broke off

Where S3 is, and who the task is, is read from variables and files as the AWS SDKs
read them (see `settings` and `credentials/chain`). Every failure is one of the typed
errors of `errors`. Safe for any number of threads, and for a fork while no thread of
it is busy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote_plus

from yamlflow.worker.disk import Bytes, create
from yamlflow.worker.s3.address import Place
from yamlflow.worker.s3.client import Call, Client
from yamlflow.worker.s3.credentials.chain import find
from yamlflow.worker.s3.credentials.keyring import Keyring
from yamlflow.worker.s3.credentials.world import Asking, World
from yamlflow.worker.s3.downloads import Download, Received, Watch, read_bytes
from yamlflow.worker.s3.errors import S3Error
from yamlflow.worker.s3.objects import Encryption, Entry, Writing, listed
from yamlflow.worker.s3.retries import Patience
from yamlflow.worker.s3.settings import settings
from yamlflow.worker.s3.shared import shared_files
from yamlflow.worker.s3.uploads import Upload, look
from yamlflow.worker.s3.wire.bodies import BytesBody, FileBody
from yamlflow.worker.s3.wire.clock import Clock
from yamlflow.worker.s3.wire.connections import Connections
from yamlflow.worker.s3.wire.documents import Element, read_xml

NEARBY = (2.0, 5.0)
"""Seconds for a service of the machine: to be reached, and to answer."""


PATIENCE = Patience()
ASKING = Asking()


def open_bucket(
    name: str,
    environ: Mapping[str, str] = os.environ,
    *,
    encryption: Encryption | None = None,
    patience: Patience = PATIENCE,
    asking: Asking = ASKING,
) -> Bucket:
    """A bucket by its name; nothing is sent yet. ConfigurationError for settings that make no sense."""
    chosen, clock = settings(environ), Clock()
    abroad = Connections(ca_bundle=chosen.ca_bundle, proxies=chosen.proxies)
    world = World(
        environ=environ,
        files=shared_files(environ),
        settings=chosen,
        clock=clock,
        abroad=abroad,
        nearby=Connections(ca_bundle=chosen.ca_bundle, timeout=NEARBY),
        patience=asking,
    )
    place = Place(name, chosen.region, chosen.endpoint, chosen.addressing, chosen.fips, chosen.dualstack)
    client = Client(place, Keyring(lambda: find(world), clock), abroad, clock, patience)
    return Bucket(client, abroad, Writing(encryption.headers if encryption else {}))


class Bucket:
    """The objects of one bucket."""

    def __init__(self, client: Client, connections: Connections, writing: Writing) -> None:
        self._client = client
        self._connections = connections
        self._writing = writing
        self.name = client.bucket

    # ---------------------------------------------------------------- reading

    def get(self, key: str, *, first: int = 0, size: int | None = None) -> bytes:
        """The content in memory: all of it, or `size` bytes from `first` on. MissingError when there is none."""
        return b"" if size == 0 else read_bytes(self._client, key, first, size)

    def get_file(self, key: str, path: str, *, watch: Watch = abs) -> Received:
        """The content into a new file, which is not there after an error; `watch` is told how many bytes came.

        Compared with the checksum that S3 keeps; the caller, who may know another
        digest, compares it with that of the answer, and makes the file durable.
        """
        descriptor = create(path)
        try:
            return Download(key, descriptor, watch).run(self._client)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)

    def look(self, key: str) -> Entry | None:
        """What is known of an object, without its content; None when there is none."""
        return look(self._client, key)

    def list(self, prefix: str = "", *, after: str = "", page: int = 1000) -> Iterator[Entry]:
        """The objects whose keys begin so, in the order of their keys, one request a page."""
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(page), "prefix": prefix}
        query |= {"start-after": after} if after else {}
        token = ""
        while True:
            found = self._page({**query, **({"continuation-token": token} if token else {})})
            for element in found.all("Contents"):
                yield listed(element, unquote_plus(element.text("Key")))
            if found.text("IsTruncated") != "true":
                return
            last, token = token, found.text("NextContinuationToken")
            if token in {"", last}:
                raise S3Error(f"the list of s3://{self.name}/{prefix} does not go on: no new token", bucket=self.name)

    def _page(self, query: Mapping[str, str]) -> Element:
        call = Call("GET", query=tuple(query.items()))
        return self._client.perform(lambda: call, lambda reply: read_xml(reply.read()))

    # ---------------------------------------------------------------- writing

    def put(self, key: str, parts: Iterable[Bytes], *, only_new: bool = False, watch: Watch = abs) -> None:
        """Store buffers one after another. `only_new`: ExistsError when there is an object already, which stays."""
        Upload(self._client, self._writing, key, BytesBody(parts), only_new=only_new, watch=watch).run()

    def put_file(self, key: str, path: str, *, sha256: str = "", only_new: bool = False, watch: Watch = abs) -> None:
        """Store a file, streamed, a large one in parts; `sha256` in hex saves reading it once more."""
        body = FileBody(path, digest=bytes.fromhex(sha256))
        Upload(self._client, self._writing, key, body, only_new=only_new, watch=watch).run()

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
        call = Call("DELETE", key)
        self._client.perform(lambda: call, lambda reply: reply.read())

    def close(self) -> None:
        """Close what connections are idle; it may be used again."""
        self._connections.close()
