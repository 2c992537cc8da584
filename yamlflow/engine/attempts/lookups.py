"""LookUp: does an earlier result of a task stand?

On a resume it does when step, keys, definition and inputs are the same and the
values it refers to are still in the store; changed code is not looked at. For a
node that is reused (not selected to run) step and keys are enough.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Outcome
from yamlflow.core.messages import State
from yamlflow.core.naming import Names
from yamlflow.core.values import references
from yamlflow.engine.answers.evaluation import Wrong
from yamlflow.engine.answers.scope import World
from yamlflow.engine.attempts.assembly import Assembly, digest
from yamlflow.engine.attempts.earlier import Earlier, Result
from yamlflow.worker.storage import LocalStorage


@dataclass(frozen=True, slots=True)
class Found:
    """An earlier result that stands, how it ended, and the digest it was made for."""

    task: TaskId
    outcome: Outcome
    end: State
    digest: bytes


class Lookups:
    """Answers LookUp from earlier launches (`own`) and, for reused nodes, from an earlier run (`other`)."""

    def __init__(
        self,
        world: World,
        assembly: Assembly,
        names: Names,
        storage: LocalStorage,
        *,
        own: Earlier | None,
        other: Earlier | None,
        reuse: Collection[str],
        refresh: Collection[str] = (),
    ) -> None:
        self._world = world
        self._assembly = assembly
        self.names = names
        self._storage = storage
        self._own = own
        self._other = other
        self._reuse = reuse
        self._refresh = refresh

    def find(self, tasks: Sequence[TaskId]) -> list[Found | TaskId]:
        """For each task what stands, or the task itself."""
        return [self._find(task) or task for task in tasks]

    def _find(self, task: TaskId) -> Found | None:
        if task.node in self._refresh:
            return None
        own = self._own.find(self.names, task) if self._own is not None else None
        if own is not None and self._own is not None and self._stands(task, own):
            return self._checked(self._own, task, own)
        if task.node not in self._reuse or self._other is None:
            return None
        other = self._other.find(self.names, task)
        return self._checked(self._other, task, other) if other is not None else None

    def _stands(self, task: TaskId, result: Result) -> bool:
        if task.node in self._reuse:
            return True
        action = self._world.graph.nodes[task.node].action
        assert action is not None
        try:
            return result.digest == digest(action, self._assembly.prepare(task))
        except Wrong:
            return False

    def _checked(self, earlier: Earlier, task: TaskId, result: Result) -> Found | None:
        outcome = earlier.outcome(result)
        if all(self._storage.has(ref.digest) for ref in references(outcome.value)):
            end = State.SKIPPED if outcome.state == "skipped" else State.CAUGHT if result.caught else State.SUCCEEDED
            return Found(task, outcome, end, result.digest)
        return None
