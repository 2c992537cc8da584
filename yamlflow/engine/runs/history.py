"""Runs as they stand in the database: views, attempts, values, and requests to their launchers.

For who looks, from any process, at runs that are going on or over. Must never
change what a run has recorded; a cancel is a request that its launcher reads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import UsageError
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import UNSTARTED, Outcome, outcome_from_json
from yamlflow.core.messages import Evaluated, Failed, ItemsKnown, Lost, Marked, Restored, Started, Submitted, Succeeded
from yamlflow.core.naming import parse_pattern
from yamlflow.core.outline import Outline, outline_from_json
from yamlflow.core.progress import RunView
from yamlflow.core.values import Document
from yamlflow.engine.answers.values import Values
from yamlflow.engine.attempts.assembly import Places
from yamlflow.engine.attempts.keys import attempt_id
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.store.locks import is_held
from yamlflow.store.state import RunRecord, State, Stored


@dataclass(slots=True)
class AttemptRecord:
    """One attempt as it went; times in seconds since the epoch. `rescue`: it was of what `catch` runs."""

    task: TaskId
    attempt: int
    name: str
    log: Path
    submitted: float
    started: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    rescue: bool = False


def outline_of(record: RunRecord) -> Outline:
    """The steps of a run; those of one that never started are none."""
    body = record.body.get("outline")
    return outline_from_json(body) if body else Outline(record.pipeline, {})


def state_of(folder: StateFolder, record: RunRecord) -> str:
    """running, succeeded, failed, cancelled; interrupted when its launcher is gone."""
    if record.state != "running":
        return record.state
    return "running" if is_held(folder.run_lock(record.id)) else "interrupted"


def view_of(state: State, record: RunRecord) -> RunView:
    """How a run stands, folded from its events."""
    view = RunView(outline_of(record))
    for stored in state.events(record.id):
        view.fold(stored.event)
    return view


def seconds_of(state: State, record: RunRecord) -> float:
    """How long the newest launch of a run that has ended took; records of old do not say, their events do."""
    recorded: float | None = record.body.get("seconds")
    return view_of(state, record).seconds if recorded is None else recorded


class Follower:
    """A view that keeps up with a run in progress."""

    def __init__(self, state: State, record: RunRecord) -> None:
        self._state = state
        self._record = record
        self._seq = 0
        self.view = RunView(outline_of(record))

    def catch_up(self) -> bool:
        """Folds what is new; whether there was anything."""
        before = self._seq
        for stored in self._state.events(self._record.id, after=self._seq):
            self._seq = stored.seq
            self.view.fold(stored.event)
        return self._seq != before


def attempts_of(folder: StateFolder, state: State, record: RunRecord) -> list[AttemptRecord]:
    """Every attempt of a run in order of submission, over all its launches."""
    places = Places(folder.run(record.id), folder.store)
    launch = -1
    found: dict[tuple[TaskId, int, int], AttemptRecord] = {}
    for stored in state.events(record.id, kinds=_ATTEMPT_KINDS):
        if stored.row.kind == "RunStarted":
            launch += 1
            continue
        event: Any = stored.event
        key = (event.task, event.attempt, launch)
        if isinstance(event, Lost) and event.reason == UNSTARTED:
            found.pop(key, None)
            continue
        if key not in found:
            name = attempt_id(record.id, launch, event.task, event.attempt)
            log = Path(places.log(name))
            if launch and log.is_symlink():  # to that of an earlier launch's attempt, which was taken over
                log = log.resolve()
                _forget_adopted(found, event.task, log)
            found[key] = AttemptRecord(event.task, event.attempt, name, log, event.at)
        _note(found[key], event)
    return list(found.values())


def _forget_adopted(found: dict[tuple[TaskId, int, int], AttemptRecord], task: TaskId, log: Path) -> None:
    """An attempt that a later launch took over is that launch's."""
    for key in [key for key, one in found.items() if one.log == log and one.task == task]:
        del found[key]


_ATTEMPT_KINDS = ("RunStarted", "Submitted", "Started", "Succeeded", "Failed", "Lost")


