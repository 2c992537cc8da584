"""What the loop of one launch works with, what it gives back, and two looks at its view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure
from yamlflow.core.messages import (
    TERMINAL,
    ArtifactLost,
    CodeChanged,
    Evaluated,
    Event,
    Failed,
    Marked,
    Progressed,
    RunState,
    State,
    Submitted,
    Waiting,
)
from yamlflow.core.progress import RunView
from yamlflow.core.scheduler import Scheduler
from yamlflow.core.values import Document
from yamlflow.engine.answers.evaluation import Known, Wrong
from yamlflow.engine.answers.questions import Questions
from yamlflow.engine.answers.scope import World
from yamlflow.engine.attempts.adoption import Adoption
from yamlflow.engine.attempts.assembly import Assembly
from yamlflow.engine.attempts.caching import Caching
from yamlflow.engine.attempts.lookups import Lookups
from yamlflow.engine.attempts.losses import Losses, lost_by
from yamlflow.engine.clock import Clock
from yamlflow.engine.runs.recorder import Recorder
from yamlflow.store.state import Control

Listener = Callable[[RunView, Sequence[Event]], None]
"""Called after each turn with the view and the turn's events, and now and then without any."""

_BAD = frozenset({State.FAILED, State.UPSTREAM_FAILED, State.CANCELLED})


DOWN_PATIENCE = 600.0
"""Seconds that an executor may be unreachable before the run is given up (it can be resumed)."""

UNSEEN = (Submitted, Marked, Progressed, Waiting, CodeChanged)
"""Events that the scheduler has no use for."""


class AbandonedError(Exception):
    """A third request to stop: leave at once, whatever still runs."""


class DetachedError(Exception):
    """A request to leave, and to leave running what outlives the launcher."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop works with, made by whoever opened the run."""

    world: World
    view: RunView
    scheduler: Scheduler
    assembly: Assembly
    questions: Questions
    lookups: Lookups
    losses: Losses
    adoption: Adoption
    caching: Caching
    news: Callable[[float], Sequence[CodeChanged]]
    recorder: Recorder
    requests: Callable[[int], Sequence[Control]]
    failure_log: Callable[[TaskId, int], str]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run ended, and the values of its outputs."""

    state: RunState
    outputs: Mapping[str, Document] = field(default_factory=dict)
    output_error: str = ""


def error_of(parts: Parts, task: TaskId | None = None) -> Document:
    """`run.error`: what went wrong first, or with one task's own work; None when nothing did."""
    first = min(parts.view.failures.values(), key=lambda one: one.at, default=None) if task is None else None
    found = first if task is None else parts.view.causes.get(task)
    if found is None:
        return None
    return {
        "step": found.task.node,
        "key": ",".join(parts.view.names.keys(found.task)),
        "reason": found.failure.reason,
        "message": found.failure.message,
        "log": parts.failure_log(found.task, found.attempt),
    }


def learn_mark(world: World, task: TaskId, state: State) -> Mapping[str, Any] | None:
    """What a state that the scheduler decided means for values; the value that `catch` set, to be recorded."""
    node = world.graph.nodes[task.node]
    if len(task.path) == node.depth and state in TERMINAL and state is not State.SUCCEEDED:
        world.states[task] = state
    if state is not State.CAUGHT or node.catch is None or node.catch.callable is not None:
        return None
    world.values.put(task, node.catch.value)
    return {"state": "succeeded", "value": node.catch.value}


def losses_before(event: Event, parts: Parts) -> list[ArtifactLost]:
    """What an event tells of lost values, to be heard before it."""
    if not isinstance(event, (Failed, Evaluated)) or (failure := lost_by(event)) is None:
        return []
    parts.recorder.commit()  # the record says who made them
    return parts.losses.of(event, failure)


def results_of(parts: Parts, known: Known) -> tuple[Mapping[str, Document], Failure | None]:
    """The pipeline's outputs, all of them there, or why there are none; Defer passes through."""
    try:
        outputs = parts.questions.results(known)
        parts.losses.check(list(outputs.values()))
    except Wrong as wrong:
        return {}, wrong.failure
    return outputs, None


def check_complete(view: RunView) -> None:
    """Planned and final states are compared before success is reported; a difference is a bug."""
    for step in view.tasks():
        if not step.step.hook and (step.unexpanded or step.done != step.total):
            raise RuntimeError(f"{step.step.id}: only {step.done} of {step.total} tasks have ended")
    for step in view.top():
        if step.state in _BAD:
            raise RuntimeError(f"{step.step.id} is {step.state.value} in a run that succeeded")
