"""What leaves the loop: jobs on their way out and attempts to be stopped, held back until the turn's commit.

    turn → jobs, stops → outbox | commit | → pumps

Jobs of one step that follow one another leave as one batch; the order of jobs
and stops is kept. Must never send before it is told to: what is in the record
comes first. Only the end of everything (`recall`) waits for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from yamlflow.core.commands import Cancel
from yamlflow.core.jobs import Job, JobBatch
from yamlflow.engine.attempts.flights import Flight, Flights, Inquiry
from yamlflow.engine.pump import Pump


class Outbox:
    """Hands jobs and stops over to the executors' pumps."""

    def __init__(self, pumps: Mapping[str, Pump], flights: Flights) -> None:
        self._pumps = pumps
        self._flights = flights
        self._leaving: list[Job | Cancel] = []

    def __len__(self) -> int:
        return len(self._leaving)

    @property
    def local(self) -> str:
        """The executor for evaluations: this machine's own where there is one."""
        return "local" if "local" in self._pumps else next(iter(self._pumps))

    def put(self, job: Job, flight: Flight | Inquiry) -> None:
        """A job to be sent; from now on it is in flight."""
        self._flights.add(job.attempt_id, flight)
        self._leaving.append(job)

    def stop(self, command: Cancel) -> None:
        """Attempts to be stopped, after whatever was put in before."""
        self._leaving.append(command)

    def send(self) -> None:
        """What was put in leaves."""
        leaving, self._leaving = self._leaving, []
        for _, orders in groupby(leaving, key=_batch):
            self._send(list(orders))

    def _send(self, orders: list[Job | Cancel]) -> None:
        jobs = [order for order in orders if isinstance(order, Job)]
        if jobs:
            flight = self._flights.get(jobs[0].attempt_id)
            assert flight is not None
            batch = JobBatch(jobs[0].attempt_id, jobs[0].task.node, len(jobs), jobs.__getitem__)
            self._pumps[flight.executor].submit(batch)
        for order in orders:
            if isinstance(order, Cancel):
                self._stop(order)

    def _stop(self, command: Cancel) -> None:
        names: dict[str, list[str]] = {}
        for task, attempt in command.tasks:
            name = self._flights.name_of(task, attempt)
            flight = self._flights.get(name) if name else None
            if name and isinstance(flight, Flight):
                flight.ending = command.reason
                names.setdefault(flight.executor, []).append(name)
        for executor, found in names.items():
            self._pumps[executor].cancel(found, begun=command.begun)

    def recall(self, *, force: bool) -> None:
        """Somebody wants the run to end: evaluations are stopped at once; with `force` everything, unasked."""
        if force:
            for executor, names in self._flights.by_executor().items():
                self._pumps[executor].cancel(names, force=True)
        for name, inquiry in self._flights.inquiries():
            self._pumps[inquiry.executor].cancel([name])


def _batch(order: Job | Cancel) -> str:
    """Neighbours of one batch have the same word: jobs of one step, or stops."""
    return order.task.node if isinstance(order, Job) else ""
