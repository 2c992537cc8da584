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

from yamlflow.core.identity import TaskId
from yamlflow.core.jobs import Job, job_from_json, job_to_json
from yamlflow.worker.processes import environment, frames, task

TIMES = 12
"""Calls after which Python has seen enough of a function."""

ROW = 20
"""So many new objects one behind the other lie in memory that was never used."""

MOST = 5000
_HEAD = sys.getsizeof(b"")


def nothing(n: int) -> int:
    return n


def rehearse() -> None:
    """Before the template has signals of its own: what a task does first undoes them."""
    ours, theirs = frames.pair()
    target = {"kind": "python", "callable": f"{__name__}:nothing", "outputs": None}
    body = job_to_json(
        Job("a", "r", TaskId("n", (0,)), "n[0]", 1, target, inputs={"n": 1}, scratch="/", log=os.devnull)
    )
    present = dict(os.environ)
    for _ in range(TIMES):
        job = job_from_json(body)
        environment.enter(environment.step_variables(job))
        desk = task.desk_of(job, ours, os.getppid(), ())
        desk.invocation.foresee()
        task.enter(desk, None)
        task.perform(desk)
        task.wind_down()
        theirs.receive()
    os.environ.update(present)
    ours.close()
    theirs.close()


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
