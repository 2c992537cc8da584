"""Whatever breaks between a task and S3, what is there in the end is what was asked for."""

from __future__ import annotations

import hashlib
import http.client
import random
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.worker.s3.answers import error
from tests.worker.s3.servers import Asked, Said, Server
from yamlflow.worker.s3.bucket import Bucket
from yamlflow.worker.s3.errors import ExistsError, MissingError
from yamlflow.worker.s3.objects import Writing

SEEDS = [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 60))]
PART = 5 << 20
FAULTS = ["deaf", "busy", "lost", "lost-500", "cut"]


class Trouble:
    """Hands requests on to S3 and spoils some of them, before or after they were done."""

    def __init__(self, url: str, chance: random.Random) -> None:
        self.netloc = urlsplit(url).netloc
        self.chance = chance
        self.faults: list[str] = []

    def __call__(self, asked: Asked) -> Said:
        fault = self.chance.choice(FAULTS) if self.chance.random() < 0.4 else ""
        self.faults.append(fault)
        if fault == "deaf":
            return Said(deaf=True)
        if fault == "busy":
            return error(503, "SlowDown")
        said = self._hand_on(asked)
        if fault == "lost":
            return Said(deaf=True)
        if fault == "lost-500":
            return error(500, "InternalError")
        if fault == "cut" and said.body and asked.method == "GET":
            said.cut = self.chance.randrange(len(said.body))
        return said

    def _hand_on(self, asked: Asked) -> Said:
        line = http.client.HTTPConnection(self.netloc, timeout=30)
        line.request(asked.method, asked.target, asked.body, asked.headers)
        answer = line.getresponse()
        body = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in {"connection", "date"}}
        line.close()
        return Said(answer.status, body, headers)


class Story:
    """Operations at random, and what must be there after them."""

    def __init__(self, bucket: Bucket, chance: random.Random, folder) -> None:
        self.bucket = bucket
        self.chance = chance
        self.folder = folder
        self.there: dict[str, bytes] = {}
        self.prefix = f"story-{chance.randrange(1 << 60):x}/"

    def step(self, number: int) -> None:
        key = self.prefix + self.chance.choice("abc")
        match self.chance.choice(["put", "put", "new", "new", "get", "file", "look", "list", "delete"]):
            case "put":
                self.there[key] = f"put {number}".encode() * self.chance.choice([1, 100])
                self.bucket.put(key, [self.there[key]])
            case "new":
                self._put_new(key, f"new {number}".encode())
            case "get":
                assert self._got(key) == self.there.get(key)
            case "file":
                assert self._got_file(key, str(self.folder / f"{number}")) == self.there.get(key)
            case "look":
                entry = self.bucket.look(key)
                assert (entry and entry.size) == (len(self.there[key]) if key in self.there else None)
            case "list":
                assert [entry.key for entry in self.bucket.list(self.prefix, page=2)] == sorted(self.there)
            case "delete":
                self.bucket.delete(key)
                self.there.pop(key, None)

    def _put_new(self, key: str, content: bytes) -> None:
        try:
            self.bucket.put(key, [content], only_new=True)
        except ExistsError:
            assert key in self.there
        else:
            assert key not in self.there
            self.there[key] = content

    def _got(self, key: str) -> bytes | None:
        try:
            return self.bucket.get(key)
        except MissingError:
            return None

    def _got_file(self, key: str, path: str) -> bytes | None:
        try:
            received = self.bucket.get_file(key, path)
        except MissingError:
            return None
        content = Path(path).read_bytes()
        assert (received.size, received.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        return content


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_faults_the_bucket_holds_what_was_asked_for(opened, url, boto, tmp_path, seed):
    chance = random.Random(seed)
    trouble = Trouble(url, chance)
    with Server(trouble) as server:
        story = Story(opened(server), chance, tmp_path)
        for number in range(20):
            story.step(number)
        story.bucket.close()
    listed = boto.list_objects_v2(Bucket="bucket", Prefix=story.prefix).get("Contents", [])
    got = {one["Key"]: boto.get_object(Bucket="bucket", Key=one["Key"])["Body"].read() for one in listed}
    assert got == story.there
    assert any(trouble.faults)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_faults_an_upload_in_parts_is_whole_and_leaves_none(opened, url, boto, tmp_path, seed):
    chance = random.Random(seed)
    content = chance.randbytes(2 * PART + 1)
    with Server(Trouble(url, chance)) as server:
        plain = opened(server)
        key = f"parts-{seed}"
        Bucket(plain._client, plain._connections, Writing(part=PART, threads=2)).put(key, [content], only_new=True)
        received = plain.get_file(key, str(tmp_path / "back"))
    assert received.sha256 == hashlib.sha256(content).hexdigest()
    uploads = boto.list_multipart_uploads(Bucket="bucket").get("Uploads", [])
    assert [one for one in uploads if one["Key"] == key and _has_parts(boto, one)] == []


def _has_parts(boto, upload) -> bool:
    """An upload whose beginning was answered too late has none, and costs nothing."""
    return bool(boto.list_parts(Bucket="bucket", Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts"))
