"""Signature version 4: a request's proof that its sender knows the secret, good for some minutes and this request only.

Pure: the moment comes in, and nothing is sent or kept. What is signed is what is
sent, so the names of headers and the order of a query are settled here. A path is
taken as it is encoded, once, as S3 wants it: `a//b` and `a/../b` are keys of their own.
The body's digest is always part of it: every body here can be read twice, and with
one pass over it nothing on the way can change it, encrypted or not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.credentials.values import Credentials
from yamlflow.worker.s3.wire.clock import stamp
from yamlflow.worker.s3.wire.messages import Url, encoded

NEVER_SIGNED = frozenset(
    [
        *("baggage", "traceparent", "tracestate", "x-amzn-trace-id"),
        *("connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("proxy-authenticate", "proxy-authorization", "user-agent"),
    ]
)
"""Headers that belong to the way, or that somebody on it may change."""
_KIND = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Signer:
    """Whom a signature is for: a service in a region."""

    region: str
    service: str = "s3"

    def signed(
        self, method: str, url: Url, headers: Mapping[str, str], payload: str, credentials: Credentials, moment: float
    ) -> dict[str, str]:
        """The headers to send, `authorization` among them; `payload` is the body's SHA-256 in hex."""
        own = {"host": url.netloc, "x-amz-date": stamp(moment), "x-amz-content-sha256": payload}
        if credentials.token:
            own["x-amz-security-token"] = credentials.token
        every = {**{name.lower(): value for name, value in headers.items()}, **own}
        names = sorted(every.keys() - NEVER_SIGNED)
        request = canonical(method, url, {name: every[name] for name in names}, payload)
        scope = f"{own['x-amz-date'][:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join([_KIND, own["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()])
        signature = hmac.new(self._key(credentials, scope), text.encode(), hashlib.sha256).hexdigest()
        proof = f"Credential={credentials.access}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
        return {**every, "authorization": f"{_KIND} {proof}"}

    def _key(self, credentials: Credentials, scope: str) -> bytes:
        key = f"AWS4{credentials.secret}".encode()
        for word in scope.split("/"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        return key


def canonical(method: str, url: Url, headers: Mapping[str, str], payload: str) -> str:
    """The request as both sides write it down before they sign; the headers are sorted already."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in url.query)
    lines = [method, url.path, "&".join(f"{name}={value}" for name, value in pairs)]
    lines += [f"{name}:{' '.join(value.split())}" for name, value in headers.items()]
    return "\n".join([*lines, "", ";".join(headers), payload])
