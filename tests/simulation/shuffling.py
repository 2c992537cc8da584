"""An executor for random pipelines: computes what a task would, reports in any order."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from tests.simulation.plans import digest, fate, rescue_fate
from yamlflow.core.jobs import Failure, Job, JobBatch, Outcome, Report
from yamlflow.core.messages import Event
from yamlflow.executors.base import Traits
from yamlflow.store.database import connect
from yamlflow.store.results import Cached
from yamlflow.store.state import Entry, State


class KilledError(Exception):
    """The launcher dies here."""


class MortalState(State):
    """The real database; tells what is durable, and kills the launcher after `commits`, before a command leaves."""

    def __init__(self, path: Path, told: Callable[[object, list[Event]], None], commits: int | None) -> None:
        super().__init__(connect(path, "rw"), path)
        self._told = told
        self._commits = commits

    def append(
        self, run_id: str, entries: Sequence[Entry], results: Sequence[Cached] = (), used: Collection[bytes] = ()
    ) -> None:
        super().append(run_id, entries, results, used)
        self._told(None, [entry.event for entry in entries])
        if self._commits is not None:
            self._commits -= 1
            if self._commits < 0:
                raise KilledError


class ShufflingExecutor:
    """Ends a random attempt at a time.

    The launcher is killed after `lives` ends, or at the submit after `submits` of them.
    """

    def __init__(
        self, plan_seed: int, order: random.Random, lives: int | None = None, submits: int | None = None
    ) -> None:
        self.traits = Traits()
        self.jobs: list[Job] = []
        self.most = 0
        self.most_narrow = 0
        self._narrow: frozenset[str] = frozenset()
        self._seed = plan_seed
        self._order = order
        self._lives = lives
        self._submits = submits
        self._flying: list[Job] = []
        self._reports: list[Report] = []
        self._woken = threading.Event()

    def watch(self, narrow: frozenset[str]) -> None:
        """Count the attempts in flight of these nodes, which share a named limit."""
        self._narrow = narrow

    def submit(self, batch: JobBatch) -> None:
        if self._submits is not None:
            self._submits -= 1
            if self._submits < 0:
                raise KilledError
        for job in batch.jobs():
            self.jobs.append(job)
            self._flying.append(job)
            self._reports.append(Report("started", job.attempt_id))
        self.most = max(self.most, len(self._flying))
        self.most_narrow = max(self.most_narrow, sum(job.task.node in self._narrow for job in self._flying))

    def poll(self, timeout: float) -> Sequence[Report]:
        if not self._reports and not self._flying:
            self._woken.wait(timeout)
        self._woken.clear()
        if self._flying:
            self._end(self._flying.pop(self._order.randrange(len(self._flying))))
        reports, self._reports = self._reports, []
        return reports

    def _end(self, job: Job) -> None:
        if self._lives is not None:
            self._lives -= 1
            if self._lives < 0:
                raise KilledError
        outcome = self.outcome(job)
        self._reports.append(Report("gone" if outcome is None else "ended", job.attempt_id, outcome))
        if self._order.random() < 0.1:  # said twice
            self._reports.append(self._reports[-1])

    def outcome(self, job: Job) -> Outcome | None:
        rescue = job.target["callable"] == "tests.simulation.work:rescue"
        ending = (rescue_fate if rescue else fate)(self._seed, job.task.node, job.task.path, job.attempt)
        if ending == "lost":
            return None
        if ending == "error":
            return Outcome("failed", failure=Failure("error", "scripted"))
        if ending == "skip":
            return Outcome("skipped")
        name = "rescue" if rescue else job.task.node.rpartition(".")[2]
        return Outcome("succeeded", digest(name, plain(job.inputs)))

    def wake(self) -> None:
        self._woken.set()

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        del force
        if not begun:  # all of them have
            return
        for job in [job for job in self._flying if job.attempt_id in names]:
            self._flying.remove(job)
            self._reports.append(Report("ended", job.attempt_id, Outcome("failed", failure=Failure("cancelled", ""))))

    def adopt(self, run_id: str) -> Sequence[Report]:
        del run_id
        return []

    def close(self, *, detach: bool = False) -> None:
        del detach


def plain(inputs: Any) -> dict[str, object]:
    """Inputs as the task would see them: a joined loop is a list. A rescue's `error` is left out."""
    seen = {name: value for name, value in inputs.items() if name != "error"}
    return {name: value["$join"]["items"] if _joined(value) else value for name, value in seen.items()}


def _joined(value: object) -> bool:
    return isinstance(value, dict) and "$join" in value
