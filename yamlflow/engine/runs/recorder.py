"""Events on their way to disk: one commit per turn, before the commands they caused leave.

Events that cause nothing (started, progress) wait a moment for company. An
event that can be worked out from the others is not written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from yamlflow.core.errors import StateError, YamlflowError
from yamlflow.core.messages import CacheMissed, Event
from yamlflow.engine.clock import SYSTEM, Clock
from yamlflow.store.results import Cached
from yamlflow.store.state import Entry, State

LATEST = 0.2
"""Seconds that an event without consequences may wait for its commit."""

MOST = 2000


class Recorder:
    """Collects the events of one run and commits them."""

    def __init__(self, state: State, run_id: str, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._state = state
        self._run_id = run_id
        self._entries: list[Entry] = []
        self._results: list[Cached] = []
        self._used: list[bytes] = []
        self._since = 0.0

    def keep(self, result: Cached) -> None:
        """The result goes into the cache with the event it comes from."""
        self._results.append(result)

    def use(self, keys: Iterable[bytes]) -> None:
        """Cached results of these keys stand for tasks, as events of the next commit say."""
        self._used.extend(keys)

    def note(self, event: Event, digest: bytes | None = None, outcome: Mapping[str, Any] | None = None) -> None:
        """The event belongs to the next commit."""
        if isinstance(event, CacheMissed) and not event.reason:
            return
        if not self._entries:
            self._since = self._clock.monotonic()
        self._entries.append(Entry(event, digest, outcome))

    def commit(self) -> None:
        """Everything noted is durable on return; StateError when it cannot be."""
        entries, self._entries = self._entries, []
        results, self._results = self._results, []
        used, self._used = self._used, []
        try:
            self._state.append(self._run_id, entries, results, used)
        except StateError:
            raise
        except YamlflowError as error:  # read-only, busy for too long: during a run all of it means the same
            raise StateError(error.message, hint=error.hint) from error

    def commit_if_due(self) -> None:
        """Commits what has waited long enough."""
        if self._entries and (len(self._entries) >= MOST or self._clock.monotonic() - self._since >= LATEST):
            self.commit()
