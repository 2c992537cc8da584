"""`foreach`: from expressions to items, counted, filtered and named.

Axes combine cartesian, the first outermost; names of one axis are zipped. The
count is checked before anything is made of the items. An element-wise loop
takes count and keys from its source and reads each item when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions.contents import listed, opened, truth
from yamlflow.core.expressions.faults import Fault, NeedsWorkerError
from yamlflow.core.expressions.texts import fill
from yamlflow.core.graph import Loop, TaskId
from yamlflow.core.naming import Names
from yamlflow.core.values import Document, UnstorableError, references
from yamlflow.engine.answers.evaluation import Defer, Deferred, Known, Reader, Wrong, wrong
from yamlflow.engine.answers.scope import TaskScope, World, task_scope
from yamlflow.engine.answers.sight import see, write
from yamlflow.engine.answers.values import Axis, Items
from yamlflow.engine.attempts.keys import data_keys, repeated

MOST_COMBINATIONS = 1_000_000
"""How many combinations `where` may be asked about."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """The items of a loop and what people call them (() for plain indexes)."""

    items: Items
    keys: tuple[str, ...]


class Expansion:
    """Expands loops of one run."""

    def __init__(self, world: World, reader: Reader, names: Names) -> None:
        self._world = world
        self._reader = reader
        self.names = names

    def expand(self, task: TaskId, known: Known) -> Expanded:
        """The items of a loop at `task.path`; Wrong, or Defer when a worker must evaluate its lists."""
        node = self._world.graph.nodes[task.node]
        assert node.loop is not None
        scope = task_scope(self._world, node.id, task.path)
        if node.loop.elementwise is not None:
            return self._follow(node.loop, scope)
        items = Items(self._axes(node.loop, scope, known))
        if node.loop.where is not None:
            items = self._filtered(items, node.loop, scope)
        _check_count(len(items), node.loop)
        keys = data_keys(items) if node.loop.key is None else self._explicit(items, node.loop.key, scope)
        return Expanded(items, keys)

    # --- over another loop, one by one ---

    def _follow(self, loop: Loop, scope: TaskScope) -> Expanded:
        source = self._world.graph.nodes[loop.elementwise or ""]
        prefix = scope.path[: source.depth]
        count = self.names.count(source.id, prefix) or 0
        ((name,), (text,)) = loop.axes[0].names, loop.axes[0].sources
        assert isinstance(text, str)
        column = ItemReader(self._reader, scope, source.id, text, count)
        _check_count(count, loop)
        return Expanded(Items([Axis((name,), (column,))]), self.names.keys_of(source.id, prefix))

    # --- lists ---

    def _axes(self, loop: Loop, scope: TaskScope, known: Known) -> list[Axis]:
        columns: dict[str, list[Document]] = {}
        waiting: dict[str, Document] = {}
        for axis in loop.axes:
            for name, source in zip(axis.names, axis.sources, strict=True):
                try:
                    columns[name] = self._column(name, source, scope, known)
                except NeedsWorkerError:
                    assert isinstance(source, str)
                    if name in known:  # a worker has looked already: asking again would never end
                        raise _unlistable(name, source, known[name]) from None
                    waiting[name] = self._reader.deferred(source, scope)
        if waiting:
            raise Defer(Deferred(waiting, lists=True))
        found = [Axis(axis.names, tuple(columns[name] for name in axis.names)) for axis in loop.axes]
        for axis_found in found:
            _check_lengths(axis_found)
        return found

    def _column(self, name: str, source: str | tuple[Document, ...], scope: TaskScope, known: Known) -> list[Document]:
        if not isinstance(source, str):
            return list(source)
        place = f"foreach.{name}"
        value = see(known[name]) if name in known else self._reader.value(source, scope, place)
        value = opened(value, self._reader.load_list)
        try:
            return [write(item) for item in listed(value, "foreach")]
        except Fault as fault:
            raise wrong(place, source, fault.at(0, len(source))) from fault
        except UnstorableError as error:
            raise Wrong(f"{place}: `{source}`: {error}") from error

    # --- filter and keys ---

    def _filtered(self, items: Items, loop: Loop, scope: TaskScope) -> Items:
        if len(items) > max(MOST_COMBINATIONS, loop.max_items):
            raise Wrong(f"foreach: `where` would be asked about {len(items):,} combinations", "make the lists shorter")
        assert loop.where is not None
        picks = [at for at in range(len(items)) if self._wanted(loop.where, self._inner(items, at, scope))]
        return Items(items.axes, picks)

    def _wanted(self, text: str, scope: TaskScope) -> bool:
        value = self._asked(text, scope, "where")
        try:
            return truth(value, "`where`")
        except Fault as fault:
            raise wrong("where", text, fault.at(0, len(text))) from fault

    def _explicit(self, items: Items, text: str, scope: TaskScope) -> tuple[str, ...]:
        keys = tuple(self._key(text, self._inner(items, at, scope)) for at in range(len(items)))
        again = repeated(keys)
        if again is not None:
            raise Wrong(f"key: `{text}`: two items have the key {again!r}", "make it unique, or leave `key` out")
        return keys

    def _key(self, text: str, scope: TaskScope) -> str:
        value = self._asked(text, scope, "key")
        try:
            return fill(value)
        except Fault as fault:
            raise wrong("key", text, fault.at(0, len(text))) from fault

    def _asked(self, text: str, scope: TaskScope, place: str) -> Any:
        try:
            return opened(self._reader.value(text, scope, place), self._reader.load)
        except NeedsWorkerError as error:
            raise Wrong(f"{place}: `{text}`: {error}", "let the step before it return what is asked") from error

    def _inner(self, items: Items, at: int, scope: TaskScope) -> TaskScope:
        own = {name: see(document) for name, document in items.documents(at).items()}
        return TaskScope(scope.world, scope.body, scope.path, {**scope.each, **own, "index": at})


class ItemReader(Sequence[Document]):
    """The loop variable of an element-wise loop: item i is read from item i of its source."""

    __slots__ = ("_count", "_reader", "_scope", "_source", "_text")

    def __init__(self, reader: Reader, scope: TaskScope, source: str, text: str, count: int) -> None:
        self._reader = reader
        self._scope = scope
        self._source = source
        self._text = text
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | Sequence[Document]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        scope = self._scope
        narrowed = TaskScope(scope.world, scope.body, scope.path, scope.each, only=(self._source, index))
        return write(self._reader.value(self._text, narrowed, "foreach"))


def _check_count(count: int, loop: Loop) -> None:
    if count > loop.max_items:
        raise Wrong(
            f"foreach has {count:,} items, more than max_items ({loop.max_items:,})",
            "raise `max_items` on the step, or run with --max-items",
        )


def _unlistable(name: str, source: str, found: Document) -> Wrong:
    kinds = [ref.type or ref.format for ref in references(found)]
    shown = f"a {kinds[0]}" if kinds else "its value"
    return Wrong(f"foreach.{name}: `{source}`: {shown} is no list of items", "let the step return a list")


def _check_lengths(axis: Axis) -> None:
    lengths = {name: len(column) for name, column in zip(axis.names, axis.columns, strict=True)}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise Wrong(f"zip: the lists have different lengths: {shown}", "zip pairs lists of equal length")
