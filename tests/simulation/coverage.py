"""What all seeds together must have come to: every fault, every crash point, every event in every state.

Impossible pairs are derived from the table of legal moves and from who may say
what; each has its reason.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import lru_cache

from tests.simulation.options import CRASHES, FAULTS
from tests.simulation.plans import mix
from tests.simulation.watching import ABSENT
from yamlflow.core.fans import LEGAL
from yamlflow.core.messages import TERMINAL, State

STATES = (*(state.value for state in State), ABSENT)
REPORTS = ("Started", "Replaced", "Succeeded", "Succeeded:skipped", "Failed", "Lost")
LATE_TIMERS = ("TimerFired:retry", "TimerFired:start_timeout")
ANSWERS = ("Restored", "CacheMissed")
ENDED = tuple(state.value for state in State if state in TERMINAL)
WAYS_IN = {state: {old for old, new in LEGAL.items() if state in new} for state in State}


def expected() -> Iterator[tuple[str, str]]:
    """Every (state, event) that some seed must show."""
    for event in (*REPORTS, *LATE_TIMERS):
        yield from ((state, event) for state in STATES if not reason(state, event))
    for event in ANSWERS:
        yield from ((state, event) for state in STATES if not reason(state, event))
    for state in ("submitted", "running", "ready", "waiting", ABSENT, *ENDED):
        if not reason(state, "TimerFired:deadline"):
            yield state, "TimerFired:deadline"
    yield "waiting", "TimerFired:repeat"
    for what in ("when", "foreach:error"):
        yield "pending", f"Evaluated:{what}"
    for what in ("start", "outputs", "until", "until:error"):
        yield "running", f"Evaluated:{what}"
    yield "pending", "ItemsKnown"
    yield "succeeded", "ArtifactLost"
    yield "pending", "ArtifactLost"
    for event in ("RunStarted", "RunEnded", "ExecutorDown", "ExecutorUp", "TimerFired:run_deadline"):
        yield "-", event
    yield "-", "CancelRequested"
    yield "-", "CancelRequested:drain"


def reason(state: str, event: str) -> str:
    """Why this event never meets this state; empty when it does."""
    if state == State.CACHED.value:
        return "no step of these plans has a cache; the machine of the scheduler (test_machines) covers it"
    if state == State.PENDING.value and (event in REPORTS or event.startswith("TimerFired")):
        assert not WAYS_IN[State.PENDING]
        return "no move leads back to pending, so a task of which somebody can speak has left it"
    if event in ANSWERS and state == ABSENT:
        return "an answer comes in the turn of its question, when the scope of its task is there"
    if state == State.CANCELLED.value and event == "TimerFired:deadline":
        return "only between a stop and the end of an attempt that does not hear it: possible, too rare to ask for"
    if state == State.UPSTREAM_FAILED.value and event == "TimerFired:deadline":
        return "judged before it is ever submitted, so it has no timer"
    return ""


PAIRS = tuple(expected())
RARE = ("caught", "upstream_failed", "waiting", "ready")


@lru_cache(maxsize=1)
def favourite(seed: int, *, loose: bool) -> tuple[str, str]:
    """What an old word of this seed is to be, where it can: so that all of it is said about tasks in every state."""
    order = random.Random(mix("favourite", seed))
    said = [(state, event) for state, event in PAIRS if event in (*REPORTS, *LATE_TIMERS, *ANSWERS)]
    if loose and order.random() < 0.6:
        return order.choice([pair for pair in said if pair[0] == "cancelled"])
    rare = [pair for pair in said if pair[0] in RARE]
    return order.choice(rare if order.random() < 0.6 else said)


def missing(happened: Mapping[str, int], met: Mapping[tuple[str, str], int]) -> list[str]:
    """What never occurred, though it can."""
    kinds = [kind for kind in FAULTS if not happened.get(kind)]
    kinds += [kind for kind in ("edit", "withdrawn") if not happened.get(kind)]
    points = [f"crash: {point}" for point in CRASHES if not happened.get(f"crash: {point}")]
    pairs = [f"{state}, {event}" for state, event in PAIRS if not met.get((state, event))]
    return [*kinds, *points, *pairs]


def table(happened: Mapping[str, int], met: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """How often everything occurred."""
    yield "faults: " + ", ".join(f"{kind} {happened.get(kind, 0)}" for kind in FAULTS)
    yield "crashes: " + ", ".join(f"{point} {happened.get(f'crash: {point}', 0)}" for point in CRASHES)
    events = sorted({event for _, event in met})
    for event in events:
        counts = {state: number for (state, found), number in met.items() if found == event}
        yield f"{event:24} " + ", ".join(f"{state} {counts[state]}" for state in ("-", *STATES) if state in counts)
