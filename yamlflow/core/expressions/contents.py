"""Values as an operator or a function sees them.

A stored value stays a reference until something needs its content; then it is
opened by the `load` that was handed in. numpy scalars count as their Python
numbers and enum members as their values, wherever they come from; no class is
imported to find that out.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import Any

from yamlflow.core.expressions.faults import Fault, NeedsWorkerError
from yamlflow.core.values import ArtifactRef, EnumMember, Record

Load = Callable[[ArtifactRef], Any]
"""Gives the content of a stored value, or raises NeedsWorkerError where it must not be opened."""

_PLAIN = frozenset({type(None), bool, int, float, str, list, dict, tuple, date, datetime, ArtifactRef, Record})

_LEAF_FORMATS = frozenset({"file", "dir", "npy", "arrow"})
"""Formats of stored values that are certainly no list."""

_NAMES: Mapping[type, str] = {
    type(None): "null",
    bool: "a bool",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    tuple: "a list",
    range: "a list",
    dict: "a mapping",
    date: "a date",
    datetime: "a date with time",
    timedelta: "a duration",
    ArtifactRef: "a stored value",
}


def needs_worker(ref: ArtifactRef) -> Any:
    """The `load` of whoever may open nothing."""
    raise NeedsWorkerError(ref)


def opened(value: Any, load: Load) -> Any:
    """The value itself, opened when it is a reference."""
    return load(value) if type(value) is ArtifactRef else value


def opened_items(value: Any, load: Load) -> Any:
    """A list with its items opened too; anything else as `opened`."""
    value = opened(value, load)
    if isinstance(value, (list, tuple)) and any(type(item) is ArtifactRef for item in value):
        return [opened(item, load) for item in value]
    return value


def opened_lists(value: Any, load: Load) -> Any:
    """A list, those of its items opened that could be lists themselves."""
    value = opened(value, load)
    if isinstance(value, (list, tuple)) and any(_may_be_list(item) for item in value):
        return [load(item) if _may_be_list(item) else item for item in value]
    return value


def _may_be_list(item: Any) -> bool:
    return type(item) is ArtifactRef and item.format not in _LEAF_FORMATS


def opened_deep(value: Any, load: Load) -> Any:
    """The value with every reference inside it opened."""
    value = opened(value, load)
    if type(value) in (list, tuple):
        return type(value)(opened_deep(item, load) for item in value)
    if type(value) is dict:
        return {key: opened_deep(item, load) for key, item in value.items()}
    if type(value) is Record:
        return Record(value.type, value.kind, {name: opened_deep(item, load) for name, item in value.fields.items()})
    return value


def scalar(value: Any) -> Any:
    """The Python number (string, date) that a numpy scalar stands for; anything else unchanged."""
    if type(value) in _PLAIN:
        return value
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and not shape and callable(getattr(value, "item", None)):
        return value.item()
    return value


def plain(value: Any) -> Any:
    """`scalar`, and an enum member's value."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (EnumMember, enum.Enum)):
        return scalar(value.value)
    return scalar(value)


def listed(value: Any, function: str) -> Sequence[Any]:
    """The items of an opened list, tuple, range or one-dimensional array."""
    if isinstance(value, (list, tuple, range)):
        return value
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape) == 1 and callable(getattr(value, "tolist", None)):
        items: list[Any] = value.tolist()
        return items
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return value
    raise Fault(f"{function} takes a list, not {describe(value)}", hint=_list_hint(value))


def _list_hint(value: Any) -> str | None:
    if value is None:
        return "null stands for a skipped or missing value: write coalesce(x, [])"
    if isinstance(value, str):
        return "write [x] for a list of one, or split(x, sep)"
    if isinstance(value, (Mapping, Record)):
        return "write keys(x) or values(x)"
    if isinstance(value, AbstractSet):
        return "a set has no order: write sorted(x)"
    return None


def number(value: Any, function: str) -> Any:
    """An int or a float (numpy's too); true counts as 1, so that `sum` counts."""
    value = plain(value)
    if isinstance(value, bool):
        return int(value)
    if is_number(value):
        return value
    hint = "leave skipped and failed items out: compact(x)" if value is None else None
    raise Fault(f"{function} takes numbers, not {describe(value)}", hint=hint)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def truth(value: Any, place: str) -> bool:
    """A bool (numpy's too), nothing else: there is no truth in a number, a string or a list."""
    value = plain(value)
    if isinstance(value, bool):
        return value
    raise Fault(f"{place} takes true or false, not {describe(value)}", hint=_truth_hint(value))


def _truth_hint(value: Any) -> str:
    if isinstance(value, str):
        return 'compare it: x == "..."'
    if isinstance(value, (list, tuple, dict)):
        return "ask for its length: len(x) > 0"
    return "compare it: x != null" if value is None else "compare it: x != 0"


def describe(value: Any) -> str:
    """What a person calls the type of a value: `a list`, `null`, `ndarray`."""
    if type(value) in _NAMES:
        return _NAMES[type(value)]
    if isinstance(value, Record):
        return value.type.rpartition(":")[2] or "an object"
    if isinstance(value, PurePath):
        return "a path"
    if isinstance(value, Mapping):
        return "a mapping"
    return type(value).__name__


def names_of(names: Iterable[Any], most: int = 12) -> str:
    """A list of names for a message, cut off after `most`."""
    shown = [str(name) for name in names]
    return ", ".join(shown[:most]) + (f", … ({len(shown)} in all)" if len(shown) > most else "")
