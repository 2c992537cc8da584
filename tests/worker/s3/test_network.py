"""Certificates and proxies; through a proxy, hosts of AWS are servers of the test's own."""

from __future__ import annotations

import base64

import pytest

from tests.worker.s3.answers import error, role_keys
from tests.worker.s3.certificates import Authority
from tests.worker.s3.conftest import SHORT
from tests.worker.s3.servers import Asked, Proxy, Said, Server, serving
from yamlflow.worker.s3.errors import ConfigurationError, UnreachableError
from yamlflow.worker.s3.wire.messages import Url
from yamlflow.worker.s3.wire.proxies import proxies

REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def aws(authority):
    """TLS of every host of S3 that a test here asks for."""
    regions = ("eu-west-1", "ap-south-1")
    hosts = [f"{star}s3.{region}.amazonaws.com" for region in regions for star in ("", "*.")]
    return authority.server(*hosts)


def test_a_server_with_a_certificate_of_ones_own_is_trusted_with_its_bundle(opened, authority):
    with serving(Said(200, b"x"), tls=authority.server("127.0.0.1")) as server:
        assert opened(server, AWS_CA_BUNDLE=str(authority.bundle)).get("key") == b"x"
        assert opened(server, REQUESTS_CA_BUNDLE=str(authority.bundle)).get("key") == b"x"


def test_the_bundle_may_stand_in_the_profile(opened, authority, tmp_path):
    (tmp_path / "config").write_text(f"[default]\nca_bundle = {authority.bundle}\n")
    with serving(Said(200, b"x"), tls=authority.server("127.0.0.1")) as server:
        assert opened(server, AWS_CONFIG_FILE=str(tmp_path / "config")).get("key") == b"x"


def test_a_server_that_nobody_vouches_for_gets_no_request(opened, authority):
    with serving(Said(200, b"x"), tls=authority.server("127.0.0.1")) as server:
        with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1 is not trusted by the certificates of") as caught:
            opened(server).get("key")
        assert server.asked == []
    assert "ca-certificates" in caught.value.hint and "AWS_CA_BUNDLE" in caught.value.hint


def test_a_certificate_for_another_host_is_none(opened, authority):
    with (
        serving(Said(200, b"x"), tls=authority.server("other.test")) as server,
        pytest.raises(ConfigurationError, match="not trusted"),
    ):
        opened(server, AWS_CA_BUNDLE=str(authority.bundle)).get("key")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read_is_named(opened, authority, tmp_path, content):
    path = tmp_path / "bundle.pem"
    if content:
        path.write_text(content)
    with (
        serving(Said(200, b"x"), tls=authority.server("127.0.0.1")) as server,
        pytest.raises(ConfigurationError, match=r"bundle\.pem cannot be read") as caught,
    ):
        opened(server, AWS_CA_BUNDLE=str(path)).get("key")
    assert "AWS_CA_BUNDLE" in caught.value.hint


# ---------------------------------------------------------------- proxies


def through(proxy: Proxy, authority: Authority, **more: str) -> dict[str, str]:
    """Variables with which AWS itself is reached, through the proxy."""
    return {"AWS_ENDPOINT_URL": "", "AWS_CA_BUNDLE": str(authority.bundle), "HTTPS_PROXY": proxy.url, **more}


def named(proxy: Proxy, pair: str) -> str:
    return proxy.url.replace("http://", f"http://{pair}@")


def test_a_request_to_aws_goes_through_the_proxy_to_the_host_of_the_bucket(opened, authority, aws):
    with serving(Said(200, b"x"), tls=aws) as server, Proxy(server) as proxy:
        assert opened(server, **through(proxy, authority)).get("a/b c") == b"x"
    assert proxy.tunnels[0].startswith("CONNECT bucket.s3.eu-west-1.amazonaws.com:443 ")
    assert (server.asked[0].headers["host"], server.asked[0].target) == (
        "bucket.s3.eu-west-1.amazonaws.com",
        "/a/b%20c",
    )
    assert "authorization" not in proxy.tunnels[0].lower()


def test_a_bucket_with_a_dot_is_in_the_path(opened, authority, aws):
    with serving(Said(200, b"x"), tls=aws) as server, Proxy(server) as proxy:
        opened(server, name="my.bucket", **through(proxy, authority)).get("key")
    assert proxy.tunnels[0].startswith("CONNECT s3.eu-west-1.amazonaws.com:443 ")
    assert server.asked[0].target == "/my.bucket/key"


def test_a_redirect_of_aws_leads_to_the_host_of_the_other_region(opened, authority, aws):
    def script(asked: Asked) -> Said:
        if "ap-south-1" in asked.headers["host"]:
            return Said(200, b"x")
        return error(301, "PermanentRedirect", headers={"x-amz-bucket-region": "ap-south-1"})

    with serving(script, tls=aws) as server, Proxy(server) as proxy:
        assert opened(server, **through(proxy, authority)).get("key") == b"x"
    assert [asked.headers["host"] for asked in server.asked] == [
        "bucket.s3.eu-west-1.amazonaws.com",
        "bucket.s3.ap-south-1.amazonaws.com",
    ]


