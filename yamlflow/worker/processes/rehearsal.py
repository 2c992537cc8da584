"""A template made ready, so that its forks write to few of the pages they share.

A page that a fork writes to is copied first, and that is most of what a small
task costs. Python writes where it learns: slots are found, attributes looked up
once and remembered. So the template plays a task's part until nothing is new,
and then fills the holes in Python's heap: what its forks make lies side by side.
Must leave no trace: no file, no frame, no setting.
"""

from __future__ import annotations

import os
import sys

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Job, job_from_json, job_to_json, outcome_to_json
from yamlflow.worker import invocation
from yamlflow.worker.processes import environment, frames, kernel, task

TIMES = 12
"""Calls after which Python has seen enough of a function."""

ROW = 20
"""So many new objects one behind the other lie in memory that was never used."""

MOST = 5000
_HEAD = sys.getsizeof(b"")


def nothing(n: int) -> int:
    return n


def rehearse() -> None:
    target = {"kind": "python", "callable": f"{__name__}:nothing"}
    body = job_to_json(Job("a", "r", TaskId("n", (0,)), "n[0]", 1, target, inputs={"n": 1}, scratch="/"))
    present = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    for _ in range(TIMES):
        job = job_from_json(body)
        environment.task_variables(job)
        environment.enter(present)
        outcome = invocation.Invocation(job, _silent).perform(invocation.call)
        outcome = task.without_secrets(outcome, ())
        task.write_down(job, outcome)
        task.flush()
        frames.pack({"op": "outcome", "id": job.attempt_id, "outcome": outcome_to_json(outcome)}, "")
        task.wind_down()
        kernel.has_children()


_kept: list[bytes] = []


def fill_holes() -> None:
    """Take the free places between older objects, of each size, until new ones lie one behind the other."""
    for size in range(_HEAD + 15, 513, 16):
        row = last = 0
        for _ in range(MOST):
            _kept.append(bytes(size - _HEAD))
            place = id(_kept[-1])
            row = row + 1 if place - last == size else 0
            last = place
            if row == ROW:
                break


def _silent(message: str, fraction: float | None) -> None:
    """Nobody listens."""
