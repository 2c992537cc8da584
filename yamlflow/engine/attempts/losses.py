"""Lost values traced to who made them, in this launch of a run.

    for loss in losses.of(event): ...

Nothing is kept until the first loss; then the run's own record is read, and from
then on only what is new in it. A maker is always one whose first result is
older than its reader's: so two tasks never wait for each other. Must never
decide whether anything runs again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import inf
from typing import Any

from yamlflow.core.graph import Graph, TaskId
from yamlflow.core.jobs import ARTIFACT_LOST, Failure
from yamlflow.core.messages import ArtifactLost, Evaluated, Failed, What
from yamlflow.core.records import parse_path
from yamlflow.core.values import ArtifactRef, Document, references
from yamlflow.engine.answers.evaluation import LostValue, Reader
from yamlflow.store.state import State, Stored
from yamlflow.worker.storage import DAMAGED, MISSING, ArtifactLostError, LocalStorage

_KINDS = ("RunStarted", "Submitted", "Succeeded", "Restored", "Marked")

OPENED = frozenset({"json", "dir"})
"""Formats whose content refers to other stored values, in a form that the launcher can read."""


def lost_by(event: Failed | Evaluated) -> Failure | None:
    """The failure that tells of a lost value, if it does."""
    failure = event.outcome.failure if isinstance(event, Failed) else event.error
    return failure if failure is not None and failure.reason == ARTIFACT_LOST else None


class Losses:
    """Knows who made which stored value of a run."""

    def __init__(self, graph: Graph, state: State, run_id: str, storage: LocalStorage, reader: Reader) -> None:
        self._graph = graph
        self._state = state
        self._run_id = run_id
        self._storage = storage
        self._reader = reader
        self._seq = 0
        self._forget()

    def _forget(self) -> None:
        self._makers: dict[str, dict[TaskId, None]] = {}
        self._refs: dict[str, ArtifactRef] = {}  # those that may hold others, not opened yet
        self._first: dict[TaskId, int] = {}
        self._attempts: dict[TaskId, int] = {}
        self._traced: set[TaskId] = set()

    def of(self, event: Failed | Evaluated, failure: Failure) -> list[ArtifactLost]:
        """Who made what the event's failure tells of, as the event to come before it; nothing when nobody did."""
        self._catch_up()
        what: What | None = event.what if isinstance(event, Evaluated) else None
        why = DAMAGED if DAMAGED in failure.message else MISSING
        before = inf if what is not None else self._first.get(event.task, inf)
        found = self._maker(event.task, failure.lost, before)
        if found is None:
            self._look_inside()
            found = self._maker(event.task, failure.lost, before)
        if found is None:
            return []
        self._traced.add(found)
        return [ArtifactLost(event.at, found, self._attempts[found], event.task, what, failure.lost[0], why)]

    def made_again(self, task: TaskId, before: Any, after: Document) -> None:
        """A traced task has made its value anew: where that differs, the new one stands for the old one."""
        if task not in self._traced:
            return
        old, new = references(before), references(after)
        if len(old) == len(new):
            pairs = zip(old, new, strict=True)
            self._reader.replaced.update((was.digest, ref) for was, ref in pairs if was.digest != ref.digest)

    def check(self, documents: Sequence[Document]) -> None:
        """Every stored value in these documents is there and whole; LostValue for one that is not."""
        lost = self._storage.first_lost(references(list(documents)))
        if lost is not None:
            raise LostValue(lost)

    # --- who made it

    def _maker(self, reader: TaskId, digests: Sequence[str], before: float) -> TaskId | None:
        for digest in digests:
            found = [task for task in self._makers.get(digest, ()) if self._first[task] < before]
            if found:
                return max(found, key=lambda task: self._nearness(reader, task))
        return None

    def _nearness(self, reader: TaskId, task: TaskId) -> tuple[bool, int, int]:
        node = self._graph.nodes.get(reader.node)
        sources = {edge.source for edge in node.edges} if node is not None else set()
        direct = any(task.node == source or task.node.startswith(f"{source}.") for source in sources)
        same = next((at for at, (one, two) in enumerate(zip(task.path, reader.path, strict=False)) if one != two), 99)
        return direct, same, self._first[task]

    # --- the record

    def _catch_up(self) -> None:
        for stored in self._state.events(self._run_id, after=self._seq, kinds=_KINDS):
            self._seq = stored.seq
            if stored.row.kind == "RunStarted":
                self._forget()
            elif stored.row.node in self._graph.nodes:
                self._learn(stored)

    def _learn(self, stored: Stored) -> None:
        row = stored.row
        task = TaskId(row.node, parse_path(row.path))
        self._attempts[task] = max(row.attempt, self._attempts.get(task, 0))  # also one that made nothing has its name
        body = json.loads(row.body) if row.body else {}
        outcome = body if row.kind == "Succeeded" else body.get("outcome") or {}
        if "value" not in outcome:
            return
        self._first.setdefault(task, stored.seq)
        for ref in references(outcome["value"]):
            self._made(ref, task)

    def _made(self, ref: ArtifactRef, task: TaskId) -> None:
        self._makers.setdefault(ref.digest, {})[task] = None
        if ref.format in OPENED:
            self._refs[ref.digest] = ref

    def _look_inside(self) -> None:
        """What lies in stored JSON and in folders has the makers of what it lies in."""
        while self._refs:
            digest, ref = self._refs.popitem()
            with suppress(ArtifactLostError, OSError, ValueError):
                content = json.loads(self._storage.read(ref))
                for inner in _members(content) if ref.format == "dir" else references(content):
                    for task in self._makers[digest]:
                        self._made(inner, task)


def _members(manifest: Any) -> Iterator[ArtifactRef]:
    return (ArtifactRef(entry[2], "file", entry[3]) for entry in manifest["entries"] if entry[1] == "file")
