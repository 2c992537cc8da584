"""What an expression of one task sees: params, steps, each, run, env, inputs.

Steps are looked up lexically: first in the body the expression stands in, then
in the ones around it, at the indexes of the task's own path. Reads the table of
values; changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions.contents import Load, needs_worker
from yamlflow.core.expressions.evaluator import evaluate
from yamlflow.core.expressions.faults import ExpressionError, Fault
from yamlflow.core.expressions.parser import parse
from yamlflow.core.expressions.templates import parse_template, render
from yamlflow.core.graph import Bindings, Graph, Node, Path, TaskId
from yamlflow.core.messages import State
from yamlflow.core.outline import Outline, Step
from yamlflow.core.values import Document
from yamlflow.engine.answers.sight import see
from yamlflow.engine.answers.values import Values

VALUELESS = frozenset({State.SKIPPED, State.FAILED, State.UPSTREAM_FAILED, State.CANCELLED})
"""A step that ended so has no value, whatever some of its items or rounds made."""


@dataclass(slots=True)
class World:
    """What all expressions of a run share.

    `states` holds whole steps that did not simply succeed; `load` opens what is
    stored, as far as the launcher may.
    """

    graph: Graph
    outline: Outline
    values: Values
    run: dict[str, Any]
    env: Mapping[str, str] = field(default_factory=dict)
    host: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    states: dict[TaskId, State] = field(default_factory=dict)
    load: Load = needs_worker
    params: dict[str, Any] = field(default_factory=dict)
    places: dict[tuple[str, str], Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.params = {param.name: see(param.value) for param in self.graph.params.values()}
        self.places = {(_body(step), step.name): step for step in self.outline.steps.values()}

    def find(self, body: str, name: str) -> Step:
        """The step that `steps.NAME` means inside a body; KeyError when there is none."""
        while True:
            if (body, name) in self.places:
                return self.places[body, name]
            if not body:
                raise KeyError(name)
            body = _body(self.outline.steps[body]) if body in self.outline.steps else ""

    def params_in(self, body: str, path: Path) -> Mapping[str, Any]:
        """What `params` is inside a body: the run's, or those of the nearest group made of another file."""
        while body in self.graph.nodes:
            node = self.graph.nodes[body]
            if node.bindings is not None:
                return Bound(self, node, node.bindings, path[: node.depth + node.levels])
            body = node.parent
        return self.params


def _body(step: Step) -> str:
    """Where a step's name is known: its group, or its kind of hook, which sees the top level too."""
    return step.parent or (f"{step.hook}:" if step.hook else "")


@dataclass(slots=True)
class TaskScope:
    """The scope of one task, or of the body of a group. `only` narrows a looped step to one of its items."""

    world: World
    body: str
    path: Path
    each: Mapping[str, Any]
    inputs: Mapping[str, Any] | None = None
    attempt: int = 1
    only: tuple[str, int] | None = None

    @property
    def host(self) -> Mapping[str, Callable[..., Any]]:
        return self.world.host

    def root(self, name: str) -> Any:
        match name:
            case "steps":
                return Steps(self)
            case "params":
                return self.world.params_in(self.body, self.path)
            case "each":
                return self.each
            case "run":
                return {**self.world.run, "attempt": self.attempt}
            case "env":
                return self.world.env
            case "inputs" if self.inputs is not None:
                return self.inputs
            case _:
                raise KeyError(name)

    def status(self, step: str) -> str:
        found = self.world.find(self.body, step)
        task = TaskId(found.id, self.path[: found.depth])
        return self.world.states.get(task, State.SUCCEEDED).value

    def step(self, name: str) -> Any:
        """The value of `steps.NAME`."""
        found = self.world.find(self.body, name)
        prefix = self.path[: found.depth]
        if self.only is not None and self.only[0] == found.id:
            return self.world.values.see_item(found, (*prefix, self.only[1]))
        if self.world.states.get(TaskId(found.id, prefix)) in VALUELESS:
            return None
        return self.world.values.see(found, prefix)


class Steps(Mapping[str, Any]):
    """The root `steps`: every step visible from a scope, read when it is asked for."""

    __slots__ = ("_scope",)

    def __init__(self, scope: TaskScope) -> None:
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        return self._scope.step(name)

    def __iter__(self) -> Iterator[str]:
        return iter({step.name for step in self._scope.world.outline.steps.values()})

    def __len__(self) -> int:
        return len(set(self))


class Bound(Mapping[str, Any]):
    """The root `params` inside a used file: each is worked out, when asked for, by what the step around it sees."""

    __slots__ = ("_bindings", "_node", "_path", "_world")

    def __init__(self, world: World, node: Node, bindings: Bindings, path: Path) -> None:
        self._world = world
        self._node = node
        self._bindings = bindings
        self._path = path

    def __getitem__(self, name: str) -> Any:
        if name in self._bindings.values:
            return see(self._bindings.values[name])
        scope = task_scope(self._world, self._node.id, self._path)
        try:
            if name in self._bindings.inputs:
                return self._input(self._bindings.inputs[name], scope)
            return self._argument(self._bindings.arguments[name], scope)
        except ExpressionError as error:
            raise Fault(f"`{name}` of `{self._node.id}`: {error.message}", hint=error.hint) from error

    def _input(self, source: Document, scope: TaskScope) -> Any:
        """An expression, or a structure of them."""
        match source:
            case str():
                return evaluate(parse(source), scope, self._world.load)
            case dict():
                return {key: self._input(part, scope) for key, part in source.items()}
            case list():
                return [self._input(part, scope) for part in source]
        return source

    def _argument(self, source: Document, scope: TaskScope) -> Any:
        """Text with holes, or a structure of such texts."""
        match source:
            case str():
                template = parse_template(source)
                return template if isinstance(template, str) else render(template, scope, self._world.load)
            case dict():
                return {key: self._argument(part, scope) for key, part in source.items()}
            case list():
                return [self._argument(part, scope) for part in source]
        return source

    def __iter__(self) -> Iterator[str]:
        return iter((*self._bindings.values, *self._bindings.inputs, *self._bindings.arguments))

    def __len__(self) -> int:
        return len(list(iter(self)))


def task_scope(world: World, node: str, path: Path, *, attempt: int = 1) -> TaskScope:
    """What a task's own expressions see."""
    step = world.outline.steps[node]
    return TaskScope(world, _body(step), path, world.values.each(node, path), attempt=attempt)


def body_scope(world: World, group: str, path: Path) -> TaskScope:
    """What the outputs of a group, or of the whole pipeline (""), see."""
    return TaskScope(world, group, path, world.values.each(group, path) if group else {})
