"""Time as the engine knows it: what people call now, and seconds that never run backwards.

Whoever opens a run gives it a clock; the loop, its inbox and its recorder ask
no other, so that a simulation can stand for years of real time. Must never
decide anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from yamlflow.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`now`: seconds since the epoch. `monotonic`: seconds from any fixed origin, never backwards."""

    now: Callable[[], float]
    monotonic: Callable[[], float]


SYSTEM = Clock(time.time, time.monotonic)
"""This machine's clocks."""
