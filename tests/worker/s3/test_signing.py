"""The signature, against botocore's for the same requests."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import string

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials

from yamlflow.worker.s3.credentials.values import Credentials
from yamlflow.worker.s3.signing import NEVER_SIGNED, Signer
from yamlflow.worker.s3.wire.messages import Url, encoded

MOMENT = dt.datetime(2026, 2, 28, 23, 59, 59, tzinfo=dt.UTC)
LETTERS = string.ascii_letters + string.digits + " !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~äß€語🎈"
REGIONS = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "auto"]


@pytest.fixture
def frozen(monkeypatch):
    monkeypatch.setattr(auth, "get_current_datetime", lambda *_, **__: MOMENT)


def text(chance: random.Random, most: int) -> str:
    return "".join(chance.choices(LETTERS, k=chance.randint(1, most)))


def any_request(number: int):
    chance = random.Random(number)
    key = "/".join(text(chance, 12) for _ in range(chance.randint(1, 4)))
    query = tuple((text(chance, 8), chance.choice(["", text(chance, 20)])) for _ in range(chance.randint(0, 4)))
    host, port = chance.choice([("b.s3.eu-central-1.amazonaws.com", 443), ("minio.test", 9000), ("10.0.0.1", 443)])
    url = Url("https", host, port, "/" + encoded(chance.choice(["", "../", "/"]) + key, "/"), query)
    names = ["range", "if-none-match", "content-type", "x-amz-checksum-sha256", "X-Amz-Meta-Other", "user-agent"]
    values = ["bytes=0-9", "*", "  padded   inside  ", "a,b", "x" * 200, "text/xml; charset=utf-8"]
    headers = {name: chance.choice(values) for name in chance.sample(names, chance.randint(0, 5))}
    body = chance.randbytes(chance.choice([0, 1, 5000]))
    token = chance.choice(["", "FwoGZXIvYXdzEBYaD+/=="])
    credentials = Credentials(f"AKID{number}", "secret/with+signs=" + text(chance, 20), token)
    return chance.choice(["GET", "PUT", "HEAD", "POST", "DELETE"]), url, headers, body, credentials, chance


def theirs(method, url, headers, body, credentials, region, signer=auth.S3SigV4Auth, service="s3") -> dict[str, str]:
    request = AWSRequest(method, url.origin + url.target, headers=dict(headers), data=body)
    ours = TheirCredentials(credentials.access, credentials.secret, credentials.token or None)
    signer(ours, service, region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("part", range(10))
def test_the_signature_of_any_request_is_that_of_botocore(frozen, part):
    for number in range(part * 50, part * 50 + 50):
        method, url, headers, body, credentials, chance = any_request(number)
        region = chance.choice(REGIONS)
        payload = hashlib.sha256(body).hexdigest()
        ours = Signer(region).signed(method, url, headers, payload, credentials, MOMENT.timestamp())
        expected = theirs(method, url, headers, body, credentials, region)
        assert ours["authorization"] == expected["authorization"], number
        assert {**expected, "host": url.netloc} == ours, number


def test_a_request_to_another_service_is_signed_as_botocore_does(frozen):
    url, credentials = Url("https", "sts.eu-west-1.amazonaws.com", 443), Credentials("AKID", "secret", "token")
    headers, body = {"content-type": "application/x-www-form-urlencoded"}, b"Action=AssumeRole&Version=2011-06-15"
    payload = hashlib.sha256(body).hexdigest()
    ours = Signer("eu-west-1", "sts").signed("POST", url, headers, payload, credentials, MOMENT.timestamp())
    sent = {**headers, "x-amz-content-sha256": payload}
    expected = theirs("POST", url, sent, body, credentials, "eu-west-1", auth.SigV4Auth, "sts")
    assert ours["authorization"] == expected["authorization"]


def test_the_headers_that_are_never_signed_are_those_of_botocore():
    assert sorted(NEVER_SIGNED) == sorted(auth.SIGNED_HEADERS_BLACKLIST)
