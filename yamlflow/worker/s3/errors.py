"""What goes wrong with S3, as typed errors that say which object, what was answered and what to do next.

A refusal is what a server answered; it becomes one of the typed errors, or is tried
again (see `retries`). Must never carry a credential: of an answer only its code, its
message, its region and its request id are kept.
"""

from __future__ import annotations

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import AccessError, SetupError, StateError, TemporaryError, YamlflowError


class WireError(Exception):
    """No whole answer came. Inside this folder only: it is tried again, or becomes an UnreachableError."""

    def __init__(self, said: str, *, stale: bool = False) -> None:
        super().__init__(said)
        self.stale = stale
        """It was a connection from before, which the server had closed: a new one may do at once."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than success, in the server's own words."""

    status: int
    code: str
    message: str = ""
    request_id: str = ""
    region: str = ""
    after: float = 0.0
    """Seconds that the server asks to wait."""

    def __str__(self) -> str:
        words = f"{self.code} ({self.status})" if self.code else f"status {self.status}"
        words += f": {self.message}" if self.message else ""
        return words + (f" [request {self.request_id}]" if self.request_id else "")


NOTHING = Refusal(0, "")


class S3Error(YamlflowError):
    """S3 did not do what was asked, and asking again would not help."""

    doubtful = False
    """An earlier try got no answer: this one may be about what that one did."""

    def __init__(
        self, message: str, *, hint: str | None = None, bucket: str = "", key: str = "", refusal: Refusal = NOTHING
    ) -> None:
        super().__init__(message, hint=hint)
        self.bucket = bucket
        self.key = key
        self.status = refusal.status
        self.code = refusal.code
        self.request_id = refusal.request_id


class MissingError(S3Error):
    """There is no object of this key."""


class ExistsError(S3Error):
    """There is an object of this key already, and it was to be a new one: somebody was first."""


class BucketError(S3Error, SetupError):
    """There is no such bucket, or it is not where the configuration says."""


class DeniedError(S3Error, AccessError):
    """The credentials are good, but do not allow this."""


class DamagedError(S3Error, StateError):
    """What came is not what was stored."""


class UnreachableError(S3Error, TemporaryError):
    """S3 gave no useful answer for as long as we were patient."""


class CredentialsError(AccessError):
    """There are no credentials, or those that there are have expired and no new ones can be had."""


class ConfigurationError(SetupError):
    """A variable or a file of the AWS configuration makes no sense."""
