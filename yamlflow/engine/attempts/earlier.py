"""What an earlier launch or run made: results by step and keys, for resume and reuse.

Only places in the database are kept in memory; an outcome is read when it is
wanted. Indexes may differ between launches, keys and digests say what is same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Outcome, outcome_from_json, outcome_to_json
from yamlflow.core.naming import Names
from yamlflow.core.outline import Outline
from yamlflow.core.records import parse_path
from yamlflow.store.state import State, Stored

Name = tuple[str, tuple[str, ...]]

CAUGHT = "caught"
_KINDS = ("RunStarted", "ItemsKnown", "Succeeded", "Failed", "Restored", "Marked")


@dataclass(frozen=True, slots=True)
class Result:
    """Where a result stands, and the digest of what its task was given (empty: unknown)."""

    seq: int
    digest: bytes
    caught: bool = False


class Earlier:
    """The results of one run so far; what was caught counts as one."""

    def __init__(self, state: State, run_id: str, outline: Outline) -> None:
        self._state = state
        self.run_id = run_id
        self._results: dict[Name, Result] = {}
        self._outline = outline
        self._index()

    def find(self, names: Names, task: TaskId) -> Result | None:
        """The result of the task that has this name today."""
        return self._results.get((task.node, names.keys(task)))

    def outcome(self, result: Result) -> Outcome:
        """What was made."""
        row = self._state.event(self.run_id, result.seq).row
        body = json.loads(row.body)
        return outcome_from_json(body.get("outcome", body))

    def __len__(self) -> int:
        return len(self._results)

    def _index(self) -> None:
        names = Names(self._outline)
        failed: dict[Name, bytes] = {}
        for stored in self._state.events(self.run_id, kinds=_KINDS):
            if stored.row.kind == "RunStarted":
                names.forget()
            elif stored.row.node in self._outline.steps:
                self._take(names, failed, stored)

    def _take(self, names: Names, failed: dict[Name, bytes], stored: Stored) -> None:
        row = stored.row
        task = TaskId(row.node, parse_path(row.path))
        if row.kind == "ItemsKnown":
            body = json.loads(row.body)
            names.learn(task, body["count"], tuple(body.get("keys", ())))
            return
        name = task.node, names.keys(task)
        digest = stored.digest or b""
        if row.kind == "Marked":
            self._take_mark(name, failed.get(name, b""), stored)
        elif row.kind == "Failed":
            failed[name] = digest
        else:
            caught = row.kind == "Restored" and json.loads(row.body).get("end") == CAUGHT
            self._results[name] = Result(stored.seq, digest, caught)

    def _take_mark(self, name: Name, digest: bytes, stored: Stored) -> None:
        body = json.loads(stored.row.body)
        if body["state"] != CAUGHT:
            return
        if "outcome" in body:  # what stands in for it, for what the failed attempt was given
            self._results[name] = Result(stored.seq, digest, caught=True)
        elif name in self._results:  # what `catch.run` made has been taken as a success
            self._results[name] = replace(self._results[name], caught=True)


def restored_body(outcome: Outcome) -> dict[str, object]:
    """What a Restored event carries along, so that the run it came from may be removed."""
    return dict(outcome_to_json(outcome))
