"""What time it is for a server: a signature is good for a quarter of an hour, and so is this machine's clock, perhaps.

The wall clock, because signatures and the end of credentials are said in it. A reply
that says ours is wrong corrects it, for signing only. Must never measure a duration.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime


class Clock:
    """Seconds since the epoch, as the servers count them."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def learn(self, date: str) -> None:
        """Go by the `Date` of a reply from now on; one that cannot be read changes nothing."""
        with suppress(TypeError, ValueError):
            self._ahead = parsedate_to_datetime(date).timestamp() - time.time()


def stamp(moment: float) -> str:
    """A moment as signatures have it: `20150830T123600Z`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))


def moment_of(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 time, UTC where it does not say; ValueError for anything else."""
    whole = re.sub(r"\.\d+", "", text.strip())  # 3.10 reads three or six digits only, and no Z
    read = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", whole))
    return (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp()
