"""What goes wrong between a task and S3, and what becomes of it."""

from __future__ import annotations

import hashlib
import pickle
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest

from tests.worker.s3.answers import SECRET, TOKEN, error, role_keys
from tests.worker.s3.conftest import SHORT
from tests.worker.s3.servers import Asked, Said, serving
from yamlflow.worker.s3.address import region_in
from yamlflow.worker.s3.bucket import Bucket
from yamlflow.worker.s3.errors import (
    BucketError,
    CredentialsError,
    DamagedError,
    DeniedError,
    ExistsError,
    MissingError,
    S3Error,
    UnreachableError,
)
from yamlflow.worker.s3.objects import Encryption, Writing, checksum

LOST = [Said(deaf=True), error(500, "InternalError")]
CONTENT = bytes(range(256)) * 4096
SLOW_DOWN = error(503, "SlowDown")
BUSY = [
    SLOW_DOWN,
    error(500, "InternalError"),
    error(429, "TooManyRequestsException"),
    error(400, "RequestTimeout"),
    error(409, "ConditionalRequestConflict"),
    Said(502, "<html><body>bad gateway</body></html>"),
    Said(504),
    Said(deaf=True),
]


@pytest.mark.parametrize("trouble", BUSY, ids=lambda said: f"{said.status}-{said.deaf}")
def test_what_passes_is_tried_again(opened, trouble):
    with serving(trouble, trouble, trouble, Said(200, CONTENT)) as server:
        assert opened(server).get("key") == CONTENT
        assert len(server.asked) >= 4


def test_what_does_not_pass_says_so_when_patience_is_over(opened):
    with serving(SLOW_DOWN) as server, pytest.raises(UnreachableError) as caught:
        opened(server, patience=SHORT).get("key")
    assert "s3://bucket/key" in caught.value.message and "SlowDown (503)" in caught.value.message
    assert (caught.value.exit_code, caught.value.status, caught.value.request_id) == (75, 503, "REQ1")
    assert len(server.asked) >= 2


def test_a_server_that_is_not_there_says_what_to_check(opened):
    with serving(Said()) as server:
        pass
    with pytest.raises(UnreachableError, match="refused") as caught:
        opened(server, patience=SHORT).get("key")
    assert "AWS_ENDPOINT_URL_S3" in caught.value.hint


def test_a_server_may_ask_for_a_longer_pause_than_we_would_make(opened):
    busy = error(503, "SlowDown", headers={"Retry-After": "1"})
    with serving(busy, Said(200, b"x")) as server:
        begun = time.monotonic()
        assert opened(server).get("key") == b"x"
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize(
    ("said", "kind", "code", "hint"),
    [
        (error(403, "AccessDenied"), DeniedError, 77, "allow s3:GetObject on arn:aws:s3:::bucket/key"),
        (error(403, "InvalidAccessKeyId"), DeniedError, 77, "the credentials come from the environment"),
        (error(403, "SignatureDoesNotMatch"), DeniedError, 77, "the credentials come from the environment"),
        (error(404, "NoSuchKey"), MissingError, 1, None),
        (error(404, "NoSuchBucket"), BucketError, 78, "create the bucket"),
        (error(501, "NotImplemented"), S3Error, 1, "this endpoint lacks"),
        (error(400, "InvalidRequest"), S3Error, 1, None),
        (Said(405, "<not xml"), S3Error, 1, None),
        (Said(418, b"\x00\x1b[31mred"), S3Error, 1, None),
    ],
    ids=lambda value: getattr(value, "status", None) and str(value.status),
)
def test_what_is_final_is_said_at_once_with_what_to_do(opened, said, kind, code, hint):
    with serving(said) as server, pytest.raises(S3Error) as caught:
        opened(server).get("key")
    assert type(caught.value) is kind
    assert len(server.asked) == 1
    assert (caught.value.exit_code, caught.value.status, caught.value.bucket, caught.value.key) == (
        *(code, said.status),
        *("bucket", "key"),
    )
    assert (caught.value.hint or "").startswith(hint or "")
    assert "AKID" not in str(caught.value) + str(caught.value.hint) + repr(vars(caught.value))


def test_who_may_not_list_or_use_the_key_is_told_which_right_is_missing(opened):
    with serving(error(403, "AccessDenied")) as server, pytest.raises(DeniedError) as caught:
        list(opened(server).list("runs/"))
    assert (caught.value.hint or "").startswith("allow s3:ListBucket on arn:aws:s3:::bucket for")
    words = "<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:GenerateDataKey</Message></Error>"
    with serving(Said(403, words)) as server, pytest.raises(DeniedError) as caught:
        opened(server).put("key", [b"x"])
    assert (caught.value.hint or "").startswith("allow kms:GenerateDataKey and kms:Decrypt")


