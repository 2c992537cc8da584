"""What someone who looks at a run must know of its graph: steps, loops, order.

An Outline is stored with the run, so that views, names and values need neither
the pipeline file nor the graph. It says nothing about how a step runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `names` are its loop's variables (None: no loop), `depth` the levels around it."""

    id: str
    name: str
    parent: str
    depth: int
    group: bool = False
    names: tuple[str, ...] | None = None
    rounds: bool = False
    hook: str = ""
    executor: str = "local"

    @property
    def levels(self) -> int:
        return (self.names is not None) + self.rounds


@dataclass(frozen=True, slots=True)
class Level:
    """What one index of a path counts: the items or the rounds of a step."""

    step: str
    kind: Literal["item", "round"]


@dataclass(frozen=True, slots=True)
class Outline:
    """All steps in file order, parents before children."""

    name: str
    steps: Mapping[str, Step]
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def children(self, parent: str) -> list[Step]:
        return [step for step in self.steps.values() if step.parent == parent]

    def levels(self, step: str) -> tuple[Level, ...]:
        """The levels of a path of this step, outermost first, its own last."""
        here = self.steps[step]
        above = self.levels(here.parent) if here.parent else ()
        own = [Level(step, "item")] if here.names is not None else []
        return (*above, *own, *([Level(step, "round")] if here.rounds else []))


def outline(graph: Graph) -> Outline:
    """The outline of a graph."""
    return Outline(graph.name, {node.id: _step(node) for node in graph.nodes.values()}, graph.hooks)


def _step(node: Node) -> Step:
    names = None if node.loop is None else tuple(name for axis in node.loop.axes for name in axis.names)
    return Step(
        id=node.id,
        name=node.name,
        parent=node.parent,
        depth=node.depth,
        group=node.is_group,
        names=names,
        rounds=node.repeat is not None,
        hook=node.hook,
        executor=node.executor,
    )


def outline_to_json(plan: Outline) -> dict[str, Any]:
    """Plain JSON, fields in the order of Step."""
    rows = [[getattr(step, name) for name in Step.__slots__] for step in plan.steps.values()]
    return {"name": plan.name, "steps": rows, "hooks": {hook: list(steps) for hook, steps in plan.hooks.items()}}


def outline_from_json(body: Mapping[str, Any]) -> Outline:
    """The outline behind its JSON; fields that an older version did not write have their defaults."""
    steps = [_step_from_row(row) for row in body["steps"]]
    hooks = {hook: tuple(names) for hook, names in body.get("hooks", {}).items()}
    return Outline(body["name"], {step.id: step for step in steps}, hooks)


def _step_from_row(row: Sequence[Any]) -> Step:
    fields = dict(zip(Step.__slots__, row, strict=False))
    names = fields.get("names")
    return Step(**{**fields, "names": None if names is None else tuple(names)})
