"""LookUp: does an earlier result of a task stand?

On a resume it does when step, keys, definition and inputs are the same and the
values it refers to are still in the store; changed code is not looked at. For a
node that is reused (not selected to run) step and keys are enough. What is left
of a step with a cache is looked up there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from yamlflow.core.graph import TaskId
from yamlflow.core.messages import State
from yamlflow.core.naming import Names
from yamlflow.core.values import references
from yamlflow.engine.answers.evaluation import Wrong
from yamlflow.engine.answers.scope import World
from yamlflow.engine.attempts.assembly import Assembly, digest
from yamlflow.engine.attempts.caching import Answer, Caching, Found
from yamlflow.engine.attempts.earlier import Earlier, Result
from yamlflow.worker.storage import ArtifactLostError, LocalStorage


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
        cache: Caching,
        reuse: Collection[str],
        refresh: Collection[str] = (),
    ) -> None:
        self._world = world
        self._assembly = assembly
        self.names = names
        self._storage = storage
        self._own = own
        self._other = other
        self._cache = cache
        self._reuse = reuse
        self._refresh = refresh
        self._anew = False
        self._lost: list[tuple[TaskId, ArtifactLostError]] = []

    def find(self, tasks: Sequence[TaskId]) -> Answer:
        """What stands for these tasks of one step; a hook's result only while nothing else has run since."""
        node = self._world.graph.nodes[tasks[0].node]
        if node.hook and self._anew:
            return Answer(missed=list(tasks))
        answer = self._earlier(tasks)
        if answer.missed and node.cache is not None and node.id not in self._reuse:
            cached = self._cache.find(answer.missed)
            answer = Answer([*answer.found, *cached.found], cached.missed, cached.why)
        self._anew = self._anew or bool(answer.missed and not node.hook)
        return answer

    def _earlier(self, tasks: Sequence[TaskId]) -> Answer:
        found = {one.task: one for task in tasks if (one := self._find(task)) is not None}
        return Answer(list(found.values()), [task for task in tasks if task not in found])

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
        lost = self._storage.first_lost(references(outcome.value))
        if lost is not None:
            self._lost.append((task, lost))
            return None
        end = State.SKIPPED if outcome.state == "skipped" else State.CAUGHT if result.caught else State.SUCCEEDED
        return Found(task, outcome, end, result.digest, result.launch if earlier is self._own else None)

    def lost(self) -> list[tuple[TaskId, ArtifactLostError]]:
        """Tasks whose result would stand if what it refers to were there; told once."""
        told, self._lost = self._lost, []
        return told