def _note(found: AttemptRecord, event: Submitted | Started | Succeeded | Failed | Lost) -> None:
    match event:
        case Submitted(rescue=rescue):
            found.rescue = rescue
        case Started(at=at):
            found.started = at
        case Succeeded(at=at, outcome=outcome) | Failed(at=at, outcome=outcome):
            found.ended, found.outcome = at, outcome
        case Lost(at=at):
            found.ended = at


def choose(view: RunView, text: str) -> tuple[Any, list[TaskId]]:
    """The pattern that a person wrote and the tasks it means, in file order; UsageError when there are none."""
    try:
        pattern = parse_pattern(text, view.outline)
    except ValueError as error:
        known = ", ".join(view.steps)
        raise UsageError(str(error), hint=f"the steps are {known}") from error
    tasks = [
        TaskId(step.step.id, path)
        for step in view.tasks()
        for path in sorted(step.states)
        if pattern.admits(view.names, TaskId(step.step.id, path))
    ]
    return pattern, tasks


@dataclass(frozen=True, slots=True)
class Made:
    """The values of a run, and which tasks made them."""

    values: Values
    outline: Outline
    outcomes: dict[TaskId, int] = field(default_factory=dict)


def values_of(state: State, record: RunRecord) -> Made:
    """What the tasks of a run have made so far, in its newest launch."""
    outline = outline_of(record)
    made = Made(Values(outline), outline)
    for stored in state.events(record.id, kinds=_VALUE_KINDS):
        if stored.row.kind == "RunStarted":
            made = Made(Values(outline), outline)
        elif stored.row.node in outline.steps:
            _put(made, stored)
    return made


_VALUE_KINDS = ("RunStarted", "ItemsKnown", "Succeeded", "Restored", "Marked", "Evaluated")


def _put(made: Made, stored: Stored) -> None:
    event = stored.event
    match event:
        case ItemsKnown(task=task, count=count):
            made.values.reserve(task, count)
        case Succeeded(task=task, outcome=outcome):
            if outcome.state == "succeeded":
                made.values.put(task, outcome.value)
                made.outcomes[task] = stored.seq
        case Restored(task=task) | Marked(task=task) | Evaluated(task=task):
            recorded = json.loads(stored.row.body).get("outcome") if stored.row.body else None
            if recorded and recorded["state"] == "succeeded":
                made.values.put(task, outcome_from_json(recorded).value)
                made.outcomes[task] = stored.seq
        case _:
            pass


def value_at(made: Made, task: TaskId, fields: tuple[str, ...] = ()) -> Document:
    """The document of one task, or of a field of it; KeyError for a field that is not there."""
    value = made.values.get(task)
    assert not hasattr(value, "outputs")
    for name in fields:
        value = _field(value, name)
    return value


def fields_of(value: Any) -> list[str]:
    """The names of a value's own fields."""
    value = value.get("$object", [None, None, value])[2] if isinstance(value, dict) else value
    return list(map(str, value)) if isinstance(value, dict) else []


def _field(value: Any, name: str) -> Any:
    if isinstance(value, dict) and "$object" in value:
        value = value["$object"][2]
    if isinstance(value, dict) and len(value) == 1 and "$tuple" in value:
        value = value["$tuple"]
    if isinstance(value, list) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    if isinstance(value, dict) and name in value:
        return value[name]
    raise KeyError(name)


# --- requests ---


def active_runs(folder: StateFolder, state: State) -> Iterator[RunRecord]:
    """Runs whose launcher is alive."""
    return (record for record in state.runs() if state_of(folder, record) == "running")


def cancel(folder: StateFolder, state: State, run: str | None, *, force: bool = False, reason: str = "") -> RunRecord:
    """Asks a run's launcher to stop. Without a run there must be exactly one that is going on."""
    if run is None:
        running = list(active_runs(folder, state))
        if len(running) != 1:
            shown = ", ".join(record.id for record in running)
            said = f"name the run to cancel; going on are {shown}" if running else "no run is going on"
            raise UsageError(said, hint="yamlflow runs list")
        record = running[0]
    else:
        record = state.find_run(run)
    if state_of(folder, record) != "running":
        raise UsageError(f"run {record.id} is not going on: it is {state_of(folder, record)}", hint="yamlflow status")
    body = {"reason": reason or "yamlflow cancel", "force": force}
    state.request(record.id, "cancel", time.time(), body)
    return record
