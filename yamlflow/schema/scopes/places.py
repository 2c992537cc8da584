"""The steps of a pipeline as places in nested scopes, and the files they stand in.

A Unit is one file: its model, its spans, its steps. A Place is one step in it.
Scopes are lexical: a step sees its siblings and the steps around it, up to its
file; a file that is used as a step sees nothing of the file that uses it.
Made by the loader, read by rules and compiler; never changed after loading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Span
from yamlflow.schema.model import Hooks, Pipeline, Step
from yamlflow.schema.nodes import Scalar
from yamlflow.schema.source import Source
from yamlflow.schema.spans import Path as Keys
from yamlflow.schema.spans import Spans
from yamlflow.schema.text import positions

HOOKS = ("on_success", "on_failure", "on_exit")


@dataclass(slots=True, eq=False)
class Unit:
    """One file. `values` are the parameters whose values are known before the run, `given` those of no default.

    `owner` is the step that uses it.
    """

    file: str
    folder: Path
    model: Pipeline
    spans: Spans
    sources: Mapping[str, Source]
    owner: Place | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    steps: dict[str, Place] = field(default_factory=dict)
    hooks: dict[str, dict[str, Place]] = field(default_factory=dict)

    def places(self) -> Iterator[Place]:
        """Every step of this file and of the files it uses, in file order, parents first; hooks last."""
        for scope in (self.steps, *self.hooks.values()):
            for place in scope.values():
                yield from place.below()

    def own_places(self) -> Iterator[Place]:
        """The steps of this file alone."""
        return (place for place in self.places() if place.unit is self)

    def units(self) -> Iterator[Unit]:
        """This file and those it uses, each use once."""
        yield self
        for place in self.own_places():
            if place.inner is not None:
                yield from place.inner.units()

    def key(self, *path: str | int) -> Span:
        return self.spans.key(path)

    def value(self, *path: str | int) -> Span:
        return self.spans.value(path)

    def inside(self, scalar: Scalar, start: int, end: int) -> Span:
        """The span of a part of a scalar's value."""
        value = scalar.value if isinstance(scalar.value, str) else scalar.text
        return positions.within(self.sources.get(scalar.span.path), scalar.span, value, start, end)


@dataclass(slots=True, eq=False)
class Place:
    """One step: `id` dotted, `path` in its file, `children` by name when it is a group, `inner` the file it uses."""

    id: str
    name: str
    step: Step
    path: Keys
    unit: Unit
    parent: Place | None = None
    hook: str = ""
    children: dict[str, Place] = field(default_factory=dict)
    inner: Unit | None = None

    @property
    def is_group(self) -> bool:
        return self.step.steps is not None or self.step.uses is not None

    @property
    def scope(self) -> Mapping[str, Place]:
        """This step and its siblings."""
        if self.parent is not None:
            return self.parent.children
        return self.unit.hooks[self.hook] if self.hook else self.unit.steps

    def around(self) -> Iterator[Place]:
        """The groups around it in the same file, innermost first."""
        group = self.parent
        while group is not None:
            yield group
            group = group.parent

    def lineage(self) -> Iterator[Place]:
        """Itself and everything around it, through the files that use its own."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent or place.unit.owner

    def contents(self) -> Mapping[str, Place]:
        """The steps directly inside, of a group or of the file it uses."""
        return self.inner.steps if self.inner is not None else self.children

    def below(self) -> Iterator[Place]:
        """Itself and everything inside, parents first."""
        yield self
        for child in self.contents().values():
            yield from child.below()

    def find(self, name: str) -> Place | None:
        """What `steps.name` means in this step's own keys."""
        if name in self.scope:
            return self.scope[name]
        for group in self.around():
            if name in group.scope:
                return group.scope[name]
        return self.unit.steps.get(name) if self.hook else None

    def find_inside(self, name: str) -> Place | None:
        """What `steps.name` means in this group's `outputs` and `until`."""
        return self.children.get(name) or self.find(name)

    def visible(self) -> list[str]:
        """The names that `find` knows."""
        scopes = [self.scope, *(group.scope for group in self.around())]
        if self.hook:
            scopes.append(self.unit.steps)
        return list(dict.fromkeys(name for scope in scopes for name in scope))

    def key(self, *path: str | int) -> Span:
        return self.unit.spans.key((*self.path, *path))

    def value(self, *path: str | int) -> Span:
        return self.unit.spans.value((*self.path, *path))

    def written(self, *path: str | int) -> bool:
        return self.unit.spans.has((*self.path, *path))


def lay_out(unit: Unit) -> None:
    """Fills a unit's steps and hooks from its model."""
    prefix = unit.owner.id if unit.owner is not None else ""
    top = unit.model.steps if "steps" in unit.model.model_fields_set else {}
    unit.steps.update(_scope(unit, top, ("steps",), prefix, None, ""))
    for hook in HOOKS:
        hooks: Hooks | None = getattr(unit.model, hook)
        if hooks is not None:
            unit.hooks[hook] = {}
            unit.hooks[hook].update(_scope(unit, hooks.steps, (hook,), hook, None, hook))


def _scope(
    unit: Unit, steps: Mapping[str, Step], path: Keys, prefix: str, parent: Place | None, hook: str
) -> dict[str, Place]:
    return {name: _place(unit, name, step, (*path, name), prefix, parent, hook) for name, step in steps.items()}


def _place(unit: Unit, name: str, step: Step, path: Keys, prefix: str, parent: Place | None, hook: str) -> Place:
    place = Place(f"{prefix}.{name}" if prefix else name, name, step, path, unit, parent, hook)
    if step.steps is not None:
        place.children.update(_scope(unit, step.steps, (*path, "steps"), place.id, place, hook))
    return place
