"""What differs between two runs: parameters, definitions, code, inputs, results, times.

Tasks are matched by their names, so that runs over different items compare what
they share. Reads records; opens no stored value: results differ when their
documents do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.fingerprint import Components, differences, text_of
from yamlflow.engine.attempts.earlier import Earlier
from yamlflow.engine.runs.history import outline_of, view_of
from yamlflow.store.state import RunRecord, State


@dataclass(slots=True)
class StepDifference:
    """One step: words for definition and code, counts of shared tasks, results only one has, seconds in both."""

    definition: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    shared: int = 0
    inputs: int = 0
    results: int = 0
    only: tuple[int, int] = (0, 0)
    seconds: tuple[float, float] = (0.0, 0.0)

    def __bool__(self) -> bool:
        """Whether anything but time differs."""
        return bool(self.definition or self.code or self.inputs or self.results or any(self.only))


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs: parameters in words, every step of both, and the steps that only one has."""

    params: list[str]
    steps: Mapping[str, StepDifference]
    gone: tuple[str, ...]
    new: tuple[str, ...]


def difference(state: State, before: RunRecord, after: RunRecord) -> Difference:
    """What is different in `after`."""
    one, other = outline_of(before).steps, outline_of(after).steps
    steps = {step: StepDifference() for step in other if step in one}
    for step, found in steps.items():
        found.definition = differences(_definition(before, step), _definition(after, step))
        found.code = _code(state, before, after, step)
    _compare_tasks(state, before, after, steps)
    _compare_times(state, before, after, steps)
    gone, new = (tuple(step for step in a if step not in b) for a, b in ((one, other), (other, one)))
    return Difference(differences(_params(before), _params(after)), steps, gone, new)


def _params(record: RunRecord) -> Components:
    return {name: text_of(value) for name, value in record.body.get("params", {}).items()}


def _definition(record: RunRecord, step: str) -> Components:
    found: Components = record.body.get("definitions", {}).get(step, {})
    return found


def _code(state: State, before: RunRecord, after: RunRecord, step: str) -> list[str]:
    """The parts of a step's code that differ between the newest launches."""
    one, other = _digest(before, step), _digest(after, step)
    if one == other or not one or not other:
        return []
    parts = [state.results.source(bytes.fromhex(digest)) or {} for digest in (one, other)]
    return differences(*({name: text for name, text in some.items() if _is_code(name)} for some in parts))


def _is_code(name: str) -> bool:
    return ".py" in name or "/" in name


def _digest(record: RunRecord, step: str) -> str:
    launches: Mapping[str, Any] = record.body.get("codes", {})
    newest = launches.get(str(max(map(int, launches), default=0)), {})
    return str(newest.get(step, ""))


def _compare_tasks(state: State, before: RunRecord, after: RunRecord, steps: Mapping[str, StepDifference]) -> None:
    one, other = (Earlier(state, record.id, outline_of(record)) for record in (before, after))
    mine, theirs = one.results, other.results
    for name in mine.keys() | theirs.keys():
        found = steps.get(name[0])
        if found is None:
            continue
        if name in mine and name in theirs:
            found.shared += 1
            found.inputs += mine[name].digest[8:] != theirs[name].digest[8:]
            found.results += one.outcome(mine[name]).value != other.outcome(theirs[name]).value
        else:
            found.only = (found.only[0] + (name in mine), found.only[1] + (name in theirs))


def _compare_times(state: State, before: RunRecord, after: RunRecord, steps: Mapping[str, StepDifference]) -> None:
    one, other = view_of(state, before), view_of(state, after)
    for step, found in steps.items():
        found.seconds = one.steps[step].clock.seconds(), other.steps[step].clock.seconds()
