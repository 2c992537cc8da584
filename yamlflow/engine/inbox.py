"""What the loop waits for: reports, stop requests, timers, requests of other terminals.

Anything may be put in from any thread and from a signal handler; only the loop
takes out. Time is monotonic, so that a clock that jumps fires no timer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue

from yamlflow.core.dataclass import dataclass
from yamlflow.core.messages import Timer
from yamlflow.engine.clock import SYSTEM, Clock
from yamlflow.engine.pump import Reports, Trouble

TICK = 0.25
"""Seconds after which the loop looks around even when nothing came in."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants the run to end; `drain` lets running tasks finish, `force` does not wait for them.

    `detach` leaves those that can outlive the launcher, for a resume to find.
    """

    reason: str
    drain: bool = False
    force: bool = False
    detach: bool = False


Item = Reports | Trouble | Stop | Timer


class Inbox:
    """A queue with an alarm clock."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._queue: SimpleQueue[Item] = SimpleQueue()
        self._timers: list[tuple[float, int, Timer | Stop]] = []
        self._order = count()

    def put(self, item: Item) -> None:
        self._queue.put(item)

    def set_timer(self, timer: Timer | Stop, delay: float) -> None:
        heapq.heappush(self._timers, (self._clock.monotonic() + delay, next(self._order), timer))

    def wait(self) -> list[Item]:
        """What has come in; empty after a tick in which nothing did."""
        items = list(self._ready())
        if not items:
            items.extend(self._next(self._patience()))
            items.extend(self._ready())
        return items

    def _next(self, patience: float) -> Iterator[Item]:
        """The next item that is put in within so many seconds, if any is."""
        with suppress(Empty):
            yield self._queue.get(timeout=patience)

    def _patience(self) -> float:
        return min(TICK, max(0.0, self._timers[0][0] - self._clock.monotonic())) if self._timers else TICK

    def _ready(self) -> Iterator[Item]:
        yield from self._due()
        while True:
            try:
                yield self._queue.get_nowait()
            except Empty:
                return

    def _due(self) -> Iterator[Item]:
        now = self._clock.monotonic()
        while self._timers and self._timers[0][0] <= now:
            yield heapq.heappop(self._timers)[2]
