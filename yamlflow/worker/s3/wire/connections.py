"""Connections to servers: kept while they are good, encrypted and checked, through a proxy where one is set.

Safe for any number of threads; a forked child starts with none. What breaks on the
way is a WireError, what no new try could mend a ConfigurationError. Redirects are
never followed here. Must never show a header that it sends.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Lock

from yamlflow.worker.disk import CHUNK
from yamlflow.worker.s3.errors import ConfigurationError, WireError
from yamlflow.worker.s3.wire.messages import Request, Url
from yamlflow.worker.s3.wire.proxies import NONE, Proxies, Proxy

ANSWER = 16 << 20
"""Bytes of the longest answer that is read whole."""
_BROKEN = (OSError, HTTPException)


class Reply:
    """An answer: its status and headers at once, its content as it comes."""

    def __init__(self, inner: HTTPResponse, *, sent: bool) -> None:
        self._inner = inner
        self._sent = sent
        self.status = inner.status
        self.headers = {name.lower(): value for name, value in inner.getheaders()}

    def chunks(self) -> Iterator[bytes]:
        """The content; WireError when it ends too early."""
        try:
            while chunk := self._inner.read(CHUNK):
                yield chunk
        except _BROKEN as error:
            raise WireError(f"the answer broke off: {said(error)}") from error
        if self._inner.length:
            raise WireError(f"the answer ended {self._inner.length} bytes too early")

    def read(self, most: int = ANSWER) -> bytes:
        content = bytearray()
        for chunk in self.chunks():
            content += chunk
            if len(content) > most:
                raise WireError(f"the answer is longer than {most} bytes")
        return bytes(content)

    @property
    def whole(self) -> bool:
        """Whether request and answer went by to their ends, so that others may follow."""
        return self._sent and self._inner.isclosed()


class Connections:
    """Sends requests. `timeout` is seconds for connecting and for each pause of an answer."""

    def __init__(
        self, *, ca_bundle: str = "", proxies: Proxies = NONE, timeout: tuple[float, float] = (10.0, 60.0)
    ) -> None:
        self._ca_bundle = ca_bundle
        self._proxies = proxies
        self._timeout = timeout
        self._context: ssl.SSLContext | None = None
        self._lock = Lock()
        self._process = os.getpid()
        self._idle: dict[str, list[HTTPConnection]] = {}

    @contextmanager
    def send(self, request: Request) -> Iterator[Reply]:
        """Send it and give its answer, good for as long as the `with` lasts."""
        line, old = self._take(request.url)
        kept = False
        try:
            reply = self._ask(line, old, request)
            yield reply
            kept = reply.whole and line.sock is not None
        finally:
            self._put(request.url, line, kept=kept)

    def close(self) -> None:
        with self._lock:
            for lines in self._idle.values():
                for line in lines:
                    line.close()
            self._idle.clear()

    def _take(self, url: Url) -> tuple[HTTPConnection, bool]:
        """A connection, and whether it has been used before."""
        if self._process != os.getpid():  # what a parent has open is its own, and so is its lock
            self._process, self._lock, self._idle = os.getpid(), Lock(), {}
        with self._lock:
            lines = self._idle.get(url.origin)
            if lines:
                return lines.pop(), True
        return self._line(url), False

    def _put(self, url: Url, line: HTTPConnection, *, kept: bool) -> None:
        if not kept:
            line.close()
            return
        with self._lock:
            self._idle.setdefault(url.origin, []).append(line)

    def _forget(self, url: Url) -> None:
        """One connection broke: the others that wait are as old, and go too."""
        with self._lock:
            lines = self._idle.pop(url.origin, [])
        for line in lines:
            line.close()

    def _line(self, url: Url) -> HTTPConnection:
        proxy = self._proxies.find(url)
        host, port = (proxy.host, proxy.port) if proxy else (url.host, url.port)
        if url.scheme == "http":
            return HTTPConnection(host, port, timeout=self._timeout[0])
        line = HTTPSConnection(host, port, timeout=self._timeout[0], context=self._secure())
        if proxy:
            line.set_tunnel(url.host, url.port, headers=proxy.headers)
        return line

    def _secure(self) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = ssl.create_default_context(cafile=self._ca_bundle or None)
            except OSError as error:  # ssl.SSLError is one
                raise ConfigurationError(
                    f"the certificates in {self._ca_bundle} cannot be read: {said(error)}",
                    hint="AWS_CA_BUNDLE, or ca_bundle of the AWS profile, must name a file of PEM certificates",
                ) from error
        return self._context

    def _ask(self, line: HTTPConnection, old: bool, request: Request) -> Reply:
        try:
            if line.sock is None:
                line.connect()
                line.sock.settimeout(self._timeout[1])  # type: ignore[attr-defined] # connected now
            sent = self._hand_over(line, request)
            return Reply(line.getresponse(), sent=sent)
        except ssl.SSLCertVerificationError as error:
            raise self._untrusted(request.url, error) from error
        except _BROKEN as error:
            self._forget(request.url)
            refused = _refused_by_proxy(error, self._proxies.find(request.url))
            raise refused or WireError(f"{request.url.origin}: {said(error)}", stale=old) from error

    def _hand_over(self, line: HTTPConnection, request: Request) -> bool:
        """Send it; False when the server did not want all of it: it may have refused early, and its answer be there."""
        proxy = self._proxies.find(request.url) if request.url.scheme == "http" else None
        target = request.url.target if proxy is None else request.url.origin + request.url.target
        line.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        headers = {
            "host": request.url.netloc,
            "user-agent": "yamlflow",
            "accept-encoding": "identity",
            **request.headers,
        }
        if request.body.size or request.method in {"PUT", "POST"}:
            headers["content-length"] = str(request.body.size)
        _put_headers(line, {**headers, **(proxy.headers if proxy else {})})
        try:
            line.endheaders()
            for chunk in request.body.chunks():
                line.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _untrusted(self, url: Url, error: ssl.SSLCertVerificationError) -> ConfigurationError:
        trusted = f"the certificates in {self._ca_bundle}" if self._ca_bundle else "the certificates of this system"
        return ConfigurationError(
            f"{url.host} is not trusted by {trusted}: {error.verify_message}",
            hint="install ca-certificates in the image, or name the right file in AWS_CA_BUNDLE",
        )


def _put_headers(line: HTTPConnection, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        try:
            line.putheader(name, value)
        except ValueError:  # its words would show the value
            raise ConfigurationError(f"the value of {name} has signs in it that cannot be sent") from None


def _refused_by_proxy(error: BaseException, proxy: Proxy | None) -> ConfigurationError | None:
    """A tunnel that the proxy does not want to open: the standard library has words for it alone."""
    words = str(error)
    if proxy is None or not words.startswith("Tunnel connection failed: 4"):
        return None
    return ConfigurationError(
        f"the proxy {proxy.host}:{proxy.port} refused: {words.partition(': ')[2]}",
        hint="check HTTPS_PROXY (user and password stand before the host), or spare the host with NO_PROXY",
    )


def said(error: BaseException) -> str:
    """An error of the system in a few words."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return "no answer in time" if isinstance(error, TimeoutError) else str(words)
