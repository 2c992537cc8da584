"""The credentials of a process: found once, kept fresh, shared by its threads.

They are asked for anew some minutes before they end, by one thread while the others
go on with those that are still good; in the last minute everybody waits. When that
fails, those from before serve to their end. Must never ask more often than a service
likes, and never fall back to another place than the first that had credentials: the
right of a task must not depend on which service happens to be down.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from yamlflow.worker.s3.credentials.values import Credentials, Source
from yamlflow.worker.s3.errors import CredentialsError, WireError
from yamlflow.worker.s3.wire.clock import Clock

EARLY = 300.0
"""Seconds before the end from which new ones are asked for."""
LATE = 60.0
"""Seconds before the end from which nobody goes on with the old ones."""
PAUSE = 30.0
"""Seconds between two questions that were not answered with anything new."""


class Keyring:
    """Hands out credentials that are good for a minute at least, wherever their source allows that."""

    def __init__(self, find: Callable[[], Source], clock: Clock) -> None:
        self._find = find
        self._clock = clock
        self._lock = Lock()
        self._source: Source | None = None
        self._held: Credentials | None = None
        self._quiet_until = 0.0

    def current(self) -> Credentials:
        held = self._held
        left = self._left(held)
        if held is None or left < LATE:
            with self._lock:
                return self._fresh()
        if left < EARLY and time.monotonic() >= self._quiet_until and self._lock.acquire(blocking=False):
            try:
                return self._fresh()
            finally:
                self._lock.release()
        return held

    @property
    def origin(self) -> str:
        """Where they come from, in words."""
        return self._source.name if self._source else "nowhere yet"

    def renew(self, refused: Credentials) -> Credentials:
        """Others than those that a server refused as expired; CredentialsError if there are none."""
        with self._lock:
            if self._held is refused:
                self._load()
            if self._held is None or _same(self._held, refused):
                raise self._expired()
            return self._held

    def _fresh(self) -> Credentials:
        """Holds the lock: load new ones, unless another thread did so or tried a moment ago."""
        held = self._held
        if held is None:
            return self._load()
        if time.monotonic() < self._quiet_until and self._left(held) > 0:
            return held
        try:
            return self._load()
        except CredentialsError:
            self._quiet_until = time.monotonic() + PAUSE
            if self._left(held) > 0:
                return held
            raise

    def _load(self) -> Credentials:
        self._source = self._source or self._find()
        try:
            self._held = self._source.load()
        except WireError as error:
            raise CredentialsError(f"{self._source.name}: {error}", hint=self._source.advice) from error
        self._quiet_until = time.monotonic() + PAUSE
        return self._held

    def _left(self, credentials: Credentials | None) -> float:
        """Seconds that they are still good for."""
        if credentials is None or credentials.expires is None:
            return float("inf")
        return credentials.expires - self._clock.now()

    def _expired(self) -> CredentialsError:
        advice = self._source.advice if self._source else None
        return CredentialsError(f"the credentials from {self.origin} have expired, no others are there", hint=advice)


def _same(one: Credentials, other: Credentials) -> bool:
    return (one.access, one.secret, one.token) == (other.access, other.secret, other.token)
