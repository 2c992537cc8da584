"""A run as one JSON document: what `run --json`, `resume --json` and `status --json` print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yamlflow.cli.output.words import instant
from yamlflow.cli.screen.rows import state_of
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import State
from yamlflow.core.progress import RunView
from yamlflow.core.standing import FailureGroup, StepView

LogOf = Callable[[TaskId, int], str]


def document(view: RunView, run_id: str, code: int | None, params: Mapping[str, Any], log: LogOf) -> dict[str, Any]:
    """`{"schema": 1, "run_id", "state", "exit_code", ...}`; the caller fills `outputs`."""
    return {
        "schema": 1,
        "run_id": run_id,
        "state": view.state,
        "exit_code": code,
        "started": instant(view.started) if view.started is not None else None,
        "ended": instant(view.ended) if view.ended is not None else None,
        "params": dict(params),
        "outputs": {},
        "steps": {step.step.id: _step(step, state_of(view, step)) for step in view.steps.values()},
        "failures": [_failure(view, group, log) for group in view.failure_groups()],
    }


def _step(step: StepView, state: State) -> dict[str, Any]:
    counts = {state.value: number for state, number in step.counts.items() if number}
    return {"state": state.value, "counts": counts, "seconds": round(step.clock.seconds(), 3)}


def _failure(view: RunView, group: FailureGroup, log: LogOf) -> dict[str, Any]:
    """One distinct failure: the first task that had it stands for all."""
    first = group.first
    failure = first.failure
    return {
        "step": first.task.node,
        "task": view.names.display(first.task),
        "count": len(group.tasks),
        "reason": failure.reason,
        "exception": failure.exception.rpartition(".")[2] or None,
        "message": failure.message,
        "exit_code": failure.exit_code,
        "traceback": failure.traceback or None,
        "log": log(first.task, first.attempt) if first.attempt else None,
    }
