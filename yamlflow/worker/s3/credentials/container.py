"""Credentials of a container: what ECS, AWS Batch and EKS pod identity answer at an address they set.

A plain http address may only be this machine or one of the addresses that AWS gives
its agents: whoever could set the variable to another would be sent the token.
"""

from __future__ import annotations

from ipaddress import ip_address

from yamlflow.worker.s3.credentials.values import Credentials, Source, from_document
from yamlflow.worker.s3.credentials.world import World, ask, get, read_json, read_token
from yamlflow.worker.s3.errors import CredentialsError
from yamlflow.worker.s3.wire.messages import Url, parse

RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
AGENTS = {"169.254.170.2": "ECS", "169.254.170.23": "EKS pod identity", "fd00:ec2::23": "EKS pod identity"}


def container(world: World) -> Source | str:
    relative, full = world.environ.get(RELATIVE), world.environ.get(FULL)
    if relative:
        if not relative.startswith("/"):
            raise CredentialsError(f"{RELATIVE} does not begin with /", hint=f"remove {RELATIVE}, or correct it")
        return _source(world, parse(f"http://169.254.170.2{relative}", RELATIVE))
    if full:
        return _source(world, _allowed(parse(full, FULL)))
    return f"container: neither {RELATIVE} nor {FULL} is set"


def _source(world: World, url: Url) -> Source:
    name = f"the container's {AGENTS.get(url.host, 'credentials service')} at {url.origin}"

    def load() -> Credentials:
        headers = {"accept": "application/json", **_authorization(world)}
        answer = ask(world.nearby, get(url, headers), name, world.patience)
        return from_document(read_json(answer), name, ("SecretAccessKey", "Token", "Expiration"))

    return Source(name, load, "check that the task has a role, and that its agent runs")


def _authorization(world: World) -> dict[str, str]:
    """The token, of its file when there is one: it is kept fresh there."""
    path, token = world.environ.get(TOKEN_FILE), world.environ.get(TOKEN)
    if path:
        return {"authorization": read_token(path, "the container")}
    if token and not token.isprintable():
        raise CredentialsError(f"{TOKEN} is no single line")
    return {"authorization": token} if token else {}


def _allowed(url: Url) -> Url:
    if url.scheme == "https" or url.host in AGENTS or url.host == "localhost" or _is_this_machine(url.host):
        return url
    raise CredentialsError(
        f"{FULL} names {url.host}: over plain http that may only be this machine or an agent of AWS",
        hint="use https, or a loopback address",
    )


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