def test_an_error_travels_with_all_it_says(opened):
    with serving(error(403, "AccessDenied")) as server, pytest.raises(DeniedError) as caught:
        opened(server).get("key")
    back = pickle.loads(pickle.dumps(caught.value))
    assert (type(back), vars(back), str(back)) == (DeniedError, vars(caught.value), str(caught.value))


# ---------------------------------------------------------------- answers that are not whole


class Ranges:
    """S3 that breaks off after some bytes of every answer."""

    def __init__(self, content: bytes, cut: int, *, etag: str = '"one"', knows_ranges: bool = True) -> None:
        self.content = content
        self.cut = cut
        self.etag = etag
        self.knows_ranges = knows_ranges

    def __call__(self, asked: Asked) -> Said:
        first = 0
        if self.knows_ranges and "range" in asked.headers:
            first = int(asked.headers["range"].removeprefix("bytes=").partition("-")[0])
            if asked.headers["if-match"] != self.etag:
                return error(412, "PreconditionFailed")
        left = self.content[first:]
        headers = {"ETag": self.etag}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(self.content) - 1}/{len(self.content)}"
        cut = self.cut if len(left) > self.cut else None
        return Said(206 if first else 200, left, headers, cut=cut)


def test_a_download_that_breaks_off_goes_on_where_it_was(opened, tmp_path):
    came: list[int] = []
    with serving(Ranges(CONTENT, 300_000)) as server:
        received = opened(server).get_file("key", str(tmp_path / "file"), watch=came.append)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert received.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert sum(came) == len(CONTENT)
    ranges = [asked.headers.get("range") for asked in server.asked]
    assert ranges[0] is None and len(ranges) == 4 and all(ranges[1:])


def test_a_download_that_gets_on_is_not_out_of_patience(opened, tmp_path):
    def slow(asked):
        time.sleep(0.05)
        return Ranges(CONTENT, 40_000)(asked)

    with serving(slow) as server:
        opened(server, patience=SHORT).get_file("key", str(tmp_path / "file"))
        assert len(server.asked) > 20
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_download_from_a_server_without_ranges_begins_anew(opened, tmp_path):
    short, whole = Ranges(CONTENT, 300_000, knows_ranges=False), Ranges(CONTENT, 1 << 30, knows_ranges=False)
    came: list[int] = []
    with serving(short, short, whole) as server:
        opened(server).get_file("key", str(tmp_path / "file"), watch=came.append)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert sum(came) == len(CONTENT)


