"""A request as it is sent, and the address it goes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from urllib.parse import quote, urlsplit

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.errors import ConfigurationError
from yamlflow.worker.s3.wire.bodies import EMPTY, Body

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Url:
    """An address in parts: the path is encoded, the query is not."""

    scheme: str
    host: str
    port: int
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()

    @property
    def netloc(self) -> str:
        """The host as a `Host` header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """What stands in the first line of a request."""
        query = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in self.query)
        return f"{self.path}?{query}" if query else self.path

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    def at(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> Url:
        return replace(self, path=path, query=query)


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: Url
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Signed ones among them, and tokens: never shown."""
    body: Body = EMPTY


def encoded(text: str, safe: str = "") -> str:
    """Percent-encoded as signatures want it: all but letters, digits and `-_.~`."""
    return quote(text, safe=safe)


def parse(text: str, origin: str) -> Url:
    """An address a person wrote; `origin` says where, for the error. User names in it are refused unread."""
    try:
        split = urlsplit(text.strip())
        scheme, host, port = split.scheme.lower(), split.hostname or "", split.port
    except ValueError:
        scheme, host, port = "", "", None
    if scheme not in PORTS or not host or "@" in split.netloc:
        raise ConfigurationError(
            f"{origin} is not an address like https://host or http://host:port", hint=f"correct or remove {origin}"
        )
    pairs = tuple((name, value) for name, _, value in (pair.partition("=") for pair in split.query.split("&")) if name)
    return Url(scheme, host, port or PORTS[scheme], split.path or "/", pairs)
