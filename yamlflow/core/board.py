"""The scheduler's memory of one run, and the moves everything else is made of.

Rules: an item moves only as the table of legal moves says; consequences go
through one agenda, never through recursion, so a chain of ten thousand skipped
steps is a loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from yamlflow.core.commands import Command, Mark
from yamlflow.core.fans import CODE, LEGAL, Fan, Live, Scope
from yamlflow.core.graph import Graph, Node, Path, Policy, TaskId
from yamlflow.core.messages import RunStarted, State


class IllegalMoveError(AssertionError):
    """An item was to make a move the table does not know: a bug in the scheduler."""


class Board(ABC):
    """Scopes, fans and live attempts of a run, the agenda, and the commands so far."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._root = Scope(())
        self._scope = self._root  # of this phase: the steps, or the hooks
        self._live: dict[TaskId, Live] = {}
        self._lineage = {node: self._groups_around(node) for node in graph.nodes}
        self._agenda: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._out: list[Command] = []
        self._cancelled = False
        self._start: RunStarted

    @abstractmethod
    def _after_item(self, fan: Fan, index: int, state: State) -> None:
        """An item has ended: what follows from it."""

    def _node(self, node_id: str) -> Node:
        return self._graph.nodes[node_id]

    def _groups_around(self, node_id: str) -> tuple[Node, ...]:
        groups: list[Node] = []
        parent = self._node(node_id).parent
        while parent:
            groups.append(self._node(parent))
            parent = groups[-1].parent
        return tuple(reversed(groups))

    def _find(self, node_id: str, scope: Scope | None) -> Fan:
        while scope is not None:
            if node_id in scope.fans:
                return scope.fans[node_id]
            scope = scope.outer
        raise KeyError(node_id)

    def _halted(self, fan: Fan) -> bool:
        """Nothing new may start here."""
        return self._cancelled or (fan.scope.draining and fan.node.policy is Policy.ALL_SUCCESS)

    def _fan_at(self, task: TaskId) -> Fan | None:
        """The fan a task belongs to, or None when its scope is gone."""
        scope = self._scope
        for group in self._lineage[task.node]:
            fan = scope.fans.get(group.id)
            body = fan.bodies.get(task.path[group.depth] if group.loop else 0) if fan else None
            if body is None or body.path != task.path[: len(body.path)]:
                return None
            scope = body
        return scope.fans.get(task.node)

    def _item_of(self, fan: Fan, path: Path) -> int:
        return path[fan.node.depth] if fan.node.loop else 0

    def _move(self, fan: Fan, index: int, state: State) -> None:
        old = fan.item_state(index)
        if state not in LEGAL[old]:
            raise IllegalMoveError(f"{fan.task(index)}: {old.value} -> {state.value}")
        fan.states[index] = CODE[state]

    def _pending(self, fan: Fan | None, index: int) -> bool:
        return fan is not None and fan.expanded and fan.states[index] == CODE[State.PENDING]

    def _end_item(self, fan: Fan, index: int, state: State, reason: str = "") -> None:
        self._move(fan, index, state)
        fan.ends[state] = fan.ends.get(state, 0) + 1
        fan.unsettled -= 1
        task = fan.task(index)
        self._live.pop(task, None)
        if fan.node.is_group or state not in (State.SUCCEEDED, State.CACHED):
            self._out.append(Mark(task, state, reason))
        self._after_item(fan, index, state)

    def _later(self, step: Callable[..., None], *arguments: Any) -> None:
        self._agenda.append((step, arguments))
