"""Credentials, and where they come from.

They are shown nowhere and leave the process only as a signature: no `repr`, no copy
to disk, no pickle, so that those of a launcher cannot travel in a job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.errors import CredentialsError
from yamlflow.worker.s3.wire.clock import moment_of


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key of AWS; `expires` is in seconds since the epoch, None for one that does not."""

    access: str
    secret: str
    token: str = ""
    expires: float | None = None

    def __repr__(self) -> str:
        return "Credentials(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials do not leave the process that found them")


@dataclass(frozen=True, slots=True)
class Source:
    """A place where credentials were found, in words, and how to ask it again."""

    name: str
    load: Callable[[], Credentials]
    advice: str = "run the task again; if that does not help, give it a role"


def from_document(said: object, origin: str, names: tuple[str, str, str]) -> Credentials:
    """Credentials as services and programs write them, in JSON; `names` are those of secret, token and end."""
    if not isinstance(said, Mapping) or not (said.get("AccessKeyId") and said.get(names[0])):
        code = said.get("Code") or said.get("code") if isinstance(said, Mapping) else None
        why = f" (it says {code})" if isinstance(code, str) and code != "Success" else ""
        raise CredentialsError(f"{origin} answered without credentials{why}", hint="check the role of this task")
    token, end = said.get(names[1]) or "", said.get(names[2])
    return checked(str(said["AccessKeyId"]), str(said[names[0]]), str(token), end and str(end), origin)


def checked(access: str, secret: str, token: str, end: str | None, origin: str) -> Credentials:
    """Credentials without white space at their ends; CredentialsError, without the value, for what cannot be one."""
    parts = {"access key": access.strip(), "secret": secret.strip(), "session token": token.strip()}
    for name, part in parts.items():
        if not (part.isascii() and part.isprintable()):
            raise CredentialsError(f"the {name} of {origin} has signs in it that none has", hint="copy it again, whole")
    try:
        expires = moment_of(end) if end else None
    except ValueError:
        raise CredentialsError(f"{origin} has credentials that end at no time that can be read") from None
    return Credentials(access.strip(), secret.strip(), token.strip(), expires)
