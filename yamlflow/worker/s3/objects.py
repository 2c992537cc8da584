"""What is known of an object, and what is asked for when one is written."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import field

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.wire.documents import Element

CHECKSUM = "x-amz-checksum-sha256"


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as S3 describes it."""

    key: str
    size: int
    etag: str = ""
    modified: str = ""
    """As the server writes it."""
    checksum: str = ""
    """SHA-256 as the server keeps it: of the whole in Base64, or of its parts with their number behind a dash."""

    @property
    def sha256(self) -> str:
        """In hex, of the whole; nothing where the server does not know it."""
        return b64decode(self.checksum).hex() if self.checksum and "-" not in self.checksum else ""


@dataclass(frozen=True, slots=True)
class Encryption:
    """How S3 encrypts what is written, where the bucket's own rule is not meant."""

    kind: str = "aws:kms"
    """`aws:kms`, `aws:kms:dsse` or `AES256`."""
    key_id: str = ""
    """Id, alias or ARN of a KMS key; the account's own for S3 where there is none."""
    context: str = ""
    """Base64 of JSON, as KMS wants it."""
    bucket_key: bool = False

    @property
    def headers(self) -> dict[str, str]:
        name = "x-amz-server-side-encryption"
        every = {
            name: self.kind,
            f"{name}-aws-kms-key-id": self.key_id,
            f"{name}-context": self.context,
            f"{name}-bucket-key-enabled": "true" if self.bucket_key else "",
        }
        return {header: value for header, value in every.items() if value}


@dataclass(frozen=True, slots=True)
class Writing:
    """What every write of a bucket asks for."""

    encryption: Mapping[str, str] = field(default_factory=dict)
    part: int = 16 << 20
    """Bytes of a part of a large object, and from twice that on an object is large."""
    threads: int = 4
    """Parts on their way at once."""


def checked_by(known: str) -> dict[str, str]:
    """The headers with which a server compares what it gets, and keeps the checksum."""
    return {CHECKSUM: known, "x-amz-sdk-checksum-algorithm": "SHA256"}


def checksum(digest: bytes) -> str:
    return b64encode(digest).decode()


def described(key: str, headers: Mapping[str, str]) -> Entry:
    """The object that an answer is about."""
    return Entry(
        key,
        int(headers.get("content-length") or 0),
        headers.get("etag", ""),
        headers.get("last-modified", ""),
        _known(headers),
    )


def _known(headers: Mapping[str, str]) -> str:
    """The checksum; the ETag of an object in parts ends with their number, which some servers leave out here."""
    known = headers.get(CHECKSUM, "")
    parts = re.search(r'-(\d+)"?$', headers.get("etag", ""))
    return f"{known}-{parts[1]}" if known and parts and "-" not in known else known


def listed(element: Element, key: str) -> Entry:
    return Entry(key, int(element.text("Size") or 0), element.text("ETag"), element.text("LastModified"))
