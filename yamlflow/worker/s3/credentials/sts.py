"""The security token service: a role taken on with other credentials, or with a token that says who a task is."""

from __future__ import annotations

import hashlib

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.address import service_url
from yamlflow.worker.s3.credentials.values import Credentials, checked
from yamlflow.worker.s3.credentials.world import World, ask
from yamlflow.worker.s3.errors import CredentialsError, WireError
from yamlflow.worker.s3.signing import Signer
from yamlflow.worker.s3.wire.bodies import BytesBody
from yamlflow.worker.s3.wire.documents import read_xml
from yamlflow.worker.s3.wire.messages import Request, encoded

_VERSION = "2011-06-15"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Role:
    """What is to be taken on, and under which name it is seen in the account's records."""

    arn: str
    session: str = ""
    seconds: str = ""
    external_id: str = ""

    @property
    def form(self) -> dict[str, str]:
        every = {
            "RoleArn": self.arn,
            "RoleSessionName": self.session or "yamlflow",
            "DurationSeconds": self.seconds,
            "ExternalId": self.external_id,
        }
        return {name: value for name, value in every.items() if value}


def assume(world: World, role: Role, credentials: Credentials) -> Credentials:
    """The role, taken on by who has these credentials."""
    return _ask(world, "AssumeRole", role, {}, credentials)


def assume_with_token(world: World, role: Role, token: str) -> Credentials:
    """The role, taken on by who has this token; nothing is signed."""
    return _ask(world, "AssumeRoleWithWebIdentity", role, {"WebIdentityToken": token}, None)


def _ask(world: World, action: str, role: Role, more: dict[str, str], by: Credentials | None) -> Credentials:
    settings, origin = world.settings, f"STS for {role.arn}"
    form = {"Action": action, "Version": _VERSION, **role.form, **more}
    content = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in form.items()).encode()
    url = settings.sts or service_url("sts", settings.region, fips=settings.fips)
    headers = {"content-type": _FORM, "accept": "application/xml"}
    if by is not None:
        payload = hashlib.sha256(content).hexdigest()
        signer = Signer(settings.region, "sts")
        headers = signer.signed("POST", url, headers, payload, by, world.clock.now())
    answer = ask(world.abroad, Request("POST", url, headers, BytesBody([content])), origin, world.patience)
    try:
        found = read_xml(answer).find(f"{action}Result", "Credentials")
    except WireError as error:
        raise CredentialsError(f"{origin}: {error}") from None
    if found is None or not found.text("AccessKeyId"):
        raise CredentialsError(f"{origin} answered without credentials", hint="is the STS endpoint really one?")
    key, secret, token = found.text("AccessKeyId"), found.text("SecretAccessKey"), found.text("SessionToken")
    return checked(key, secret, token, found.text("Expiration"), origin)
