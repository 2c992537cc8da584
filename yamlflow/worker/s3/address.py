"""Where a bucket is: region and endpoint to an address, with the bucket in the host's name or in the path.

A bucket stands in the name of the host at AWS, where its name may: a dot in it would
not match the certificate. Endpoints of others get it in the path. Pure.
"""

from __future__ import annotations

import re

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.errors import BucketError
from yamlflow.worker.s3.wire.messages import Url, encoded

SUFFIXES = (
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
)
REGION = re.compile(r"[a-z0-9-]{2,40}\Z")
_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}\Z")
_HOST = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z")
_OF_AWS = re.compile(r"(?:[^/]+\.)?s3[.-]([a-z]+(?:-[a-z0-9]+)+-\d+)\.(amazonaws\.com(?:\.cn)?)\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and the way to it."""

    bucket: str
    region: str
    endpoint: Url | None = None
    """Somebody else's S3, or AWS by another door; None for AWS."""
    addressing: str = "auto"
    """`path` or `virtual` (the bucket in the host's name), or whatever fits."""
    fips: bool = False
    dualstack: bool = False

    def __post_init__(self) -> None:
        if not _NAME.match(self.bucket) or self.bucket in {".", ".."}:
            raise BucketError(f"{self.bucket!r} is not the name of a bucket", hint="write s3://BUCKET/PREFIX")

    def url(self, key: str = "", query: tuple[tuple[str, str], ...] = ()) -> Url:
        base = self.endpoint or service_url("s3", self.region, fips=self.fips, dualstack=self.dualstack)
        prefix = base.path.rstrip("/")
        if self._in_host():
            return Url(base.scheme, f"{self.bucket}.{base.host}", base.port, f"{prefix}/{encoded(key, '/')}", query)
        path = f"{prefix}/{self.bucket}" + (f"/{encoded(key, '/')}" if key else "")
        return base.at(path, query)

    def _in_host(self) -> bool:
        if self.addressing == "auto":
            return self.endpoint is None and bool(_HOST.match(self.bucket))
        return self.addressing == "virtual"


def service_url(service: str, region: str, *, fips: bool = False, dualstack: bool = False) -> Url:
    """A service's own door in a region."""
    suffix = suffix_of(region)
    name = f"{service}-fips" if fips else service
    host = f"{name}.dualstack.{region}.{suffix}" if dualstack else f"{name}.{region}.{suffix}"
    return Url("https", host, 443)


def suffix_of(region: str) -> str:
    return next((suffix for start, suffix in SUFFIXES if region.startswith(start)), "amazonaws.com")


def region_in(address: str) -> str:
    """The region that a host of S3 at AWS has in its name, of an address that a redirect gave; else nothing."""
    host = re.sub(r"^https?://", "", address.strip()).partition("/")[0].partition(":")[0]
    found = _OF_AWS.match(host)
    return found[1] if found else ""
