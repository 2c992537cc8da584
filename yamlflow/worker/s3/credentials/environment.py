"""Credentials in variables: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`."""

from __future__ import annotations

from collections.abc import Mapping

from yamlflow.worker.s3.credentials.values import Credentials, Source, checked
from yamlflow.worker.s3.credentials.world import World
from yamlflow.worker.s3.errors import CredentialsError

KEY, SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


def environment(world: World) -> Source | str:
    if not world.environ.get(KEY):
        return f"environment: {KEY} is not set"
    return Source(
        "the environment",
        lambda: read(world.environ),
        "set new ones in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or give the task a role,"
        " which renews itself",
    )


def read(environ: Mapping[str, str]) -> Credentials:
    if not environ.get(KEY) or not environ.get(SECRET):
        missing = SECRET if environ.get(KEY) else KEY
        raise CredentialsError(f"{missing} is not set", hint=f"set both {KEY} and {SECRET}, or neither")
    token = environ.get("AWS_SESSION_TOKEN") or environ.get("AWS_SECURITY_TOKEN") or ""
    return checked(environ[KEY], environ[SECRET], token, environ.get("AWS_CREDENTIAL_EXPIRATION"), "the environment")
