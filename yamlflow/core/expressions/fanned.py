"""What a step with `foreach` is outside its loop.

`steps.fit` is a list in item order, `steps.fit.auc` the list of one field,
`steps.fit.each.model` the loop variable, aligned. The items may be Fanned in
turn (nested loops: nested lists) and may be None (skipped or failed: stays
None). Nothing is computed before someone looks: 100,000 items cost nothing
until they are read, and reading one reads one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions.faults import FIELD, Fault


class Mapped(Sequence[Any]):
    """A sequence seen through a function, each item when it is read; None stays None. A Fault names its item."""

    __slots__ = ("_function", "_items")

    def __init__(self, items: Sequence[Any], function: Callable[[Any], Any]) -> None:
        self._items = items
        self._function = function

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Mapped(self._items[index], self._function)
        item = self._items[index]
        try:
            return None if item is None else self._function(item)
        except Fault as fault:
            raise _at(index, fault) from None

    def __iter__(self) -> Iterator[Any]:
        function = self._function
        for index, item in enumerate(self._items):
            try:
                seen = None if item is None else function(item)
            except Fault as fault:
                raise _at(index, fault) from None
            yield seen


def _at(index: int, fault: Fault) -> Fault:
    return Fault(f"item {index}: {fault.message}", hint=fault.hint, code=fault.code)


@dataclass(frozen=True, slots=True, eq=False)
class Fanned:
    """The values of a loop's items in order, and its loop variables.

    `each(name)` gives the values of one loop variable, one per item; it raises
    LookupError for a name that is none of this loop's, and is only asked when
    an expression reads `.each.name`.
    """

    items: Sequence[Any]
    each: Callable[[str], Sequence[Any]]

    def __len__(self) -> int:
        return len(self.items)

    def mapped(self, function: Callable[[Any], Any]) -> Fanned:
        """Each item seen through `function`, lazily; the loop variables stay."""
        return Fanned(Mapped(self.items, function), self.each)

    def cut(self, part: slice) -> Fanned:
        """Some of the items, with their loop variables."""
        return Fanned(self.items[part], lambda name: self.each(name)[part])

    def variable(self, name: str) -> Fanned:
        """A loop variable, aligned with the items; one of an inner loop nests as the items do."""
        try:
            return Fanned(self.each(name), self.each)
        except LookupError:
            if not all(item is None or isinstance(item, Fanned) for item in self.items):
                raise Fault(f"the loop has no variable `{name}`", code=FIELD) from None
        inner = [None if item is None else item.variable(name) for item in self.items]
        return Fanned(inner, self.each)


@dataclass(frozen=True, slots=True, eq=False)
class Variables:
    """`steps.fit.each`: not a value, but what a loop variable is asked of."""

    of: Fanned


def settle(value: Any) -> Any:
    """A plain value: a Fanned, also inside the outputs of a group, becomes a (nested) list."""
    if type(value) is Fanned:
        return [settle(item) for item in value.items]
    if type(value) is dict and any(type(item) in (Fanned, dict) for item in value.values()):
        return {key: settle(item) for key, item in value.items()}
    if type(value) is Variables:
        raise Fault("`.each` is not a value", hint="name a loop variable: .each.NAME", code=FIELD)
    return value


def as_dict(value: Any) -> Any:
    """A mapping that the engine keeps (a root) as a dict of plain values."""
    return {key: settle(item) for key, item in value.items()} if isinstance(value, Mapping) else value
