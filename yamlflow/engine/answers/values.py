"""What tasks made, as the launcher knows it: documents by node and path.

Every node has a tree of lists, one level per index of a path, so a loop of
100,000 items is one list. What is absent reads as None. A group's value is a
mapping of its outputs; an output that is a loop's whole value stays a view.
Must never open what a reference points to, and never decide what runs.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions.fanned import Fanned, Mapped
from yamlflow.core.graph import Path, TaskId
from yamlflow.core.outline import Outline, Step
from yamlflow.core.values import Document
from yamlflow.engine.answers.sight import see, write

Seen = Any
"""A value as expressions see it: decoded, references unopened, loops as Fanned."""


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Bundle:
    """The outputs of a group: each decoded, or a Fanned that reads the table when it is read."""

    outputs: Mapping[str, Seen]


@dataclass(frozen=True, slots=True)
class Axis:
    """Names bound together and, for each, its documents (all of one length)."""

    names: tuple[str, ...]
    columns: tuple[Sequence[Document], ...]

    def __len__(self) -> int:
        return len(self.columns[0])


class Items:
    """The items of one expanded loop: every combination of its axes, or those that were picked."""

    __slots__ = ("_axes", "_picks", "_strides")

    def __init__(self, axes: Sequence[Axis], picks: Sequence[int] | None = None) -> None:
        self._axes = tuple(axes)
        self._picks = None if picks is None else array("q", picks)
        sizes = [len(axis) for axis in self._axes]
        self._strides = [prod(sizes[at + 1 :]) for at in range(len(sizes))]

    def __len__(self) -> int:
        return prod(len(axis) for axis in self._axes) if self._picks is None else len(self._picks)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self._axes

    def positions(self, index: int) -> list[int]:
        """Where item `index` stands on each axis."""
        at = index if self._picks is None else self._picks[index]
        return [at // stride % len(axis) for axis, stride in zip(self._axes, self._strides, strict=True)]

    def documents(self, index: int) -> dict[str, Document]:
        """The loop variables of one item."""
        found: dict[str, Document] = {}
        for axis, at in zip(self._axes, self.positions(index), strict=True):
            found.update((name, column[at]) for name, column in zip(axis.names, axis.columns, strict=True))
        return found

    def variable(self, name: str) -> Sequence[Seen]:
        """One loop variable, aligned with the items; LookupError when there is no such name."""
        if name == "index":
            return range(len(self))
        for place, axis in enumerate(self._axes):
            if name in axis.names:
                column = axis.columns[axis.names.index(name)]
                return Mapped([column[self.positions(index)[place]] for index in range(len(self))], see)
        raise LookupError(name)


class Values:
    """The table. Written by the loop as events come in; read by evaluation."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._trees: dict[str, Any] = {}
        self._items: dict[tuple[str, Path], Items] = {}
        self._starts: dict[tuple[str, Path], Mapping[str, Seen]] = {}

    # --- writing ---

    def put(self, task: TaskId, value: Document | Bundle) -> None:
        """The value of one task, or of one item or round of a group; later ones replace earlier ones."""
        if not task.path:
            self._trees[task.node] = value
            return
        place = self._trees.setdefault(task.node, [])
        for index in task.path[:-1]:
            place = _grown(place, index)
        _reserve(place, task.path[-1] + 1)
        place[task.path[-1]] = value

    def expand(self, task: TaskId, items: Items) -> None:
        """The items of a loop are known; `task.path` has the indexes around it."""
        self._items[task] = items
        self.reserve(task, len(items))

    def reserve(self, task: TaskId, count: int) -> None:
        """A loop has so many items; those without a value are None."""
        place = self._trees.setdefault(task.node, [])
        for index in task.path:
            place = _grown(place, index)
        _reserve(place, count)

    def begin(self, task: TaskId, start: Mapping[str, Seen]) -> None:
        """What the first round of a repeated group sees."""
        self._starts[task] = start

    # --- reading ---

    def get(self, task: TaskId) -> Document | Bundle:
        """What was put there; None when nothing was."""
        place = self._trees.get(task.node, ABSENT)
        for index in task.path:
            if not isinstance(place, list) or index >= len(place):
                return None
            place = place[index]
        return None if place is ABSENT else place

    def items(self, step: str, prefix: Path) -> Items | None:
        return self._items.get((step, prefix))

    def start(self, step: str, prefix: Path) -> Mapping[str, Seen]:
        return self._starts.get((step, prefix), {})

    def see(self, step: Step, prefix: Path) -> Seen:
        """The value of a step as its siblings see it: one value, or a Fanned over its items."""
        if step.names is None:
            return self._one(step, self._at(step, prefix))
        place = self._at(step, prefix)
        items = self._items.get((step.id, prefix))
        documents = place if isinstance(place, list) else []
        each = _no_variable if items is None else items.variable
        return Fanned(Mapped(documents, lambda found: self._one(step, found)), each)

    def document(self, step: Step) -> Document:
        """The value of a top-level step as one document: a loop's items in a list."""
        return write(self.see(step, ()))

    def see_item(self, step: Step, path: Path) -> Seen:
        """The value of one item of a loop."""
        return self._one(step, self._at(step, path))

    def _one(self, step: Step, found: Any) -> Seen:
        if step.rounds and isinstance(found, list):
            found = found[-1] if found else ABSENT
        if found is ABSENT:
            return None
        return dict(found.outputs) if isinstance(found, Bundle) else see(found)

    def _at(self, step: Step, path: Path) -> Any:
        place = self._trees.get(step.id, ABSENT)
        for index in path:
            if not isinstance(place, list) or index >= len(place):
                return ABSENT
            place = place[index]
        return place

    def each(self, node: str, path: Path) -> dict[str, Seen]:
        """The loop variables that are visible in a task, inner ones before outer ones, and `index`."""
        found: dict[str, Seen] = {}
        if not path:
            return found
        for at, level in zip(range(len(path)), self._outline.levels(node), strict=False):
            found["index"] = path[at]
            found.update(self._level(level.step, level.kind == "round", path[:at], path[at]))
        return found

    def _level(self, step: str, rounds: bool, prefix: Path, index: int) -> Mapping[str, Seen]:
        if rounds:
            return self.start(step, prefix) if index == 0 else self._outputs(TaskId(step, (*prefix, index - 1)))
        items = self._items.get((step, prefix))
        if items is None or index >= len(items):
            return {}
        return {name: see(document) for name, document in items.documents(index).items()}

    def _outputs(self, task: TaskId) -> Mapping[str, Seen]:
        found = self.get(task)
        return found.outputs if isinstance(found, Bundle) else {}


def _no_variable(name: str) -> Sequence[Any]:
    raise LookupError(name)


def _grown(place: list[Any], index: int) -> list[Any]:
    """The list at `index`, made when it is not there."""
    _reserve(place, index + 1)
    if not isinstance(place[index], list):
        place[index] = []
    inner: list[Any] = place[index]
    return inner


def _reserve(place: list[Any], length: int) -> None:
    if len(place) < length:
        place.extend([ABSENT] * (length - len(place)))
