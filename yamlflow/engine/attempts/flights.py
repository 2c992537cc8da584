"""Attempts between their submit and their end, and what their executors' reports mean.

A report about an attempt that is not in here is late and means nothing.
Evaluations by workers fly beside the tasks; the scheduler knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, assert_never

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Outcome, Report
from yamlflow.core.messages import (
    Event,
    ExecutorDown,
    ExecutorUp,
    Failed,
    Lost,
    Progressed,
    Replaced,
    Started,
    Succeeded,
    Waiting,
    What,
)
from yamlflow.engine.attempts.fingerprints import Fingerprint

_ENDINGS = {
    "deadline": "was not done at its deadline",
    "start_failed": "had not started when its start_timeout was over",
}
QUIET = 1.0
"""Seconds between two progress messages of one task that are kept."""


@dataclass(slots=True)
class Flight:
    """One attempt of a task; `promise`: what its result will be kept as; `ending`: why the scheduler had it stopped."""

    executor: str
    task: TaskId
    attempt: int
    digest: bytes
    promise: Fingerprint | None = None
    told: float = float("-inf")
    ending: str = ""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """An evaluation by a worker; `results` asks for the pipeline's own outputs."""

    executor: str
    task: TaskId
    what: What | Literal["results"]


class Flights:
    """What is in flight, by attempt id."""

    def __init__(self) -> None:
        self._all: dict[str, Flight | Inquiry] = {}
        self._by_task: dict[TaskId, str] = {}

    def add(self, name: str, flight: Flight | Inquiry) -> None:
        self._all[name] = flight
        if isinstance(flight, Flight):
            self._by_task[flight.task] = name

    def get(self, name: str) -> Flight | Inquiry | None:
        return self._all.get(name)

    def name_of(self, task: TaskId, attempt: int) -> str | None:
        """The attempt id of a task's attempt, while it flies."""
        name = self._by_task.get(task)
        flight = self._all.get(name) if name else None
        return name if isinstance(flight, Flight) and flight.attempt == attempt else None

    def land(self, name: str) -> None:
        """The attempt has ended."""
        flight = self._all.pop(name, None)
        if isinstance(flight, Flight):
            self._by_task.pop(flight.task, None)

    def inquiries(self) -> Iterator[tuple[str, Inquiry]]:
        return ((name, flight) for name, flight in list(self._all.items()) if isinstance(flight, Inquiry))

    def by_executor(self) -> dict[str, list[str]]:
        """The names of everything in flight."""
        found: dict[str, list[str]] = {}
        for name, flight in self._all.items():
            found.setdefault(flight.executor, []).append(name)
        return found

    def __len__(self) -> int:
        return len(self._all)


def event_of(flight: Flight, report: Report, at: float) -> Event | None:
    """What a report about a task's attempt means; None when it is not worth keeping."""
    task, attempt = flight.task, flight.attempt
    match report.kind:
        case "started":
            return Started(at, task, attempt)
        case "progress":
            return _progress(flight, report, at)
        case "waiting":
            return Waiting(at, task, attempt, report.message)
        case "replaced":
            return Replaced(at, task, attempt, report.message)
        case "ended":
            return _ended(flight, report.outcome, at)
        case "gone":
            return Lost(at, task, attempt, report.message or "lost")
        case "down" | "up":
            return None
        case _:
            assert_never(report.kind)


def _ended(flight: Flight, outcome: Outcome | None, at: float) -> Event:
    if outcome is None:
        return Lost(at, flight.task, flight.attempt)
    kind = Failed if outcome.state == "failed" else Succeeded
    return kind(at, flight.task, flight.attempt, _explained(outcome, flight.ending))


def _explained(outcome: Outcome, ending: str) -> Outcome:
    """A stopped attempt says why it was stopped, not just that it was."""
    if outcome.failure is None or outcome.failure.reason != "cancelled" or ending not in _ENDINGS:
        return outcome
    return replace(outcome, failure=replace(outcome.failure, reason=ending, message=_ENDINGS[ending]))


def _progress(flight: Flight, report: Report, at: float) -> Event | None:
    if at - flight.told < QUIET and report.fraction != 1.0:
        return None
    flight.told = at
    return Progressed(at, flight.task, report.message, report.fraction)


def executor_event(executor: str, report: Report, at: float) -> Event | None:
    """What a report about the executor itself means."""
    match report.kind:
        case "down":
            return ExecutorDown(at, executor, report.message)
        case "up":
            return ExecutorUp(at, executor)
        case "started" | "progress" | "waiting" | "replaced" | "ended" | "gone":
            return None
        case _:
            assert_never(report.kind)