def test_a_download_that_begins_anew_leaves_nothing_of_the_first(opened, tmp_path):
    with serving(Ranges(CONTENT, 300_000, knows_ranges=False), Said(200, b"short")) as server:
        received = opened(server).get_file("key", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"short"
    assert received.size == 5


def test_an_object_that_changes_while_it_is_read_is_an_error_and_leaves_nothing(opened, tmp_path):
    with (
        serving(Ranges(CONTENT, 300_000), Ranges(CONTENT[::-1], 300_000, etag='"two"')) as server,
        pytest.raises(DamagedError, match="PreconditionFailed"),
    ):
        opened(server).get_file("key", str(tmp_path / "file"))
    assert list(tmp_path.iterdir()) == []


def test_a_stretch_other_than_the_one_that_was_asked_for_is_not_taken(opened, tmp_path):
    wrong = Said(206, CONTENT[5:], {"ETag": '"one"', "Content-Range": f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"})
    with serving(Ranges(CONTENT, 300_000), wrong, Ranges(CONTENT, 1 << 30)) as server:
        opened(server).get_file("key", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_bytes_that_are_cut_off_are_asked_for_again(opened):
    with serving(Said(200, CONTENT, cut=1000), Said(200, CONTENT)) as server:
        assert opened(server).get("key") == CONTENT


def test_a_list_that_is_cut_off_is_asked_for_again(opened):
    page = "<ListBucketResult><Contents><Key>a+b%2B</Key><Size>1</Size></Contents></ListBucketResult>"
    with serving(Said(200, page, cut=30), Said(200, page[:40]), Said(200, page)) as server:
        assert [entry.key for entry in opened(server).list()] == ["a b+"]


def test_a_list_whose_pages_do_not_go_on_ends_with_an_error(opened):
    page = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    with serving(Said(200, page + "</ListBucketResult>")) as server, pytest.raises(S3Error, match="does not go on"):
        list(opened(server).list("x"))


@pytest.mark.parametrize("document", ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a><b></a>", "plain", ""])
def test_a_document_that_is_none_of_s3_is_no_list(opened, document):
    with serving(Said(200, document)) as server, pytest.raises(UnreachableError, match="cannot be read as XML"):
        list(opened(server, patience=SHORT).list())


def test_a_connection_that_the_server_closed_is_replaced_at_once(opened):
    closing = Said(200, b"one", {"Connection": "close"})
    with serving(Said(200, b"zero"), closing, Said(200, b"two"), Said(deaf=True), Said(200, b"three")) as server:
        bucket = opened(server)
        assert [bucket.get("key") for _ in range(4)] == [b"zero", b"one", b"two", b"three"]
        assert server.lines == 3


def test_one_connection_serves_one_request_after_another(opened):
    with serving(Said(200, b"x", {"ETag": '"e"'})) as server:
        bucket = opened(server)
        bucket.put("key", [b"x"])
        bucket.look("key")
        bucket.get("key")
        bucket.delete("key")
        bucket.look("key")
    assert (len(server.asked), server.lines) == (5, 1)


def test_when_one_old_connection_is_closed_the_others_are_not_tried(opened):
    gate = threading.Barrier(4)

    def together(_: Asked) -> Said:
        gate.wait(30)
        return Said(200, b"x")

    with serving(together, together, together, together, Said(deaf=True), Said(200, b"x")) as server:
        bucket = opened(server)
        threads = [threading.Thread(target=bucket.get, args=("key",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bucket.get("key") == b"x"
        assert (len(server.asked), server.lines) == (6, 5)


def test_a_file_that_cannot_be_read_is_named_at_once(opened, tmp_path):
    with serving(Said(200)) as server:
        with pytest.raises(S3Error, match="gone cannot be read: No such file"):
            opened(server).put_file("key", str(tmp_path / "gone"))
        with pytest.raises(S3Error, match="cannot be read: Is a directory"):
            opened(server).put_file("key", str(tmp_path))
        assert server.asked == []


# ---------------------------------------------------------------- writes whose answer got lost


def lost_then(*answers, lost: Said = LOST[0]):
    """The write is done and its answer lost; the next try is told that there is one already."""
    return lost, error(412, "PreconditionFailed"), *answers


@pytest.mark.parametrize("lost", LOST, ids=["broken-off", "internal-error"])
def test_a_new_object_that_was_written_by_our_own_lost_try_is_ours(opened, lost):
    ours = {"x-amz-checksum-sha256": checksum(hashlib.sha256(b"mine").digest())}
    with serving(*lost_then(Said(200, b"mine", ours), lost=lost)) as server:
        opened(server).put("key", [b"mine"], only_new=True)
    assert [asked.method for asked in server.asked] == ["PUT", "PUT", "HEAD"]


def test_without_a_checksum_a_small_object_is_compared_by_its_bytes(opened):
    with serving(*lost_then(Said(200, b"mine"))) as server:
        opened(server).put("key", [b"mine"], only_new=True)
    assert [asked.method for asked in server.asked] == ["PUT", "PUT", "HEAD", "GET"]


THEIRS = {"x-amz-checksum-sha256": checksum(hashlib.sha256(b"them").digest())}


@pytest.mark.parametrize("other", [Said(200, b"them"), Said(200, b"others"), Said(200, b"them", THEIRS)], ids=range(3))
def test_a_new_object_of_somebody_else_is_not_ours_even_if_an_answer_was_lost(opened, other):
    with serving(*lost_then(other)) as server, pytest.raises(ExistsError):
        opened(server).put("key", [b"mine"], only_new=True)


def test_without_a_lost_answer_nobody_asks_whose_an_object_is(opened):
    with serving(error(412, "PreconditionFailed")) as server, pytest.raises(ExistsError):
        opened(server).put("key", [b"mine"], only_new=True)
    assert [asked.method for asked in server.asked] == ["PUT"]


def test_a_put_that_is_refused_early_is_told_why_and_not_that_the_pipe_broke(opened):
    with RefusesEarly() as server, pytest.raises(DeniedError, match="AccessDenied"):
        opened(server).put("key", [bytes(30 << 20)])


class RefusesEarly:
    """Answers after the head of a request, reads nothing more, and closes."""

    def __enter__(self):
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.door.close()

    def serve(self):
        guest, _ = self.door.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += guest.recv(4096)
        body = error(403, "AccessDenied").body.encode()
        guest.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        guest.shutdown(1)
        time.sleep(0.2)
        guest.close()


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        (Encryption(), {"": "aws:kms"}),
        (Encryption("AES256"), {"": "AES256"}),
        (
            Encryption("aws:kms", "alias/mine", "e30=", bucket_key=True),
            {"": "aws:kms", "-aws-kms-key-id": "alias/mine", "-context": "e30=", "-bucket-key-enabled": "true"},
        ),
    ],
)
def test_encryption_is_asked_for_in_headers_that_are_signed(opened, encryption, expected):
    with serving(Said(200)) as server:
        opened(server, encryption=encryption).put("key", [b"x"])
    headers, start = server.asked[0].headers, "x-amz-server-side-encryption"
    assert {name.removeprefix(start): headers[name] for name in headers if name.startswith(start)} == expected
    assert all(f"{start}{name}" in headers["authorization"] for name in expected)


def parts_server(asked_for: list[str], *, completes: list[Said]):
    """Takes an upload in parts; the requests to complete it are answered one after another."""

    def script(asked: Asked) -> Said:
        asked_for.append(f"{asked.method} {' '.join(asked.query)}")
        if asked.method == "POST" and "uploads" in asked.query:
            return Said(200, "<R><UploadId>u1</UploadId></R>")
        if asked.method == "PUT":
            return Said(200, headers={"ETag": f'"{asked.query["partNumber"]}"'})
        return completes.pop(0)

    return script


def in_parts(bucket: Bucket) -> Bucket:
    return Bucket(bucket._client, bucket._connections, Writing(part=1000, threads=2))


def test_an_upload_whose_end_is_an_error_with_status_200_is_tried_again(opened):
    asked: list[str] = []
    ended = [Said(200, error(500, "InternalError").body), Said(200, "<R><ETag>x</ETag></R>")]
    with serving(parts_server(asked, completes=ended)) as server:
        in_parts(opened(server)).put("key", [bytes(2500)])
    assert asked[-2:] == ["POST uploadId"] * 2
    assert sorted(asked[:-2]) == ["POST uploads", *["PUT partNumber uploadId"] * 3]


def test_an_upload_that_was_complete_when_its_answer_got_lost_is_complete(opened):
    digests = b"".join(hashlib.sha256(bytes(size)).digest() for size in (1000, 1000, 500))
    known = f"{checksum(hashlib.sha256(digests).digest())}-3"
    there = Said(200, bytes(2500), {"x-amz-checksum-sha256": known})
    ended = [Said(deaf=True), error(404, "NoSuchUpload"), there]
    with serving(parts_server([], completes=ended)) as server:
        in_parts(opened(server)).put("key", [bytes(2500)])
    assert server.asked[-1].method == "HEAD"


def test_an_upload_that_fails_is_taken_back(opened):
    asked: list[str] = []
    with (
        serving(parts_server(asked, completes=[error(403, "AccessDenied"), Said(204)])) as server,
        pytest.raises(DeniedError),
    ):
        in_parts(opened(server)).put("key", [bytes(2500)])
    assert asked[-1] == "DELETE uploadId"


def test_one_part_that_fails_ends_the_others_and_takes_the_upload_back(opened):
    def script(asked: Asked) -> Said:
        if asked.query.get("partNumber") == "2":
            return error(403, "AccessDenied")
        time.sleep(0.05)  # time for the refusal to arrive, many times before the last part
        return parts_server([], completes=[Said(204)])(asked)

    with serving(script) as server, pytest.raises(DeniedError):
        in_parts(opened(server)).put("key", [bytes(100_000)])
    assert server.asked[-1].method == "DELETE"
    assert len(server.asked) < 50


# ---------------------------------------------------------------- the right region, time and credentials


def signed_for(asked: Asked) -> str:
    return asked.headers["authorization"].split("/")[2]


ELSEWHERE = [
    error(301, "PermanentRedirect", headers={"x-amz-bucket-region": "ap-south-1"}),
    error(307, "TemporaryRedirect", headers={"Location": "https://bucket.s3.ap-south-1.amazonaws.com/key"}),
    error(301, "PermanentRedirect", more="<Endpoint>bucket.s3-ap-south-1.amazonaws.com</Endpoint>"),
    error(400, "AuthorizationHeaderMalformed", more="<Region>ap-south-1</Region>"),
    Said(400, headers={"x-amz-bucket-region": "ap-south-1"}),
]


@pytest.mark.parametrize("said", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_a_bucket_in_another_region_is_reached_there_and_from_then_on(opened, said):
    with serving(said, Said(200, b"x")) as server:
        bucket = opened(server)
        assert [bucket.get("key"), bucket.get("key")] == [b"x", b"x"]
    assert [signed_for(asked) for asked in server.asked] == ["eu-west-1", "ap-south-1", "ap-south-1"]


def test_a_look_that_is_refused_without_a_word_asks_for_the_word(opened):
    def script(asked: Asked) -> Said:
        if signed_for(asked) == "ap-south-1":
            return Said(200, b"x")
        return error(400, "AuthorizationHeaderMalformed", more="<Region>ap-south-1</Region>")

    with serving(script) as server:
        assert opened(server).look("key").size == 1
    assert [asked.method for asked in server.asked] == ["HEAD", "GET", "HEAD"]
    assert server.asked[1].headers["range"] == "bytes=0-0"


def test_threads_that_are_all_sent_elsewhere_all_get_there(opened):
    gate = threading.Barrier(4)

    def script(asked: Asked) -> Said:
        if signed_for(asked) == "ap-south-1":
            return Said(200, b"x")
        gate.wait(30)
        return ELSEWHERE[0]

    with serving(script) as server:
        bucket = opened(server)
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(bucket.get, "abcd")) == [b"x"] * 4


@pytest.mark.parametrize(
    "headers",
    [
        {"Location": "https://evil.example/key"},
        {"Location": "https://s3.ap-south-1.amazonaws.com.evil.example/key"},
        {"x-amz-bucket-region": "evil.example/"},
        {"x-amz-bucket-region": "eu-west-1"},
        {},
    ],
)
def test_a_redirect_to_anywhere_but_a_region_of_aws_is_not_followed(opened, headers):
    with serving(error(307, "TemporaryRedirect", headers=headers)) as server, pytest.raises(BucketError) as caught:
        opened(server).get("key")
    assert len(server.asked) == 1
    assert "AWS_REGION" in caught.value.hint


def test_a_redirect_that_goes_round_in_a_circle_ends(opened):
    one, other = (error(301, "PermanentRedirect", headers={"x-amz-bucket-region": name}) for name in ("a-b-1", "b-c-2"))
    with serving(one, other, one, other, one) as server, pytest.raises(BucketError):
        opened(server).get("key")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("https://bucket.s3.eu-west-1.amazonaws.com/a", "eu-west-1"),
        ("https://s3-us-west-2.amazonaws.com/bucket", "us-west-2"),
        ("a.b.s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://s3.amazonaws.com/bucket", ""),
        ("https://s3.eu-west-1.amazonaws.com@evil.example/", ""),
        ("https://evil.example/s3.eu-west-1.amazonaws.com", ""),
        ("//s3.eu-west-1.evil.com", ""),
    ],
)
def test_only_a_host_of_aws_names_a_region(address, region):
    assert region_in(address) == region


def test_a_clock_that_is_wrong_is_set_by_the_server_for_signing(opened):
    def script(asked: Asked) -> Said:
        if asked.headers["x-amz-date"] < "2031":
            return error(403, "RequestTimeTooSkewed", headers={"Date": formatdate(1_925_000_000, usegmt=True)})
        return Said(200, b"x")

    with serving(script) as server:
        assert opened(server).get("key") == b"x"
    assert len(server.asked) == 2


def test_expired_credentials_are_renewed_and_the_request_sent_again(opened):
    def script(asked: Asked) -> Said:
        if asked.path == "/role":
            return role_keys(f"KEY{len([one for one in server.asked if one.path == '/role'])}")
        return error(400, "ExpiredToken") if "KEY1/" in asked.headers["authorization"] else Said(200, b"x")

    with serving(script) as server:
        more = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/role", "AWS_ACCESS_KEY_ID": ""}
        bucket = opened(server, **more)
        assert [bucket.get("key"), bucket.get("key")] == [b"x", b"x"]
    assert [asked.path for asked in server.asked] == ["/role", "/bucket/key", "/role", "/bucket/key", "/bucket/key"]


def test_expired_credentials_without_others_say_where_they_come_from(opened):
    with serving(error(400, "ExpiredToken")) as server, pytest.raises(CredentialsError) as caught:
        opened(server, AWS_SESSION_TOKEN=TOKEN).get("key")
    assert "the credentials from the environment have expired" in caught.value.message
    assert caught.value.exit_code == 77
    assert SECRET not in repr(caught.value) and TOKEN not in repr(caught.value)


def test_many_threads_share_a_bucket(opened):
    def script(asked: Asked) -> Said:
        return Said(200, asked.path.encode())

    came: dict[int, list[bytes]] = {}
    with serving(script) as server:
        bucket = opened(server)

        def work(number: int) -> None:
            came[number] = [bucket.get(f"{number}/{turn}") for turn in range(20)]

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert came == {one: [f"/bucket/{one}/{turn}".encode() for turn in range(20)] for one in range(8)}
    assert server.lines <= 8
