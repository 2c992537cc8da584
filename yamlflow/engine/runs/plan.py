"""What would run: steps, where, how many tasks as far as that is known, and what a resume keeps.

Counts come from literal lists and from expressions over parameters alone;
anything else is unknown until it runs. What is known to be too much is an error
before the run. Starts nothing, writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import UsageError
from yamlflow.core.expressions.contents import listed
from yamlflow.core.expressions.evaluator import Values, evaluate
from yamlflow.core.expressions.faults import ExpressionError, Fault, NeedsWorkerError
from yamlflow.core.expressions.parser import parse
from yamlflow.core.graph import Graph, Loop, Node
from yamlflow.engine.answers.sight import see
from yamlflow.engine.machine import shown
from yamlflow.engine.runs.rehearsal import Fate
from yamlflow.engine.runs.selection import Selected, Selection, select


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step: `items` of its own loop and `tasks` in all, both None when unknown; `reused`: not run again.

    `fate` is what its cache would do, where it has one.
    """

    id: str
    group: bool
    executor: str
    resources: str
    items: int | None
    tasks: int | None
    loops: bool = False
    when: str | None = None
    reused: bool = False
    rounds: int = 0
    hook: str = ""
    fate: Fate | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps in file order; `tasks` adds up what is known, `open_ended` says that there is more."""

    steps: tuple[PlannedStep, ...]
    selected: Selected

    @property
    def tasks(self) -> int:
        return sum(step.tasks or 0 for step in self.steps if not step.group and not step.hook and not step.reused)

    @property
    def cached(self) -> int:
        """Tasks that the cache would spare."""
        return sum(step.fate.cached for step in self.steps if step.fate is not None)

    @property
    def open_ended(self) -> bool:
        return any(step.tasks is None for step in self.steps if not step.group and not step.hook)


def plan(
    graph: Graph,
    selection: Selection,
    *,
    max_items: int | None = None,
    fates: Callable[[Selected], Mapping[str, Fate]] = lambda _: {},
) -> Plan:
    """The plan of a run; UsageError when a loop is known to have too many items."""
    selected = select(graph, selection)
    counting = _Counting(selected.graph, max_items)
    steps = [counting.step(node, selected) for node in selected.graph.nodes.values()]
    known = fates(selected)
    return Plan(tuple(_with_fate(step, known.get(step.id)) for step in steps), selected)


def _with_fate(step: PlannedStep, fate: Fate | None) -> PlannedStep:
    """What was looked up has been counted, too."""
    number = fate.cached + fate.runs if fate is not None else 0
    return replace(step, fate=fate, tasks=number if step.tasks is None and number else step.tasks)


class _Counting:
    def __init__(self, graph: Graph, max_items: int | None) -> None:
        self._graph = graph
        self._max_items = max_items
        self._scope = Values({"params": {param.name: see(param.value) for param in graph.params.values()}})
        self._items: dict[str, int | None] = {}
        self._times: dict[str, int | None] = {"": 1}

    def step(self, node: Node, selected: Selected) -> PlannedStep:
        items = self._items_of(node)
        around = self._times[node.parent]
        tasks = None if around is None or items is None else around * items
        self._times[node.id] = None if node.repeat is not None else tasks
        if node.loop is not None and tasks is not None:
            self._check(node, node.loop, tasks)
        return PlannedStep(
            id=node.id,
            group=node.is_group,
            executor=node.executor,
            resources="" if node.is_group else shown(node.resources),
            items=items,
            tasks=tasks,
            loops=node.loop is not None,
            when=node.when,
            reused=node.id in selected.reuse,
            rounds=node.repeat.max_rounds if node.repeat is not None else 0,
            hook=node.hook,
        )

    def _items_of(self, node: Node) -> int | None:
        if node.id not in self._items:
            self._items[node.id] = 1 if node.loop is None else self._count(node.loop)
        return self._items[node.id]

    def _count(self, loop: Loop) -> int | None:
        if loop.elementwise is not None:
            source = self._graph.nodes.get(loop.elementwise)
            return self._items_of(source) if source is not None else None
        lengths = [self._length(axis.sources) for axis in loop.axes]
        total = 1
        for length in lengths:
            if length is None:
                return None
            total *= length
        return total if loop.where is None else self._filtered(loop, total)

    def _length(self, sources: Sequence[Any]) -> int | None:
        found = [self._list(source) for source in sources]
        return next((len(items) for items in found if items is not None), None)

    def _list(self, source: Any) -> Sequence[Any] | None:
        if not isinstance(source, str):
            return [see(item) for item in source]
        expression = parse(source)
        if any(reference.root != "params" for reference in expression.references):
            return None
        try:
            return listed(evaluate(expression, self._scope), "foreach")
        except (ExpressionError, Fault, NeedsWorkerError):
            return None

    def _filtered(self, loop: Loop, total: int) -> int | None:
        """How many items `where` leaves, where it asks for nothing but them and parameters."""
        assert loop.where is not None
        expression = parse(loop.where)
        if total > 10_000 or any(reference.root not in ("params", "each") for reference in expression.references):
            return None
        rows: list[dict[str, Any]] = [{}]
        for axis in loop.axes:
            columns = [self._list(source) or () for source in axis.sources]
            places = [dict(zip(axis.names, row, strict=True)) for row in zip(*columns, strict=False)]
            rows = [{**row, **place} for row in rows for place in places]
        try:
            return sum(
                evaluate(expression, Values({**self._scope.roots, "each": {**row, "index": at}})) is True
                for at, row in enumerate(rows)
            )
        except (ExpressionError, NeedsWorkerError):
            return None

    def _check(self, node: Node, loop: Loop, tasks: int) -> None:
        most = self._max_items if self._max_items is not None else loop.max_items
        if tasks > most:
            raise UsageError(
                f"step {node.id} would have {tasks:,} items, more than max_items ({most:,})",
                hint="raise `max_items` on the step, or run with --max-items",
            )
