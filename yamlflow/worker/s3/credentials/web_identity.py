"""Credentials for a token in a file: what Kubernetes gives a service account, and CI systems a job."""

from __future__ import annotations

from yamlflow.worker.s3.credentials.sts import Role, assume_with_token
from yamlflow.worker.s3.credentials.values import Credentials, Source
from yamlflow.worker.s3.credentials.world import World, read_token
from yamlflow.worker.s3.errors import CredentialsError

FILE, ARN = "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"


def web_identity(world: World) -> Source | str:
    path = world.environ.get(FILE)
    if not path:
        return f"web identity: {FILE} is not set"
    arn = world.environ.get(ARN)
    if not arn:
        raise CredentialsError(f"{FILE} is set, and {ARN} is not", hint=f"set {ARN} to the role of this task")
    return from_token(world, path, Role(arn, world.environ.get("AWS_ROLE_SESSION_NAME", "")))


def from_token(world: World, path: str, role: Role) -> Source:
    def load() -> Credentials:
        return assume_with_token(world, role, read_token(path, "web identity"))

    return Source(
        f"the web identity token in {path}", load, f"check that {role.arn} trusts the issuer of the token in {path}"
    )
