"""From a server's refusal to a typed error: what was refused, in whose words, and what to do about it."""

from __future__ import annotations

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.address import region_in
from yamlflow.worker.s3.errors import (
    BucketError,
    DamagedError,
    DeniedError,
    ExistsError,
    MissingError,
    Refusal,
    S3Error,
    WireError,
)
from yamlflow.worker.s3.wire.connections import Reply
from yamlflow.worker.s3.wire.documents import Element, read_xml

LONGEST = 1 << 16
VERBS = {"GET": "read", "HEAD": "look at", "PUT": "write", "POST": "write", "DELETE": "delete"}
ACTIONS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "DELETE": "s3:DeleteObject"}


class RefusedError(Exception):
    """Inside this folder only: it is tried again, or becomes a typed error."""

    def __init__(self, refusal: Refusal, date: str = "") -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.date = date


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request was about."""

    method: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def refusal_of(reply: Reply) -> RefusedError:
    """The refusal in an answer, whoever wrote it: a proxy's page has no code."""
    content = reply.read(LONGEST)
    try:
        error = read_xml(content) if content.lstrip().startswith(b"<") else Element("")
    except WireError:
        error = Element("")
    return RefusedError(refusal_in(error, reply), reply.headers.get("date", ""))


def refusal_in(error: Element, reply: Reply) -> Refusal:
    said = reply.headers
    known = error.text("Region") or region_in(error.text("Endpoint")) or region_in(said.get("location", ""))
    return Refusal(
        status=reply.status,
        code=_plain(error.text("Code"), 80),
        message=_plain(error.text("Message"), 500),
        request_id=_plain(said.get("x-amz-request-id") or error.text("RequestId"), 80),
        region=_plain(said.get("x-amz-bucket-region") or known, 40),
        after=_seconds(said.get("retry-after", "")),
    )


def _plain(text: str, most: int) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[:most]).split())


def _seconds(text: str) -> float:
    return min(float(text), 60.0) if text.isascii() and text.isdigit() else 0.0


def error_for(refusal: Refusal, subject: Subject, origin: str) -> S3Error:
    """The typed error; `origin` is the place that the credentials came from."""
    kind, hint = _kind(refusal, subject, origin)
    verb = VERBS.get(subject.method, "reach")
    return kind(
        f"S3 refused to {verb} {subject}: {refusal}", hint=hint, bucket=subject.bucket, key=subject.key, refusal=refusal
    )


def _kind(refusal: Refusal, subject: Subject, origin: str) -> tuple[type[S3Error], str | None]:
    status, code = refusal.status, refusal.code
    if code == "NoSuchBucket":
        return BucketError, "create the bucket, or correct its name"
    if status == 404:
        return MissingError, None
    if status == 412:
        if subject.method == "GET":
            return DamagedError, "it was changed while it was read: nobody but yamlflow should write there"
        return ExistsError, None
    if status in {401, 403} or code in {"InvalidToken", "InvalidAccessKeyId"}:
        return DeniedError, _denied(refusal, subject, origin)
    if 300 <= status < 400 or code == "AuthorizationHeaderMalformed":
        return BucketError, "name the bucket's region in AWS_REGION, or its endpoint in AWS_ENDPOINT_URL_S3"
    if status == 501:
        return S3Error, "this endpoint lacks something that yamlflow needs; S3 at AWS and MinIO have it"
    return S3Error, None


def _denied(refusal: Refusal, subject: Subject, origin: str) -> str:
    if "kms:" in refusal.message.lower():
        return f"allow kms:GenerateDataKey and kms:Decrypt on the bucket's key for the credentials from {origin}"
    if refusal.code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"}:
        return f"the credentials come from {origin}: replace them, and check the endpoint they are meant for"
    if not subject.key:
        return f"allow s3:ListBucket on arn:aws:s3:::{subject.bucket} for the credentials from {origin}"
    action = ACTIONS.get(subject.method, "s3:PutObject")
    return f"allow {action} on arn:aws:s3:::{subject.bucket}/{subject.key} for the credentials from {origin}"
