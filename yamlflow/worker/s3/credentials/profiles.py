"""Credentials of a profile in the shared files: keys, a role over another profile, a web identity, a program.

What needs a person (a login in a browser, a one-time code) is an error that says so.
"""

from __future__ import annotations

import shlex
import subprocess

from yamlflow.worker.s3.credentials.container import container
from yamlflow.worker.s3.credentials.environment import environment
from yamlflow.worker.s3.credentials.instance import instance
from yamlflow.worker.s3.credentials.sts import Role, assume
from yamlflow.worker.s3.credentials.values import Credentials, Source, checked, from_document
from yamlflow.worker.s3.credentials.web_identity import from_token
from yamlflow.worker.s3.credentials.world import World, read_json
from yamlflow.worker.s3.errors import CredentialsError
from yamlflow.worker.s3.shared import Section, at_home

SERVICES = {"Environment": environment, "EcsContainer": container, "Ec2InstanceMetadata": instance}
PROGRAM_SECONDS = 60
_ALONE = "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (`aws configure export-credentials`)"


def profile(world: World) -> Source | str:
    return of_profile(world, world.files.profile, ())


def of_profile(world: World, name: str, above: tuple[str, ...]) -> Source | str:
    """The source that a profile names; `above` are those that led here."""
    found = world.files.of(name)
    where = f"the AWS profile {name}"
    if found.get("role_arn"):
        return _role(world, name, found, above)
    if found.get("aws_access_key_id"):
        return Source(where, lambda: _keys(world.files.of(name), where), f"put new keys into {world.files.credentials}")
    if found.get("credential_process"):
        return Source(
            where, lambda: _program(world.files.of(name), where), "see what credential_process says by itself"
        )
    if found.get("sso_session") or found.get("sso_start_url") or found.get("login_session"):
        raise CredentialsError(f"{where} needs a login in a browser, which a task has not", hint=_ALONE)
    return f"profile: {name} has no credentials in {world.files.names}"


def _keys(found: Section, where: str) -> Credentials:
    if not found.get("aws_access_key_id") or not found.get("aws_secret_access_key"):
        raise CredentialsError(f"{where} has one half of a key", hint="aws_access_key_id wants aws_secret_access_key")
    token = found.get("aws_session_token") or found.get("aws_security_token") or ""
    return checked(found["aws_access_key_id"], found["aws_secret_access_key"], token, None, where)


def _role(world: World, name: str, found: Section, above: tuple[str, ...]) -> Source:
    where = f"the AWS profile {name}"
    if found.get("mfa_serial"):
        raise CredentialsError(f"{where} asks for a one-time code, which a task has not", hint=_ALONE)
    role = Role(
        found["role_arn"],
        found.get("role_session_name", ""),
        found.get("duration_seconds", ""),
        found.get("external_id", ""),
    )
    if found.get("web_identity_token_file"):
        return from_token(world, at_home(found["web_identity_token_file"], world.environ), role)
    base = _base(world, name, found, above)
    return Source(
        f"{where} ({role.arn})", lambda: assume(world, role, base.load()), f"check that {role.arn} trusts {base.name}"
    )


def _base(world: World, name: str, found: Section, above: tuple[str, ...]) -> Source:
    """With which credentials the role of a profile is taken on."""
    source, service = found.get("source_profile"), found.get("credential_source")
    if source == name and found.get("aws_access_key_id"):
        return Source(f"the keys of {name}", lambda: _keys(world.files.of(name), f"the AWS profile {name}"))
    if source in (*above, name):
        raise CredentialsError(f"the AWS profiles {', '.join((*above, name))} name each other as source_profile")
    if source:
        base = of_profile(world, source, (*above, name))
    elif service in SERVICES:
        base = SERVICES[service](world)
    else:
        base = "role_arn wants source_profile, or credential_source of " + ", ".join(SERVICES)
    if isinstance(base, str):
        raise CredentialsError(f"the AWS profile {name} cannot take on its role: {base}")
    return base


def _program(found: Section, where: str) -> Credentials:
    """What a program says, as JSON; its own errors are shown nowhere, for nobody knows what is in them."""
    origin = f"credential_process of {where}"
    try:
        command = shlex.split(found.get("credential_process", ""))
        done = subprocess.run(command, capture_output=True, timeout=PROGRAM_SECONDS, check=False)
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        raise CredentialsError(f"{origin} cannot be run: {type(error).__name__}") from None
    if done.returncode:
        raise CredentialsError(f"{origin} ended with {done.returncode}", hint="run it by hand to see why")
    said = read_json(done.stdout)
    return from_document(said, origin, ("SecretAccessKey", "SessionToken", "Expiration"))
