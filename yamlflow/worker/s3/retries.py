"""What an answer means for trying again, and how long to be patient.

Patience is measured in time, not in tries: a task that has worked for hours must not
lose its result to ten bad minutes of a service. Pauses double up to a limit, and each
is drawn at random, so that a thousand tasks do not come back together.
"""

from __future__ import annotations

import time
from enum import Enum
from random import SystemRandom

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.errors import Refusal

_chance = SystemRandom()  # a fork must not draw what its parent draws


class Meaning(Enum):
    """What to do about a refusal."""

    FINAL = "it is as it is"
    LATER = "try again after a pause"
    SPOILT = "something went wrong on the way: a few times more"
    EXPIRED = "try again with new credentials"
    SKEWED = "try again by the server's clock"
    ELSEWHERE = "try again in the right region"


CODES = {
    Meaning.LATER: "BandwidthLimitExceeded ConditionalRequestConflict InternalError OperationAborted"
    " PriorRequestNotComplete ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled"
    " RequestThrottledException RequestTimeout RequestTimeoutException ServiceUnavailable SlowDown"
    " ThrottledException Throttling ThrottlingException TooManyRequestsException TransactionInProgressException",
    Meaning.SPOILT: "BadDigest IncompleteBody InvalidDigest XAmzContentChecksumMismatch XAmzContentSHA256Mismatch",
    Meaning.EXPIRED: "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired",
    Meaning.SKEWED: "RequestTimeTooSkewed RequestInTheFuture",
    Meaning.ELSEWHERE: "AuthorizationHeaderMalformed PermanentRedirect Redirect TemporaryRedirect",
}
_MEANINGS = {code: meaning for meaning, codes in CODES.items() for code in codes.split()}
_LATER = frozenset({408, 429, 500, 502, 503, 504, 509})


def meaning(refusal: Refusal) -> Meaning:
    known = _MEANINGS.get(refusal.code)
    if known is not None:
        return known
    if refusal.status in {301, 302, 307, 308} or (refusal.status == 400 and refusal.region):
        return Meaning.ELSEWHERE
    return Meaning.LATER if refusal.status in _LATER else Meaning.FINAL


@dataclass(frozen=True, slots=True)
class Patience:
    """All in seconds."""

    whole: float = 900.0
    """From the first failure of a request to the last."""
    first: float = 60.0
    """The same, as long as no server has answered at all: its address may be wrong."""
    pause: float = 0.2
    longest: float = 20.0


class Waiting:
    """The pauses of one request."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._since = -1.0
        self._number = 0

    def start_again(self) -> None:
        """Something got through: the patience is whole again."""
        self._since, self._number = -1.0, 0

    def lasted(self) -> float:
        return 0.0 if self._since < 0 else time.monotonic() - self._since

    def pause(self, *, reached: bool, asked: float = 0.0) -> bool:
        """Wait, at least as long as the server asked; False, at once, when the patience is over."""
        if self._since < 0:
            self._since = time.monotonic()
        patience = self._patience
        left = (patience.whole if reached else patience.first) - self.lasted()
        most = min(patience.longest, patience.pause * 2 ** min(self._number, 30))
        wait = max(most * _chance.uniform(0.5, 1.0), asked)
        if wait > left:
            return False
        self._number += 1
        time.sleep(wait)
        return True
