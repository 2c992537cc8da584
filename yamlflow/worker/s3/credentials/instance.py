"""Credentials of an EC2 instance, from its metadata service, version 2: a session token first, then the role.

Version 1 is never asked: it answers whatever a task was tricked into asking.
"""

from __future__ import annotations

from yamlflow.worker.s3.credentials.values import Credentials, Source, from_document
from yamlflow.worker.s3.credentials.world import Asking, World, ask, get, read_json
from yamlflow.worker.s3.errors import CredentialsError, WireError
from yamlflow.worker.s3.wire.messages import Request, Url, encoded, parse

IPV4, IPV6 = "http://169.254.169.254", "http://[fd00:ec2::254]"
ROLES = "/latest/meta-data/iam/security-credentials/"
SIX_HOURS = "21600"
NAME = "EC2 metadata"
ONCE = Asking(times=1)


def instance(world: World) -> Source | str:
    """The instance's role, if a metadata service answers at all: a first question with little patience."""
    if world.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return f"{NAME}: AWS_EC2_METADATA_DISABLED is true"
    url = _endpoint(world)
    try:
        role = _role(world, url, _session(world, url, ONCE))
    except (CredentialsError, WireError) as error:
        return f"{NAME}: {error}"
    if not role:
        return f"{NAME}: this instance has no role"
    return Source(f"{NAME}, role {role}", lambda: _load(world, url), "check the role of the instance")


def _load(world: World, url: Url) -> Credentials:
    token = _session(world, url, world.patience)
    role = _role(world, url, token)
    answer = ask(world.nearby, get(url.at(ROLES + encoded(role)), token), NAME, world.patience)
    return from_document(read_json(answer), NAME, ("SecretAccessKey", "Token", "Expiration"))


def _session(world: World, url: Url, how: Asking) -> dict[str, str]:
    headers = {"x-aws-ec2-metadata-token-ttl-seconds": SIX_HOURS}
    answer = ask(world.nearby, Request("PUT", url.at("/latest/api/token"), headers), NAME, how)
    return {"x-aws-ec2-metadata-token": _line(answer)}


def _role(world: World, url: Url, token: dict[str, str]) -> str:
    return _line(ask(world.nearby, get(url.at(ROLES), token), NAME, world.patience))


def _line(answer: bytes) -> str:
    """The first line of an answer that is a plain word; CredentialsError for what is not from such a service."""
    line = answer.decode("ascii", "replace").strip().partition("\n")[0].strip()
    if not line.isprintable() or "<" in line:
        raise CredentialsError(f"{NAME} did not answer as such a service does")
    return line


def _endpoint(world: World) -> Url:
    said = world.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
    six = world.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "").lower() == "ipv6"
    return parse(said or (IPV6 if six else IPV4), "AWS_EC2_METADATA_SERVICE_ENDPOINT")
