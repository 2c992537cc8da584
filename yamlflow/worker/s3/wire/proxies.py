"""Which proxy a request goes through: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, and who is spared by `NO_PROXY`.

As curl and the SDKs read them, small letters first; `HTTP_PROXY` in capitals counts
too, for we are no CGI program. Must never show a proxy's password.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.errors import ConfigurationError
from yamlflow.worker.s3.wire.messages import Url


@dataclass(frozen=True, slots=True)
class Proxy:
    host: str
    port: int
    authorization: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


@dataclass(frozen=True, slots=True)
class Proxies:
    """A proxy for each scheme, and the hosts that are reached without one."""

    of: Mapping[str, Proxy] = field(default_factory=dict)
    spared: tuple[str, ...] = ()

    def find(self, url: Url) -> Proxy | None:
        proxy = self.of.get(url.scheme)
        return None if proxy is None or any(spares(rule, url) for rule in self.spared) else proxy


NONE = Proxies()


def proxies(environ: Mapping[str, str]) -> Proxies:
    found = {}
    for scheme in ("http", "https"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
            if environ.get(name):
                found[scheme] = parse_proxy(environ[name], name)
                break
    said = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return Proxies(found, tuple(rule.strip().lower() for rule in said.split(",") if rule.strip()))


def parse_proxy(text: str, name: str) -> Proxy:
    """A proxy as a variable has it: `http://user:password@host:port`, the scheme may be missing."""
    try:
        split = urlsplit(text if "://" in text else f"http://{text}")
        host, port = split.hostname, split.port
    except ValueError:
        host, port = None, None
    if not host or split.scheme != "http":
        raise ConfigurationError(
            f"{name} does not name a proxy that can be used", hint=f"write {name}=http://host:port; other kinds are not"
        )
    if split.username is None:
        return Proxy(host, port or 80)
    pair = f"{unquote(split.username)}:{unquote(split.password or '')}"
    return Proxy(host, port or 80, "Basic " + b64encode(pair.encode()).decode())


def spares(rule: str, url: Url) -> bool:
    """Whether a word of `NO_PROXY` is about this host: `*`, a name and all below it, an address, a network."""
    if rule == "*":
        return True
    try:
        return ip_address(url.host) in ip_network(rule.strip("[]"), strict=False)
    except ValueError:
        pass
    name, _, port = rule.rpartition(":") if rule.count(":") == 1 else (rule, "", "")
    name = name.removeprefix("*").lstrip(".")
    same = url.host.lower() == name or url.host.lower().endswith(f".{name}")
    return bool(name) and same and (not port or port == str(url.port))
