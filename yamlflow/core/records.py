"""Events as rows: what is written into the state database, and read back.

A row is (kind, node, path, attempt, body): short words in columns, the rest as
compact JSON. Reading back gives an equal event. What an older version wrote
stays readable: a field that is absent has its default, and kinds are never
renamed. Must never touch the database itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from yamlflow.core.graph import Path, TaskId
from yamlflow.core.jobs import Failure, Outcome, outcome_from_json, outcome_to_json
from yamlflow.core.messages import (
    ArtifactLost,
    CacheMissed,
    CancelRequested,
    CodeChanged,
    Evaluated,
    Event,
    ExecutorDown,
    ExecutorTraits,
    ExecutorUp,
    Failed,
    ItemsKnown,
    Lost,
    Machine,
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
    Timer,
    TimerFired,
    Waiting,
)


class Row(NamedTuple):
    """One event in columns; `path` is its indexes joined by commas, `body` JSON or empty."""

    at: float
    kind: str
    node: str
    path: str
    attempt: int
    body: str


_readable = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  # made once: `dumps` makes one
_escaped = json.JSONEncoder(separators=(",", ":")).encode  # for each call


def dump(value: Any) -> str:
    """Compact JSON; text stays readable, and what is not Unicode is escaped."""
    text = _readable(value)
    return text if text.isascii() or _encodable(text) else _escaped(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def path_text(path: Path) -> str:
    return ",".join(map(str, path))


def parse_path(text: str) -> Path:
    return tuple(map(int, text.split(","))) if text else ()


def to_row(event: Event) -> Row:
    """The row of an event."""
    task = getattr(event, "task", None)
    node, path = (task.node, path_text(task.path)) if task is not None else ("", "")
    kind = type(event).__name__
    body = _BODIES[kind](event) if kind in _BODIES else {}
    return Row(event.at, kind, node, path, getattr(event, "attempt", 0), dump(body) if body else "")


def from_row(row: Row) -> Event:
    """The event behind a row; a KeyError or ValueError means that the row is damaged or newer than this version."""
    return _READERS[row.kind](row, json.loads(row.body) if row.body else {})


def _failure_to_json(failure: Failure | None) -> dict[str, Any]:
    if failure is None:
        return {}
    return {"error": outcome_to_json(Outcome("failed", failure=failure))["failure"]}


def _failure_from_json(body: Mapping[str, Any]) -> Failure | None:
    error = body.get("error")
    return outcome_from_json({"state": "failed", "failure": error}).failure if error else None


def _started_to_json(event: RunStarted) -> dict[str, Any]:
    machine = event.machine
    return {
        "machine": [machine.cpu, machine.memory, {name: list(gpu) for name, gpu in machine.gpus.items()}],
        "executors": {
            name: {field: getattr(traits, field) for field in ExecutorTraits.__slots__}
            for name, traits in event.executors.items()
        },
        "seed": event.seed,
        "max_workers": event.max_workers,
        "keep_going": event.keep_going,
        "lookup": event.lookup,
        "reuse": sorted(event.reuse),
    }


def _started_from_json(row: Row, body: Mapping[str, Any]) -> RunStarted:
    cpu, memory, gpus = body["machine"]
    return RunStarted(
        at=row.at,
        machine=Machine(cpu, memory, {name: (gpu[0], gpu[1]) for name, gpu in gpus.items()}),
        executors={name: ExecutorTraits(**traits) for name, traits in body["executors"].items()},
        seed=body.get("seed", 0),
        max_workers=body.get("max_workers"),
        keep_going=body.get("keep_going", False),
        lookup=body.get("lookup", False),
        reuse=frozenset(body.get("reuse", ())),
    )


def _evaluated_to_json(event: Evaluated) -> dict[str, Any]:
    return {"what": event.what, **({} if event.value else {"value": False}), **_failure_to_json(event.error)}


def _items_to_json(event: ItemsKnown) -> dict[str, Any]:
    return {"count": event.count, **({"keys": event.keys} if event.keys else {})}


def _outcome_body(event: Succeeded | Failed) -> dict[str, Any]:
    return outcome_to_json(event.outcome)


def _reason(event: Waiting | Replaced | Lost) -> dict[str, Any]:
    return {"reason": event.reason}


def _executor(event: ExecutorDown | ExecutorUp) -> dict[str, Any]:
    return {"executor": event.executor, **({"reason": event.reason} if isinstance(event, ExecutorDown) else {})}


def _timer_to_json(event: TimerFired) -> dict[str, Any]:
    timer = event.timer
    return {"timer": [timer.kind, timer.task.node, list(timer.task.path), timer.attempt]}


def _timer_from_json(row: Row, body: Mapping[str, Any]) -> TimerFired:
    kind, node, path, attempt = body["timer"]
    return TimerFired(row.at, Timer(kind, TaskId(node, tuple(path)), attempt))


def _missed_to_json(event: CacheMissed) -> dict[str, Any]:
    reason = {"reason": event.reason} if event.reason else {}
    return {"tasks": [[task.node, *task.path] for task in event.tasks], **reason}


def _code_to_json(event: CodeChanged) -> dict[str, Any]:
    kept = {} if event.kept is None else {"kept": event.kept}
    return {"step": event.step, "parts": list(event.parts), **kept}


def _tasks_from_json(body: Mapping[str, Any]) -> tuple[TaskId, ...]:
    return tuple(TaskId(node, tuple(path)) for node, *path in body["tasks"])


def _progress_to_json(event: Progressed) -> dict[str, Any]:
    fraction = {} if event.fraction is None else {"fraction": event.fraction}
    return {**({"message": event.message} if event.message else {}), **fraction}


def _mark_to_json(event: Marked) -> dict[str, Any]:
    return {"state": event.state.value, **({"reason": event.reason} if event.reason else {})}


def _loss_to_json(event: ArtifactLost) -> dict[str, Any]:
    asked = {"what": event.what} if event.what is not None else {}
    return {"reader": [event.reader.node, *event.reader.path], "digest": event.digest, "why": event.why, **asked}


def _loss_from_json(row: Row, body: Mapping[str, Any]) -> ArtifactLost:
    node, *path = body["reader"]
    reader = TaskId(node, tuple(path))
    return ArtifactLost(row.at, _task(row), row.attempt, reader, body.get("what"), body["digest"], body["why"])


_BODIES: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "RunStarted": _started_to_json,
    "Evaluated": _evaluated_to_json,
    "ItemsKnown": _items_to_json,
    "CacheMissed": _missed_to_json,
    "CodeChanged": _code_to_json,
    "Restored": lambda event: {} if event.end is State.SUCCEEDED else {"end": event.end.value},
    "Submitted": lambda event: {"rescue": True} if event.rescue else {},
    "Waiting": _reason,
    "Replaced": _reason,
    "Lost": _reason,
    "ArtifactLost": _loss_to_json,
    "Succeeded": _outcome_body,
    "Failed": _outcome_body,
    "ExecutorDown": _executor,
    "ExecutorUp": _executor,
    "TimerFired": _timer_to_json,
    "CancelRequested": lambda event: {"reason": event.reason, **({"drain": True} if event.drain else {})},
    "Marked": _mark_to_json,
    "Progressed": _progress_to_json,
    "RunEnded": lambda event: {"state": event.state},
}


def _task(row: Row) -> TaskId:
    return TaskId(row.node, parse_path(row.path))


_READERS: Mapping[str, Callable[[Row, Mapping[str, Any]], Event]] = {
    "RunStarted": _started_from_json,
    "Evaluated": lambda row, body: Evaluated(
        row.at, _task(row), body["what"], body.get("value", True), _failure_from_json(body)
    ),
    "ItemsKnown": lambda row, body: ItemsKnown(row.at, _task(row), body["count"], tuple(body.get("keys", ()))),
    "CacheMissed": lambda row, body: CacheMissed(row.at, _tasks_from_json(body), body.get("reason", "")),
    "CodeChanged": lambda row, body: CodeChanged(row.at, body["step"], tuple(body["parts"]), body.get("kept")),
    "Restored": lambda row, body: Restored(row.at, _task(row), State(body.get("end", "succeeded"))),
    "Submitted": lambda row, body: Submitted(row.at, _task(row), row.attempt, body.get("rescue", False)),
    "Started": lambda row, _: Started(row.at, _task(row), row.attempt),
    "Waiting": lambda row, body: Waiting(row.at, _task(row), row.attempt, body["reason"]),
    "Replaced": lambda row, body: Replaced(row.at, _task(row), row.attempt, body["reason"]),
    "Succeeded": lambda row, body: Succeeded(row.at, _task(row), row.attempt, outcome_from_json(body)),
    "Failed": lambda row, body: Failed(row.at, _task(row), row.attempt, outcome_from_json(body)),
    "Lost": lambda row, body: Lost(row.at, _task(row), row.attempt, body["reason"]),
    "ArtifactLost": _loss_from_json,
    "ExecutorDown": lambda row, body: ExecutorDown(row.at, body["executor"], body["reason"]),
    "ExecutorUp": lambda row, body: ExecutorUp(row.at, body["executor"]),
    "TimerFired": _timer_from_json,
    "CancelRequested": lambda row, body: CancelRequested(row.at, body["reason"], body.get("drain", False)),
    "Marked": lambda row, body: Marked(row.at, _task(row), State(body["state"]), body.get("reason", "")),
    "Progressed": lambda row, body: Progressed(row.at, _task(row), body.get("message", ""), body.get("fraction")),
    "RunEnded": lambda row, body: RunEnded(row.at, body["state"]),
}
