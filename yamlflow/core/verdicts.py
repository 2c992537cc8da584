"""Decisions as plain functions: may this run, is this attempt tried again, when.

No state of their own; the scheduler asks and acts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Edge, Policy, Retry, TaskId
from yamlflow.core.jobs import INFRASTRUCTURE, Failure
from yamlflow.core.messages import State

Upstream = Iterable[tuple[Edge, State]]

FAILURES = frozenset({State.FAILED, State.UPSTREAM_FAILED})


def judge(policy: Policy, upstream: Upstream) -> State:
    """READY when the reader may run, else the terminal state it gets instead."""
    pairs = list(upstream)
    states = {state for _, state in pairs}
    if policy is Policy.ALL_DONE:
        return State.READY
    if policy is Policy.ANY_FAILED:
        return State.READY if states & FAILURES else State.SKIPPED
    if states & FAILURES:
        return State.UPSTREAM_FAILED
    if State.CANCELLED in states:
        return State.CANCELLED
    if any(state is State.SKIPPED and not edge.takes_none for edge, state in pairs):
        return State.SKIPPED
    return State.READY


@dataclass(frozen=True, slots=True)
class Again:
    """Try once more after `delay` seconds."""

    delay: float
    infrastructure: bool


def again(retry: Retry, failure: Failure, failures: int, losses: int, noise: float) -> Again | None:
    """Whether the attempt that just failed is tried again; the counts include it. `noise` is in [0, 1)."""
    if failure.final:
        return None
    if failure.reason in INFRASTRUCTURE:
        if losses > retry.infra:
            return None
        return Again(0.0 if losses == 1 else min(60.0, 2.0 ** (losses - 2)), infrastructure=True)
    if failures >= retry.attempts or not _wanted(retry, failure):
        return None
    return Again(backoff(retry, failures, noise), infrastructure=False)


def _wanted(retry: Retry, failure: Failure) -> bool:
    names = {failure.reason, failure.exception, failure.exception.rpartition(".")[2], *failure.names}
    return any(word in names for word in retry.on)


def backoff(retry: Retry, failures: int, noise: float) -> float:
    """Seconds until the next try; `jitter` is the fraction by which it may vary to either side."""
    delay = retry.delay * (2.0 ** min(failures - 1, 60) if retry.exponential else 1.0)
    if retry.max_delay is not None:
        delay = min(delay, retry.max_delay)
    return delay * (1.0 + retry.jitter * (2.0 * noise - 1.0))


def noise(seed: int, task: TaskId, attempt: int) -> float:
    """A number in [0, 1) that looks random and is the same in every replay."""
    return zlib.crc32(f"{seed}:{task.node}:{task.path}:{attempt}".encode()) / 2**32
