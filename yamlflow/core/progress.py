"""How a run stands: a fold of its events into counts, times and failures.

    view = RunView(outline)
    view.fold(event)

The live view, `status` in another terminal and the summary all read a RunView,
whether events come from the loop or from the database. Work per event is
constant; a task that has ended costs a few bytes. Must never decide anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from yamlflow.core.errors import unreachable
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import ARTIFACT_LOST, UNSTARTED, Failure, Outcome
from yamlflow.core.messages import (
    GOOD,
    TERMINAL,
    ArtifactLost,
    CacheMissed,
    CancelRequested,
    CodeChanged,
    Evaluated,
    Event,
    ExecutorDown,
    ExecutorUp,
    Failed,
    ItemsKnown,
    Lost,
    Marked,
    Progressed,
    Replaced,
    Restored,
    RunEnded,
    RunStarted,
    Started,
    State,
    Submitted,
    Succeeded,
    TimerFired,
    Waiting,
)
from yamlflow.core.naming import Names
from yamlflow.core.outline import Outline, Step
from yamlflow.core.standing import BAD, FailedTask, FailureGroup, Running, StepView

_Rare = (
    RunStarted
    | RunEnded
    | Restored
    | CacheMissed
    | CodeChanged
    | Evaluated
    | ArtifactLost
    | ExecutorDown
    | ExecutorUp
    | CancelRequested
    | TimerFired
)


class RunView:
    """How a run stands. Read freely; changed by `fold` only."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.names = Names(outline)
        self._children = {parent: outline.children(parent) for parent in ("", *outline.steps)}
        self.reset()

    def reset(self) -> None:
        """Nothing has happened yet: also the start of a resume, which begins anew."""
        self.state: str = "pending"
        self.started: float | None = None
        self.ended: float | None = None
        self.latest: float = 0.0
        self.names.forget()
        self.steps: dict[str, StepView] = {step.id: StepView(step) for step in self.outline.steps.values()}
        self._around = {name: tuple(self._lineage(name)) for name in self.steps}
        self.running: dict[TaskId, Running] = {}
        self.failures: dict[TaskId, FailedTask] = {}
        self.causes: dict[TaskId, FailedTask] = {}  # how a task's own work failed last, also while it is tried again
        self.down: dict[str, str] = {}
        self.lasting: frozenset[str] = frozenset()  # executors whose tasks outlive the launcher
        self.losses: dict[TaskId, ArtifactLost] = {}  # what was lost last, by the task that made it
        self._anew: set[TaskId] = set()  # tasks whose next attempt follows no failure of theirs
        self.cancelled: str = ""
        self.version = 0

    # --- what people ask ---

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return max(0.0, (self.ended or self.latest) - self.started) if self.started is not None else 0.0

    def top(self) -> list[StepView]:
        """The top-level steps in file order, hooks left out."""
        return [view for view in self.steps.values() if not view.step.parent and not view.step.hook]

    def tasks(self) -> Iterator[StepView]:
        """The steps that have tasks of their own."""
        return (view for view in self.steps.values() if not view.step.group)

    def failure_groups(self) -> list[FailureGroup]:
        """Each distinct failure once, the one that happened first in front; who was cancelled did not fail."""
        found: dict[tuple[str, str, str, str], list[FailedTask]] = {}
        for failed in sorted(self.failures.values(), key=lambda failed: failed.at):
            failure = failed.failure
            if failure.reason == "cancelled":
                continue
            found.setdefault((failed.task.node, failure.reason, failure.exception, failure.message), []).append(failed)
        return [FailureGroup(group[0], tuple(failed.task for failed in group)) for group in found.values()]

    def totals(self) -> Mapping[State, int]:
        """Tasks of all steps by state."""
        totals: dict[State, int] = {}
        for view in self.tasks():
            for state, number in view.counts.items():
                totals[state] = totals.get(state, 0) + number
        return totals

    # --- the fold ---

    def fold(self, event: Event) -> None:
        """Takes one event in."""
        self.version += 1
        self.latest = max(self.latest, event.at)
        match event:
            case Submitted():
                self._submitted(event)
            case Started(at=at, task=task, attempt=attempt):
                self._started(at, task, attempt)
            case Succeeded(at=at, task=task, outcome=outcome):
                self._ended(at, task, outcome)
                self._move(task, State.SKIPPED if outcome.state == "skipped" else State.SUCCEEDED)
            case Failed(at=at, task=task, attempt=attempt, outcome=outcome):
                self._failed(at, task, attempt, outcome)
            case Lost(at=at, task=task, reason=reason) if reason == UNSTARTED:
                self._left(at, task)
                self._move(task, State.READY)
            case Lost(at=at, task=task, attempt=attempt, reason=reason):
                self._failed(at, task, attempt, Outcome("failed", failure=Failure(reason, "no trace of it is left")))
            case Marked(at=at, task=task, state=state, reason=reason):
                self._marked(at, task, state, reason)
            case ItemsKnown(task=task, count=count, keys=keys):
                self._expanded(task, count, keys)
            case Progressed() | Waiting() | Replaced():
                self._told(event)
            case _:
                self._fold_rare(event)

    def _fold_rare(self, event: _Rare) -> None:
        match event:
            case RunStarted(at=at, executors=executors):
                self._begin(at)
                self.lasting = frozenset(name for name, traits in executors.items() if traits.adopts)
            case RunEnded(at=at, state=state):
                self.ended, self.state = at, state
            case Restored(task=task, end=end):
                self._found(task, end)
            case Evaluated():
                self._evaluated(event)
            case ArtifactLost():
                self._lost(event)
            case ExecutorDown(executor=executor, reason=reason):
                self.down[executor] = reason
            case ExecutorUp(executor=executor):
                self.down.pop(executor, None)
            case CancelRequested(reason=reason):
                self.cancelled = reason
            case CacheMissed(tasks=(TaskId(node=step), *_), reason=reason):
                self.steps[step].why = reason or self.steps[step].why
            case CacheMissed() | CodeChanged() | TimerFired():
                pass
            case _:
                raise unreachable(event)

    def _begin(self, at: float) -> None:
        version = self.version
        self.reset()
        self.version, self.started, self.latest, self.state = version, at, at, "running"
        for step in self._children[""]:
            if not step.hook:
                self._instantiate(step, 1)

    def _instantiate(self, step: Step, times: int) -> None:
        """The scope of a step exists so many times more."""
        view = self.steps[step.id]
        if step.names is not None:
            view.unexpanded += times
            return
        view.total += times
        if step.group and not step.rounds:
            self._open_bodies(step, times)

    def _open_bodies(self, step: Step, times: int) -> None:
        """Bodies of a group exist, or (a negative number) will never be opened."""
        for child in self._children[step.id]:
            self._instantiate(child, times)

    def _expanded(self, task: TaskId, count: int, keys: tuple[str, ...]) -> None:
        self.names.learn(task, count, keys)
        view = self.steps[task.node]
        view.unexpanded = max(0, view.unexpanded - 1)
        view.total += count
        if view.step.group and not view.step.rounds and count:
            self._open_bodies(view.step, count)

    def _submitted(self, event: Submitted) -> None:
        task = event.task
        self._move(task, State.SUBMITTED)
        if task in self._anew:
            self._anew.remove(task)
        elif event.attempt > 1 and not event.rescue:
            self.steps[task.node].retries += 1
        self.running[task] = Running(event.attempt, event.at, rescue=event.rescue)

    def _started(self, at: float, task: TaskId, attempt: int) -> None:
        running = self.running.setdefault(task, Running(attempt, at))
        if running.started is None:
            running.started = at
            for view in self._around[task.node]:
                view.begun = True
                view.clock.start(at)
        self._move(task, State.RUNNING)

    def _failed(self, at: float, task: TaskId, attempt: int, outcome: Outcome) -> None:
        running = self.running.get(task)
        self._ended(at, task, outcome)
        failure = outcome.failure or Failure("error", "failed without a reason")
        self._move(task, State.CANCELLED if failure.reason == "cancelled" else State.FAILED)
        self.failures[task] = FailedTask(task, attempt, at, failure)
        if running is None or not running.rescue:
            self.causes[task] = self.failures[task]

    def _ended(self, at: float, task: TaskId, outcome: Outcome) -> None:
        view = self.steps[task.node]
        self._left(at, task, outcome.usage.seconds)
        view.begun = True
        view.cpu_seconds += outcome.usage.cpu_seconds
        view.peak_memory = max(view.peak_memory, outcome.usage.peak_memory)

    def _left(self, at: float, task: TaskId, took: float = 0.0) -> None:
        """The attempt of a task runs no longer; nobody may have heard that it ran."""
        running = self.running.pop(task, None)
        started = running is not None and running.started is not None
        for view in self._around[task.node] if started or took else ():
            if not started:
                view.clock.start(at)
            view.clock.stop(at, took)

    def _lineage(self, name: str) -> Iterator[StepView]:
        """A step and the groups it is in."""
        while name:
            yield self.steps[name]
            name = self.steps[name].step.parent

    def _marked(self, at: float, task: TaskId, state: State, reason: str) -> None:
        view = self.steps[task.node]
        if view.step.rounds and len(task.path) == view.step.depth + view.step.levels:
            self._open_bodies(view.step, 1)
            return
        if len(task.path) == view.step.depth:
            view.reason = reason or view.reason
            view.whole = state if not task.path and state in TERMINAL else view.whole
            if view.step.names is not None:
                self._loop_marked(view, task, state)
                return
        if state in BAD and task not in self.failures and reason:
            self._blame(at, task, state, reason)
        if state is State.READY:
            view.again += 1
        self._move(task, state)

    def _loop_marked(self, view: StepView, task: TaskId, state: State) -> None:
        if self.names.count(*task) is None and state in TERMINAL:
            view.unexpanded = max(0, view.unexpanded - 1)
            view.unstarted[state] = view.unstarted.get(state, 0) + 1

    def _blame(self, at: float, task: TaskId, state: State, reason: str) -> None:
        """A failure that no attempt reported: a deadline, a condition, rounds that did not converge."""
        if state is State.FAILED:
            self.failures[task] = FailedTask(task, 0, at, Failure(reason, _WORDS.get(reason, reason)))

    def _lost(self, event: ArtifactLost) -> None:
        """What a task made is lost; a task that is its own reader found its result of an earlier launch so."""
        self.losses[event.task] = event
        self._anew |= {event.task, event.reader}
        if event.task == event.reader:
            self.steps[event.task.node].again += 1

    def _evaluated(self, event: Evaluated) -> None:
        task = event.task
        if event.error is not None and not (event.error.reason == ARTIFACT_LOST and task in self._anew):
            self.failures[task] = FailedTask(task, 0, event.at, event.error)

    def _found(self, task: TaskId, state: State) -> None:
        view = self.steps[task.node]
        view.restored += state is not State.CACHED
        self._move(task, state)

    def _told(self, event: Progressed | Waiting | Replaced) -> None:
        running = self.running.get(event.task)
        if running is None:
            return
        match event:
            case Progressed(message=message, fraction=fraction):
                running.message = message or running.message
                running.fraction = running.fraction if fraction is None else fraction
            case Waiting(reason=reason):
                running.waiting = reason
            case Replaced(reason=reason):
                running.waiting = f"replaced: {reason}"
                self._left(event.at, event.task)
                running.started, self.running[event.task] = None, running

    def _move(self, task: TaskId, state: State) -> None:
        view = self.steps[task.node]
        old = view.states.get(task.path)
        if old is state:
            return
        if old is not None:
            view.counts[old] -= 1
        elif view.step.group and state in TERMINAL and not view.step.rounds:
            self._open_bodies(view.step, -1)
        elif view.step.hook and view.step.names is None:
            view.total += 1
        view.states[task.path] = state
        view.counts[state] = view.counts.get(state, 0) + 1
        if task in self.failures and state in _GOES_ON:
            del self.failures[task]
        if task in self.causes and state in GOOD:
            del self.causes[task]


_GOES_ON = frozenset({State.SUCCEEDED, State.CAUGHT, State.SUBMITTED, State.WAITING})
_WORDS = {
    "not_converged": "`until` was still false after the last round",
    "deadline": "its deadline passed",
    "no earlier result to use": "there is no earlier result to use",
}