def test_name_and_password_of_a_proxy_go_to_the_proxy_alone(opened, authority, aws):
    with serving(Said(200, b"x"), tls=aws) as server, Proxy(server) as proxy:
        opened(server, **through(proxy, authority, HTTPS_PROXY=named(proxy, "user:pass%40word"))).get("key")
    pair = base64.b64encode(b"user:pass@word").decode()
    assert f"Proxy-Authorization: Basic {pair}" in proxy.tunnels[0]
    assert "proxy-authorization" not in server.asked[0].headers


def test_a_proxy_that_refuses_is_an_error_of_the_set_up_at_once(opened, authority, aws):
    with (
        serving(Said(), tls=aws) as server,
        Proxy(server, refuses=REFUSED) as proxy,
        pytest.raises(ConfigurationError, match=r"the proxy 127\.0\.0\.1:\d+ refused: 407") as caught,
    ):
        opened(server, **through(proxy, authority, HTTPS_PROXY=named(proxy, "user:hunter2"))).get("key")
    assert len(proxy.tunnels) == 1
    assert "NO_PROXY" in caught.value.hint
    assert "hunter2" not in str(caught.value) + str(caught.value.hint)


def test_a_proxy_that_is_not_there_is_tried_again_and_said(opened, authority, aws):
    with serving(Said(), tls=aws) as server:
        with Proxy(server) as proxy:
            pass
        with pytest.raises(UnreachableError, match="refused"):
            opened(server, patience=SHORT, **through(proxy, authority)).get("key")


def test_a_plain_request_is_handed_to_the_proxy_whole(opened):
    with serving(Said(200, b"x")) as server:
        bucket = opened(server, AWS_ENDPOINT_URL="http://minio.test:9000", HTTP_PROXY=server.url)
        assert bucket.get("key") == b"x"
    assert server.asked[0].target == "http://minio.test:9000/bucket/key"
    assert server.asked[0].headers["host"] == "minio.test:9000"


def test_a_spared_host_is_reached_without_the_proxy(opened):
    with serving(Said(200, b"x")) as server, serving(Said(500)) as proxy:
        assert opened(server, HTTP_PROXY=proxy.url, NO_PROXY="10.0.0.0/8,127.0.0.1").get("key") == b"x"
        assert proxy.asked == []


def test_the_services_of_the_machine_are_never_asked_through_a_proxy(opened):
    def script(asked: Asked) -> Said:
        return role_keys("AKIDROLE") if asked.path == "/role" else Said(200, b"x")

    with serving(script) as server, Server(lambda _: Said(200, b"proxied")) as proxy:
        full = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/role", "AWS_ACCESS_KEY_ID": ""}
        assert opened(server, HTTP_PROXY=proxy.url, **full).get("key") == b"proxied"
    assert [asked.path for asked in server.asked] == ["/role"]


@pytest.mark.parametrize(
    ("environ", "scheme", "expected"),
    [
        ({"HTTPS_PROXY": "http://p:3128"}, "https", ("p", 3128)),
        ({"https_proxy": "http://small:1", "HTTPS_PROXY": "http://large:2"}, "https", ("small", 1)),
        ({"HTTPS_PROXY": "p:3128"}, "https", ("p", 3128)),
        ({"HTTPS_PROXY": "http://p"}, "https", ("p", 80)),
        ({"ALL_PROXY": "http://p:1"}, "http", ("p", 1)),
        ({"HTTP_PROXY": "http://p:1"}, "https", None),
        ({"HTTPS_PROXY": ""}, "https", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "https", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "amazonaws.com"}, "https", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".amazonaws.com"}, "https", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*.amazonaws.com"}, "https", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "S3.AMAZONAWS.com:443"}, "https", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "s3.amazonaws.com:80"}, "https", ("p", 1)),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "zonaws.com, ,10.0.0.0/8"}, "https", ("p", 1)),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "s3.amazonaws.com", "NO_PROXY": "x"}, "https", None),
    ],
)
def test_a_proxy_is_chosen_as_by_others(environ, scheme, expected):
    found = proxies(environ).find(Url(scheme, "s3.amazonaws.com", 443))
    assert (found and (found.host, found.port)) == expected


@pytest.mark.parametrize(
    ("host", "rule"),
    [("169.254.169.254", "169.254.0.0/16"), ("::1", "::1"), ("fd00:ec2::23", "fd00::/8"), ("10.1.2.3", "10.1.2.3")],
)
def test_an_address_is_spared_by_itself_or_its_network(host, rule):
    assert proxies({"HTTP_PROXY": "http://p:1", "NO_PROXY": rule}).find(Url("http", host, 80)) is None


@pytest.mark.parametrize("text", ["socks5://p:1080", "https://p:1", "http://p:port", "http://user:hunter2@:1"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(text):
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        proxies({"HTTPS_PROXY": text})
    assert "hunter2" not in str(caught.value) + str(caught.value.hint)
