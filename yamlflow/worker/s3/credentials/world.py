"""What the sources of credentials look at: variables, shared files, the network, the time.

And what they all do: ask a service for JSON a few times. A service of the machine is
asked without a proxy, which would see the credentials.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.errors import CredentialsError, WireError
from yamlflow.worker.s3.settings import Settings
from yamlflow.worker.s3.shared import SharedFiles
from yamlflow.worker.s3.wire.clock import Clock
from yamlflow.worker.s3.wire.connections import Connections
from yamlflow.worker.s3.wire.documents import read_xml
from yamlflow.worker.s3.wire.messages import Request, Url

NOT_TWICE = frozenset({400, 401, 403, 404, 405})
"""Answers that the same question would get again."""
BUT_THESE = frozenset({"IDPCommunicationError", "Throttling", "ThrottlingException", "RequestThrottled"})


@dataclass(frozen=True, slots=True)
class Asking:
    """How often a service is asked, and the seconds between, which double."""

    times: int = 3
    pause: float = 0.5


@dataclass(frozen=True, slots=True)
class World:
    environ: Mapping[str, str] = field(repr=False)
    files: SharedFiles
    settings: Settings
    clock: Clock
    abroad: Connections
    """To AWS, through a proxy where one is set."""
    nearby: Connections
    """To services of this machine, which answer soon or not at all."""
    patience: Asking


def ask(connections: Connections, request: Request, origin: str, how: Asking) -> bytes:
    """The content of a good answer; CredentialsError for a bad one, WireError when there is none."""
    for number in range(1, how.times + 1):
        try:
            with connections.send(request) as reply:
                if reply.status == 200:
                    return reply.read()
                code, message = reasons(reply.read(1 << 16))
                trouble: Exception = refused(origin, reply.status, code, message)
                if reply.status in NOT_TWICE and code not in BUT_THESE:
                    raise trouble
        except WireError as error:
            trouble = error
        if number < how.times:
            time.sleep(how.pause * 2 ** (number - 1))
    raise trouble


def refused(origin: str, status: int, code: str, message: str) -> CredentialsError:
    why = ": ".join(word[:300] for word in (code, message) if word) or f"status {status}"
    return CredentialsError(f"{origin} gave no credentials: {why}", hint="check the role of this task")


def reasons(content: bytes) -> tuple[str, str]:
    """Code and message of an error, as these services write them in JSON, and STS in XML; nothing else of it."""
    said = read_json(content)
    if isinstance(said, dict):
        return str(said.get("code") or said.get("Code") or ""), str(said.get("message") or said.get("Message") or "")
    try:
        error = read_xml(content)
    except WireError:
        return "", ""
    return error.text("Error", "Code"), error.text("Error", "Message")


def read_json(content: bytes) -> Any:
    """The document, or None for what is none."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def get(url: Url, headers: Mapping[str, str]) -> Request:
    return Request("GET", url, headers)


def read_token(path: str, origin: str) -> str:
    """A token that somebody else keeps fresh in a file: read again whenever it is needed."""
    try:
        with open(path, encoding="ascii") as file:
            token = file.read().strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise CredentialsError(f"the token of {origin} cannot be read from {path}: {why}") from None
    if not token or not token.isprintable():
        raise CredentialsError(f"the token of {origin} in {path} is {'empty' if not token else 'no single line'}")
    return token
