"""What a RunView is made of: a step as it stands, an attempt that is going on, a task that failed.

Plain records; `progress` changes them, and whoever shows a run reads them.
"""

from __future__ import annotations

from dataclasses import field

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Path, TaskId
from yamlflow.core.jobs import Failure
from yamlflow.core.messages import TERMINAL, State
from yamlflow.core.outline import Step

ACTIVE = frozenset({State.SUBMITTED, State.RUNNING})
BAD = (State.FAILED, State.UPSTREAM_FAILED, State.CANCELLED)


@dataclass(slots=True)
class Running:
    """An attempt between its submit and its end; `rescue`: it is what `catch` runs."""

    attempt: int
    submitted: float
    started: float | None = None
    message: str = ""
    fraction: float | None = None
    waiting: str = ""
    rescue: bool = False


@dataclass(frozen=True, slots=True)
class FailedTask:
    """A task that ended badly by its own fault."""

    task: TaskId
    attempt: int
    at: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Tasks of one step that failed with the same words; `first` stands for all."""

    first: FailedTask
    tasks: tuple[TaskId, ...]


@dataclass(slots=True)
class Stopwatch:
    """The seconds in which at least one of some attempts ran: what lies between them is left out."""

    running: int = 0
    since: float = 0.0  # when the stretch began that goes on now
    until: float = 0.0  # when the one before it ended
    counted: float = 0.0

    def start(self, at: float) -> None:
        """An attempt has begun."""
        if not self.running:
            self.since = max(at, self.until)
        self.running += 1

    def stop(self, at: float, took: float = 0.0) -> None:
        """An attempt has ended; it may have run before anybody heard that it had begun."""
        self.since = max(self.until, min(self.since, at - took))
        self.running -= 1
        if not self.running:
            self.counted += max(0.0, at - self.since)
            self.until = max(at, self.until)

    def seconds(self, now: float | None = None) -> float:
        """All of it so far; without `now`, up to the end of the last stretch."""
        going_on = self.running and now is not None
        return self.counted + (max(0.0, now - self.since) if going_on else 0.0)  # type: ignore[operator]


@dataclass(slots=True)
class StepView:
    """One step: how many of its tasks (items, for a group) are in each state; times in seconds.

    `total` is what is known so far, `unexpanded` how many of its loops nobody
    has counted yet. `clock` has the time in which something of it, or in it, ran;
    `begun` is whether anything has. `again` counts tasks that had made something and ran once more
    because it was lost. `unstarted` counts loops that ended before they were counted.
    """

    step: Step
    total: int = 0
    unexpanded: int = 0
    counts: dict[State, int] = field(default_factory=dict)
    begun: bool = False
    clock: Stopwatch = field(default_factory=Stopwatch)
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    retries: int = 0
    restored: int = 0
    again: int = 0
    reason: str = ""
    why: str = ""
    states: dict[Path, State] = field(default_factory=dict)
    whole: State | None = None
    unstarted: dict[State, int] = field(default_factory=dict)

    def count(self, *states: State) -> int:
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def done(self) -> int:
        return sum(number for state, number in self.counts.items() if state in TERMINAL)

    @property
    def active(self) -> int:
        return self.count(*ACTIVE)

    @property
    def state(self) -> State:
        """What a person would call the whole step."""
        if self.whole is not None:
            return self.whole
        if self.active:
            return State.RUNNING
        if self.unexpanded or self.done < self.total or not (self.counts or self.unstarted):
            return State.WAITING if self.done or self.count(State.WAITING) else State.PENDING
        ends = (*BAD, State.SUCCEEDED, State.CAUGHT, State.CACHED)
        return next((state for state in ends if self.counts.get(state) or self.unstarted.get(state)), State.SKIPPED)
