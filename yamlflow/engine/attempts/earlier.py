"""What an earlier launch or run made: results by step and keys, for resume and reuse.

Only places in the database are kept in memory; an outcome is read when it is
wanted. Indexes may differ between launches, keys and digests say what is same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Outcome, outcome_from_json, outcome_to_json
from yamlflow.core.naming import Names
from yamlflow.core.outline import Outline
from yamlflow.core.records import parse_path
from yamlflow.store.state import State, Stored

Name = tuple[str, tuple[str, ...]]

CAUGHT = "caught"
_LAUNCH = "launch"
_KINDS = ("RunStarted", "ItemsKnown", "Succeeded", "Failed", "Lost", "Restored", "Marked", "RunEnded")


@dataclass(frozen=True, slots=True)
class Result:
    """Where a result stands, the digest of what its task was given (empty: unknown), the launch that made it."""

    seq: int
    digest: bytes
    caught: bool = False
    launch: int = 0


class Earlier:
    """The results of one run so far; what was caught counts as one."""

    def __init__(self, state: State, run_id: str, outline: Outline) -> None:
        self._state = state
        self.run_id = run_id
        self._results: dict[Name, Result] = {}
        self._outline = outline
        self._hooked = False
        self._launch = -1
        self._index()

    def find(self, names: Names, task: TaskId) -> Result | None:
        """The result of the task that has this name today."""
        return self._results.get((task.node, names.keys(task)))

    def outcome(self, result: Result) -> Outcome:
        """What was made."""
        row = self._state.event(self.run_id, result.seq).row
        body = json.loads(row.body)
        return outcome_from_json(body.get("outcome", body))

    @property
    def results(self) -> Mapping[Name, Result]:
        """Every result, by step and keys."""
        return self._results

    def made(self) -> dict[str, dict[tuple[int, bytes], int]]:
        """For each step how many results each launch made, by the definition they were made for."""
        found: dict[str, dict[tuple[int, bytes], int]] = {}
        for (step, _), result in self._results.items():
            counts = found.setdefault(step, {})
            place = result.launch, result.digest[:8]
            counts[place] = counts.get(place, 0) + 1
        return found

    def __len__(self) -> int:
        return len(self._results)

    def _index(self) -> None:
        names = Names(self._outline)
        failed: dict[Name, bytes] = {}
        for stored in self._state.events(self.run_id, kinds=_KINDS):
            row = stored.row
            if row.kind == "RunEnded" or (row.kind in ("Succeeded", "Failed") and not self._is_hook(row.node)):
                self._forget_hooks()
            if row.kind == "RunStarted":
                self._launch += 1
                names.forget()
            elif row.node in self._outline.steps:
                self._take(names, failed, stored)

    def _is_hook(self, node: str) -> bool:
        step = self._outline.steps.get(node)
        return step is not None and bool(step.hook)

    def _forget_hooks(self) -> None:
        """Hooks belong to one end of a run: they run again when it has ended, or when anything else has run since."""
        if self._hooked:
            self._results = {name: result for name, result in self._results.items() if not self._is_hook(name[0])}
            self._hooked = False

    def _take(self, names: Names, failed: dict[Name, bytes], stored: Stored) -> None:
        row = stored.row
        if row.kind == "Marked" and CAUGHT not in row.body:
            return  # most marks: not worth a look at their JSON
        task = TaskId(row.node, parse_path(row.path))
        if row.kind == "ItemsKnown":
            body = json.loads(row.body)
            names.learn(task, body["count"], tuple(body.get("keys", ())))
            return
        name = task.node, names.keys(task)
        digest = stored.digest or b""
        if row.kind == "Marked":
            self._take_mark(name, failed.get(name, b""), stored)
        elif row.kind in ("Failed", "Lost"):
            failed[name] = digest
        else:
            self._hooked = self._hooked or self._is_hook(row.node)
            body = json.loads(row.body) if row.kind == "Restored" else {}
            launch = body.get("outcome", {}).get(_LAUNCH, self._launch)
            self._results[name] = Result(stored.seq, digest, body.get("end") == CAUGHT, launch)

    def _take_mark(self, name: Name, digest: bytes, stored: Stored) -> None:
        body = json.loads(stored.row.body)
        if body["state"] != CAUGHT:
            return
        if "outcome" in body:  # what stands in for it, for what the failed attempt was given
            self._results[name] = Result(stored.seq, digest, caught=True, launch=self._launch)
        elif name in self._results:  # what `catch.run` made has been taken as a success
            self._results[name] = replace(self._results[name], caught=True)


def restored_body(outcome: Outcome, launch: int | None) -> dict[str, object]:
    """What a Restored event carries along, so that the run it came from may be removed; `launch`: who made it."""
    return {**outcome_to_json(outcome), **({} if launch is None else {_LAUNCH: launch})}
