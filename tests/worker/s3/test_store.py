"""Every operation against moto's S3, with boto3 looking from the other side."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.worker.s3.answers import KEYS
from yamlflow.worker.s3.bucket import Bucket, open_bucket
from yamlflow.worker.s3.errors import BucketError, DamagedError, ExistsError, MissingError, S3Error
from yamlflow.worker.s3.objects import Encryption, Writing

LARGE = (2 * 5 << 20) + (5 << 20) + 7
"""Three parts of 5 MiB, the least that S3 takes, and some bytes."""


def opened(url, name="bucket", **more) -> Bucket:
    return open_bucket(name, {"HOME": "/nonexistent", "AWS_ENDPOINT_URL_S3": url, **KEYS}, **more)


@pytest.fixture
def bucket(url, boto):
    one = opened(url)
    yield one
    one.close()


def composite(content: bytes) -> str:
    """The checksum of an object in parts of 5 MiB."""
    digests = [hashlib.sha256(content[at : at + (5 << 20)]).digest() for at in range(0, len(content), 5 << 20)]
    return f"{base64.b64encode(hashlib.sha256(b''.join(digests)).digest()).decode()}-{len(digests)}"


def in_small_parts(bucket: Bucket) -> Bucket:
    return Bucket(bucket._client, bucket._connections, Writing(part=5 << 20, threads=3))


@pytest.mark.parametrize(
    "key",
    ["plain", "a/b/c.json", "sp ace+plus%25", "ä/語/🎈", "a//b", "/first", "dots/../up", "q?x=1&y#z", "~_-.!*'()"],
)
def test_what_is_put_under_any_key_is_there_for_others_and_comes_back(bucket, boto, key):
    bucket.put(key, [b"one ", b"two"])
    assert boto.get_object(Bucket="bucket", Key=key)["Body"].read() == b"one two"
    assert bucket.get(key) == b"one two"
    assert bucket.look(key).size == 7
    assert key in [entry.key for entry in bucket.list(key[:2])]
    bucket.delete(key)
    assert bucket.look(key) is None


def test_an_object_without_bytes_is_an_object(bucket, tmp_path):
    bucket.put("empty", [])
    assert bucket.get("empty") == b""
    assert bucket.look("empty").size == 0
    assert bucket.get_file("empty", str(tmp_path / "empty")).size == 0


def test_a_stretch_of_an_object_can_be_read(bucket):
    bucket.put("digits", [b"0123456789"])
    assert bucket.get("digits", first=2, size=3) == b"234"
    assert bucket.get("digits", first=7) == b"789"
    assert bucket.get("digits", size=2) == b"01"
    assert bucket.get("digits", size=0) == b""


def test_a_new_object_is_not_put_over_another(bucket):
    bucket.put("marker", [b"first"], only_new=True)
    with pytest.raises(ExistsError, match="s3://bucket/marker") as caught:
        bucket.put("marker", [b"second"], only_new=True)
    assert (caught.value.status, caught.value.code, caught.value.key) == (412, "PreconditionFailed", "marker")
    assert bucket.get("marker") == b"first"
    bucket.put("marker", [b"third"])
    assert bucket.get("marker") == b"third"


def test_of_many_who_put_a_new_object_at_once_one_wins(bucket):
    gate = threading.Barrier(4)

    def put(number: int) -> bool:
        gate.wait()
        try:
            bucket.put("race", [str(number).encode()], only_new=True)
        except ExistsError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(put, range(4)))
    assert sum(won) >= 1  # moto's own check is not atomic; what lies there is one of the winners'
    assert won[int(bucket.get("race"))]


def test_what_is_not_there_is_missing(bucket, tmp_path):
    with pytest.raises(MissingError, match="s3://bucket/nothing: NoSuchKey") as caught:
        bucket.get("nothing")
    assert caught.value.request_id
    with pytest.raises(MissingError):
        bucket.get_file("nothing", str(tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []
    assert bucket.look("nothing") is None
    bucket.delete("nothing")


def test_a_bucket_that_is_not_there_is_an_error_of_the_set_up(url, boto):
    with pytest.raises(BucketError, match="NoSuchBucket") as caught:
        opened(url, "no-such-bucket").put("x", [b""])
    assert caught.value.exit_code == 78


def test_a_file_goes_up_and_comes_down_with_its_digest(bucket, tmp_path):
    content = random.Random(1).randbytes(3_000_000)
    (tmp_path / "up").write_bytes(content)
    came: list[int] = []
    bucket.put_file("file", str(tmp_path / "up"), sha256=hashlib.sha256(content).hexdigest())
    received = bucket.get_file("file", str(tmp_path / "down"), watch=came.append)
    assert (tmp_path / "down").read_bytes() == content
    assert (received.size, received.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert sum(came) == len(content)


def test_s3_keeps_the_checksum_and_gives_it_to_who_looks(bucket, boto):
    bucket.put("checked", [b"content"])
    known = boto.head_object(Bucket="bucket", Key="checked", ChecksumMode="ENABLED")["ChecksumSHA256"]
    entry = bucket.look("checked")
    assert (entry.checksum, entry.sha256) == (known, hashlib.sha256(b"content").hexdigest())


def test_what_is_not_what_its_checksum_says_is_damaged(bucket, tmp_path):
    (tmp_path / "up").write_bytes(b"content")
    bucket.put_file("wrong", str(tmp_path / "up"), sha256="00" * 32)  # moto takes it, S3 would not
    with pytest.raises(DamagedError, match="s3://bucket/wrong is damaged"):
        bucket.get("wrong")
    with pytest.raises(DamagedError):
        bucket.get_file("wrong", str(tmp_path / "down"))
    assert not (tmp_path / "down").exists()


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_large_value_goes_up_in_parts_and_is_whole(bucket, boto, tmp_path, kind):
    content = random.Random(2).randbytes(LARGE)
    sent: list[int] = []
    if kind == "file":
        (tmp_path / "large").write_bytes(content)
        in_small_parts(bucket).put_file("large", str(tmp_path / "large"), watch=sent.append)
    else:
        view = memoryview(content)
        in_small_parts(bucket).put("large", [view[:100], view[100:6_000_000], view[6_000_000:]], watch=sent.append)
    assert sorted(sent) == [7, 5 << 20, 5 << 20, 5 << 20]
    assert boto.get_object(Bucket="bucket", Key="large")["Body"].read() == content
    assert bucket.look("large").etag.strip('"').endswith("-4")
    assert bucket.look("large").checksum == composite(content)
    received = bucket.get_file("large", str(tmp_path / "back"))
    assert received.sha256 == hashlib.sha256(content).hexdigest()
    assert boto.list_multipart_uploads(Bucket="bucket").get("Uploads", []) == []


def test_a_large_new_object_is_not_put_over_another_and_leaves_no_parts(bucket, boto):
    bucket.put("taken", [b"first"])
    with pytest.raises(ExistsError):
        in_small_parts(bucket).put("taken", [bytes(LARGE)], only_new=True)
    assert bucket.get("taken") == b"first"
    assert boto.list_multipart_uploads(Bucket="bucket").get("Uploads", []) == []


def test_a_file_that_shrinks_on_its_way_is_an_error_and_leaves_no_parts(bucket, boto, tmp_path):
    (tmp_path / "shrinks").write_bytes(bytes(LARGE))

    def shrink(_: int) -> None:
        os.truncate(tmp_path / "shrinks", 100)

    with pytest.raises(S3Error, match="became shorter"):
        Bucket(bucket._client, bucket._connections, Writing(part=5 << 20, threads=1)).put_file(
            "shrinks", str(tmp_path / "shrinks"), watch=shrink
        )
    assert bucket.look("shrinks") is None
    assert boto.list_multipart_uploads(Bucket="bucket").get("Uploads", []) == []


def test_a_long_list_comes_page_by_page_in_order(bucket):
    keys = [f"list/{number:03d} ä+%" for number in range(23)]
    for key in reversed(keys):
        bucket.put(key, [b"x"])
    assert [entry.key for entry in bucket.list("list/", page=5)] == keys
    assert [entry.key for entry in bucket.list("list/", after=keys[20], page=5)] == keys[21:]
    assert [entry.size for entry in bucket.list("list/", page=23)] == [1] * 23
    assert list(bucket.list("no such prefix")) == []


def test_what_is_written_is_encrypted_as_asked(url, boto):
    encryption = Encryption("aws:kms", "alias/mine", bucket_key=True)
    bucket = opened(url, encryption=encryption)
    bucket.put("secret", [b"x"])
    in_parts = Bucket(bucket._client, bucket._connections, Writing(encryption.headers, part=5 << 20))
    in_parts.put("large-secret", [bytes(LARGE)])
    for key in ("secret", "large-secret"):
        head = boto.head_object(Bucket="bucket", Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/mine")
    assert bucket.get("secret") == b"x"
    bucket.close()
