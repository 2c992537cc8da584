"""How an executor is broken: the small one with one method that is wrong, under the name of what it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.executors.contract.small import SmallExecutor
from yamlflow.core.jobs import JobBatch

BROKEN: dict[str, type[SmallExecutor]] = {}
"""By the name of the behaviour."""

SILENT: dict[str, float] = {}
"""Behaviours that are failed by saying nothing: seconds in which the right one has long said it."""

right = SmallExecutor


def breaks(behaviour: str, method: str, *, silent: float = 0) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The decorated function is that method of the executor that fails the behaviour."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        assert hasattr(SmallExecutor, method)
        assert behaviour not in BROKEN
        if silent:
            SILENT[behaviour] = silent
        BROKEN[behaviour] = type("Broken", (SmallExecutor,), {method: function})
        return function

    return register


def with_jobs(self, batch, change):
    """The batch handed over with its jobs changed."""
    jobs = [change(job) for job in batch.jobs()]
    right.submit(self, JobBatch(batch.name, batch.step, len(jobs), jobs.__getitem__))


def with_failure(outcome, **fields):
    return replace(outcome, failure=replace(outcome.failure, **fields)) if outcome.failure else outcome
