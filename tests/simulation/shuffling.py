"""An executor for random pipelines: computes what a task would, reports in any order."""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Sequence
from typing import Any

from tests.simulation.plans import digest, fate
from yamlflow.core.jobs import Failure, Job, JobBatch, Outcome, Report
from yamlflow.executors.base import Traits


class KilledError(Exception):
    """The launcher dies here."""


class ShufflingExecutor:
    """Ends a random attempt at a time; `lives` is after how many ends the launcher is killed."""

    def __init__(self, plan_seed: int, order: random.Random, lives: int | None = None) -> None:
        self.traits = Traits()
        self.jobs: list[Job] = []
        self.most = 0
        self.most_narrow = 0
        self._narrow: frozenset[str] = frozenset()
        self._seed = plan_seed
        self._order = order
        self._lives = lives
        self._flying: list[Job] = []
        self._reports: list[Report] = []
        self._woken = threading.Event()

    def watch(self, narrow: frozenset[str]) -> None:
        """Count the attempts in flight of these nodes, which share a named limit."""
        self._narrow = narrow

    def submit(self, batch: JobBatch) -> None:
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
        ending = fate(self._seed, job.task.node, job.task.path, job.attempt)
        if ending == "lost":
            return None
        if ending == "error":
            return Outcome("failed", failure=Failure("error", "scripted"))
        if ending == "skip":
            return Outcome("skipped")
        return Outcome("succeeded", digest(job.task.node.rpartition(".")[2], plain(job.inputs)))

    def wake(self) -> None:
        self._woken.set()

    def cancel(self, names: Collection[str], *, force: bool = False) -> None:
        del force
        for job in [job for job in self._flying if job.attempt_id in names]:
            self._flying.remove(job)
            self._reports.append(Report("ended", job.attempt_id, Outcome("failed", failure=Failure("cancelled", ""))))

    def adopt(self, run_id: str) -> Sequence[Report]:
        del run_id
        return []

    def close(self, *, detach: bool = False) -> None:
        del detach


def plain(inputs: Any) -> dict[str, object]:
    """Inputs as the task would see them: a joined loop is a list."""
    return {name: value["$join"]["items"] if _joined(value) else value for name, value in inputs.items()}


def _joined(value: object) -> bool:
    return isinstance(value, dict) and "$join" in value
