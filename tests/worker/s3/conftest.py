"""Buckets of this client on servers of a test's own."""

from __future__ import annotations

import http.client
import logging
import os

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.worker.s3.answers import KEYS, variables
from tests.worker.s3.servers import Server
from yamlflow.worker.s3.bucket import Bucket, open_bucket
from yamlflow.worker.s3.credentials.world import Asking, World
from yamlflow.worker.s3.retries import Patience
from yamlflow.worker.s3.settings import settings
from yamlflow.worker.s3.shared import shared_files
from yamlflow.worker.s3.wire.clock import Clock
from yamlflow.worker.s3.wire.connections import Connections

QUICK = Patience(whole=20, first=20, pause=0.001, longest=0.01)
SHORT = Patience(whole=0.5, first=0.5, pause=0.01, longest=0.05)


@pytest.fixture(scope="module", autouse=True)
def nothing_from_outside():
    """What whoever runs the tests has set for AWS or proxies must not reach boto3."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def url(nothing_from_outside):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    left = http.client.HTTPConnection(host, port, timeout=30)
    left.request("POST", "/moto-api/reset")  # moto keeps what another module of tests stored in this process
    assert left.getresponse().status == 200
    left.close()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def boto(url):
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket="bucket")
    return client


@pytest.fixture
def opened():
    """A function: server and more variables to a bucket; all are closed in the end."""
    made: list[Bucket] = []

    def open_it(server: Server, *, patience: Patience = QUICK, name: str = "bucket", encryption=None, **more: str):
        environ = {key: value for key, value in variables(server, **more).items() if value}
        made.append(open_bucket(name, environ, patience=patience, asking=Asking(3, 0.001), encryption=encryption))
        return made[-1]

    yield open_it
    for bucket in made:
        bucket.close()


def world(environ: dict[str, str], *, nearby: Connections | None = None) -> World:
    """What sources look at, where these are the variables."""
    environ = {"HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", **environ}
    connections = Connections(timeout=(2, 2))
    return World(
        environ=environ,
        files=shared_files(environ),
        settings=settings(environ),
        clock=Clock(),
        abroad=connections,
        nearby=nearby or connections,
        patience=Asking(3, 0.001),
    )
