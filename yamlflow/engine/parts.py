"""What the loop of one launch works with, what it gives back, and two looks at its view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from yamlflow.core.graph import TaskId
from yamlflow.core.messages import Event, RunState, State
from yamlflow.core.progress import RunView
from yamlflow.core.scheduler import Scheduler
from yamlflow.core.values import Document
from yamlflow.engine.answers.questions import Questions
from yamlflow.engine.answers.scope import World
from yamlflow.engine.attempts.assembly import Assembly
from yamlflow.engine.attempts.lookups import Lookups
from yamlflow.engine.runs.recorder import Recorder
from yamlflow.store.state import Control

Listener = Callable[[RunView, Sequence[Event]], None]
"""Called after each turn with the view and the turn's events, and now and then without any."""

_BAD = frozenset({State.FAILED, State.UPSTREAM_FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop works with, made by whoever opened the run."""

    world: World
    view: RunView
    scheduler: Scheduler
    assembly: Assembly
    questions: Questions
    lookups: Lookups
    recorder: Recorder
    requests: Callable[[int], Sequence[Control]]
    failure_log: Callable[[TaskId, int], str]


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run ended, and the values of its outputs."""

    state: RunState
    outputs: Mapping[str, Document] = field(default_factory=dict)
    output_error: str = ""


def error_of(parts: Parts, task: TaskId | None = None) -> Document:
    """`run.error`: what went wrong first, or with one task; None when nothing did."""
    failures = parts.view.failures
    found = failures.get(task) if task else min(failures.values(), key=lambda one: one.at, default=None)
    if found is None:
        return None
    return {
        "step": found.task.node,
        "key": ",".join(parts.view.names.keys(found.task)),
        "reason": found.failure.reason,
        "message": found.failure.message,
        "log": parts.failure_log(found.task, found.attempt),
    }


def check_complete(view: RunView) -> None:
    """Planned and final states are compared before success is reported; a difference is a bug."""
    for step in view.tasks():
        if not step.step.hook and (step.unexpanded or step.done != step.total):
            raise RuntimeError(f"{step.step.id}: only {step.done} of {step.total} tasks have ended")
    for step in view.top():
        if step.state in _BAD:
            raise RuntimeError(f"{step.step.id} is {step.state.value} in a run that succeeded")
