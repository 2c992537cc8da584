"""Region, endpoint and bucket to an address, against botocore's for the same settings."""

from __future__ import annotations

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from tests.worker.s3.answers import KEYS
from yamlflow.worker.s3.address import Place
from yamlflow.worker.s3.errors import BucketError, ConfigurationError
from yamlflow.worker.s3.settings import settings
from yamlflow.worker.s3.wire.messages import Url

KEY = "a/b c+d//ä"
REGIONS = ["eu-west-1", "us-west-2", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "ap-south-1"]
BUCKETS = ["bucket", "my.bucket", "my-bucket-1", "UPPER_case"]


def address(environ: dict[str, str], bucket: str) -> str:
    found = settings({"HOME": "/nonexistent", **environ})
    place = Place(bucket, found.region, found.endpoint, found.addressing, found.fips, found.dualstack)
    url = place.url(KEY)
    return url.origin + url.target


class Nothing:
    """The content of an empty answer."""

    def stream(self):
        return []


def theirs(monkeypatch, environ: dict[str, str], *buckets: str, style: str = "auto") -> list[str]:
    """The addresses that boto3 would send this to."""
    for name, value in {**KEYS, "HOME": "/nonexistent", **environ}.items():
        monkeypatch.setenv(name, value)
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    session = boto3.session.Session()
    client = session.client("s3", region_name=region, config=Config(s3={"addressing_style": style}))
    sent: list[str] = []

    def answer(request, **_):
        sent.append(request.url)
        return AWSResponse(request.url, 204, {}, Nothing())

    client.meta.events.register("before-send.s3", answer)
    for bucket in buckets:
        client.delete_object(Bucket=bucket, Key=KEY)
    client.close()
    return sent


@pytest.mark.parametrize("region", REGIONS)
def test_a_bucket_of_aws_is_where_botocore_looks_for_it(monkeypatch, region):
    environ = {"AWS_REGION": region}
    assert [address(environ, bucket) for bucket in BUCKETS] == theirs(monkeypatch, environ, *BUCKETS)


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_ENDPOINT_URL": "http://minio.test:9000"},
        {"AWS_ENDPOINT_URL": "http://other.test", "AWS_ENDPOINT_URL_S3": "https://s3.test"},
        {"AWS_ENDPOINT_URL_S3": "https://gateway.test:8443/some/prefix/"},
        {"AWS_ENDPOINT_URL_S3": "http://10.0.0.1:8080"},
        {"AWS_ENDPOINT_URL_S3": "https://s3.test", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_REGION": "us-west-2"},
        {"AWS_USE_FIPS_ENDPOINT": "TRUE", "AWS_USE_DUALSTACK_ENDPOINT": "True", "AWS_REGION": "us-west-2"},
    ],
    ids=str,
)
def test_an_endpoint_of_a_variable_is_used_as_botocore_does(monkeypatch, environ):
    environ = {"AWS_REGION": "eu-west-1", **environ}
    ours, (expected,) = address(environ, "bucket"), theirs(monkeypatch, environ, "bucket", style="path")
    in_host = expected.replace("//", "//bucket.", 1).replace("/bucket/", "/", 1)
    assert ours == (expected if "AWS_ENDPOINT" in str(environ) and "IGNORE" not in str(environ) else in_host)


def test_a_region_is_taken_from_the_first_that_names_one(tmp_path):
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n[profile other]\nregion = sa-east-1\n")
    file = {"AWS_CONFIG_FILE": str(tmp_path / "config")}
    assert settings({**file, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "x-y-1"}).region == "eu-west-1"
    assert settings({**file, "AWS_DEFAULT_REGION": "ap-south-1"}).region == "ap-south-1"
    assert settings(file).region == "eu-north-1"
    assert settings({**file, "AWS_PROFILE": "other"}).region == "sa-east-1"
    assert settings({"AWS_CONFIG_FILE": str(tmp_path / "none")}).region == "us-east-1"


def test_a_profile_names_endpoints_by_service_and_the_way_of_addressing(tmp_path):
    (tmp_path / "config").write_text(
        "[profile dev]\nservices = here\nendpoint_url = http://all.test\ns3 =\n    addressing_style = virtual\n"
        "[services here]\ns3 =\n  endpoint_url = http://s3.test:9000\nsts =\n  endpoint_url = http://sts.test\n"
        "[profile plain]\nendpoint_url = http://all.test\n"
    )
    file = {"AWS_CONFIG_FILE": str(tmp_path / "config")}
    found = settings({**file, "AWS_PROFILE": "dev"})
    assert (found.endpoint, found.sts) == (Url("http", "s3.test", 9000), Url("http", "sts.test", 80))
    assert address({**file, "AWS_PROFILE": "dev"}, "bucket").startswith("http://bucket.s3.test:9000/a/")
    assert settings({**file, "AWS_PROFILE": "plain"}).endpoint == Url("http", "all.test", 80)
    assert settings({**file, "AWS_PROFILE": "dev", "AWS_ENDPOINT_URL": "http://env.test"}).endpoint.host == "env.test"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AWS_REGION": "eu-west-1.evil.example/"}, "AWS region"),
        ({"AWS_ENDPOINT_URL_S3": "minio:9000"}, "AWS_ENDPOINT_URL_S3"),
        ({"AWS_ENDPOINT_URL": "ftp://x"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "https://user:hunter2@x"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "https://x:port"}, "AWS_ENDPOINT_URL"),
        ({"AWS_PROFILE": "nobody"}, "AWS_PROFILE names 'nobody'"),
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense_is_named(environ, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        settings({"HOME": "/nonexistent", **environ})
    assert caught.value.exit_code == 78
    assert "hunter2" not in str(caught.value)


def test_a_profile_with_nothing_in_it_is_one(tmp_path):
    (tmp_path / "config").write_text("[profile empty]\n")
    assert settings({"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "empty"}).region == "us-east-1"


def test_a_file_with_a_broken_line_is_named_with_its_line_and_without_its_text(tmp_path):
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\nhunter2 without any sign\n")
    with pytest.raises(ConfigurationError, match="line 3") as caught:
        settings({"AWS_CONFIG_FILE": str(tmp_path / "config")})
    assert str(tmp_path / "config") in str(caught.value)
    assert "hunter2" not in repr(caught.value) + str(caught.value.hint)


@pytest.mark.parametrize("content", [b"key = value\n", b"[default\n", b"\xff\xfe\x00"])
def test_any_other_broken_file_is_named(tmp_path, content):
    (tmp_path / "config").write_bytes(content)
    with pytest.raises(ConfigurationError, match="config cannot be read"):
        settings({"AWS_CONFIG_FILE": str(tmp_path / "config")})


@pytest.mark.parametrize("name", ["a/b", "", "ab", "x?y=z", "ä-bucket", "evil.example#", "arn:aws:s3:::x", ".."])
def test_a_name_that_no_bucket_has_is_refused(name):
    with pytest.raises(BucketError, match="not the name of a bucket"):
        Place(name, "eu-west-1")
