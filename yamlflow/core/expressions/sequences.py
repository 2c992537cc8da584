"""The functions over lists and mappings.

Every function here is pure and gets its arguments already opened as far as its
entry in the table (functions.py) says; items it merely passes on may still be
references. Nothing is skipped silently: a null among numbers is an error that
suggests `compact`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sized
from collections.abc import Set as AbstractSet
from typing import Any

from yamlflow.core.expressions.contents import describe, is_number, listed, number, plain, truth
from yamlflow.core.expressions.faults import LIMIT, VALUE, Fault
from yamlflow.core.expressions.operators import MAX_REPEATED, check_order
from yamlflow.core.values import Record

_MISSING: Any = object()


def length(value: Any) -> int:
    if isinstance(value, Record):
        return len(value.fields)
    if isinstance(value, Sized) and not isinstance(value, bytes):
        return len(value)
    listed(value, "len")  # says what is wrong
    raise AssertionError


def minimum(value: Any, /, *others: Any, default: Any = _MISSING) -> Any:
    return _extreme("min", (value, *others), default)


def maximum(value: Any, /, *others: Any, default: Any = _MISSING) -> Any:
    return _extreme("max", (value, *others), default)


def _extreme(function: str, values: tuple[Any, ...], default: Any) -> Any:
    items = _comparable(listed(values[0], function) if len(values) == 1 else values, function)
    if not items:
        return _when_empty(function, default)
    return min(items) if function == "min" else max(items)


def _when_empty(function: str, default: Any) -> Any:
    if default is not _MISSING:
        return default
    raise Fault(f"{function} of an empty list", hint=f"write {function}(x, default=...)", code=VALUE)


def _comparable(values: Any, function: str) -> list[Any]:
    """The items, after checking that each can be ordered against the first."""
    items = [plain(value) for value in values]
    for item in items:
        if type(item) is not type(items[0]) or item is None or isinstance(item, (list, dict, Record)):
            check_order(items[0], item, function)
    return items


def total(list: Any) -> Any:  # noqa: A002 - the name users write
    numbers = [number(item, "sum") for item in listed(list, "sum")]
    return sum(numbers)


def mean(list: Any, *, default: Any = _MISSING) -> Any:  # noqa: A002
    numbers = [number(item, "mean") for item in listed(list, "mean")]
    if not numbers:
        return _when_empty("mean", default)
    try:
        return math.fsum(numbers) / len(numbers)
    except (OverflowError, ValueError):  # inf beside -inf, or a sum past a double's range
        return sum(float(item) for item in numbers) / len(numbers)


def ordered(list: Any, *, reverse: Any = False) -> Any:  # noqa: A002
    items = tuple(list) if isinstance(list, AbstractSet) else listed(list, "sorted")
    return sorted(_comparable(items, "sorted"), reverse=truth(reverse, "reverse"))


def any_of(list: Any) -> bool:  # noqa: A002
    return any([truth(item, "any") for item in listed(list, "any")])  # noqa: C419 - all are checked, not just some


def all_of(list: Any) -> bool:  # noqa: A002
    return all([truth(item, "all") for item in listed(list, "all")])  # noqa: C419


def numbers(start: Any, stop: Any = None, step: Any = 1) -> list[int]:
    bounds = [_whole(value) for value in ((0, start, step) if stop is None else (start, stop, step))]
    if bounds[2] == 0:
        raise Fault("range: the step cannot be 0", code=VALUE)
    found = range(*bounds)
    first_past = found[MAX_REPEATED : MAX_REPEATED + 1]  # len() fails where ranges get astronomical
    if first_past:
        raise Fault(f"range makes at most {MAX_REPEATED:,} numbers", code=LIMIT)
    return list(found)


def _whole(value: Any) -> int:
    value = plain(value)
    if is_number(value) and isinstance(value, int):
        return value
    raise Fault(f"range takes integers, not {describe(value)}")


def zipped(*lists: Any) -> list[Any]:
    columns = [listed(one, "zip") for one in lists]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise Fault(f"zip: lists of different lengths: {', '.join(map(str, lengths))}", code=VALUE)
    return list(zip(*columns, strict=True))


def numbered(list: Any, start: Any = 0) -> Any:  # noqa: A002
    return [*enumerate(listed(list, "enumerate"), _whole(start))]


def flatten(list: Any) -> Any:  # noqa: A002
    flat: Any = []
    for item in listed(list, "flatten"):
        if isinstance(item, (tuple, range)) or type(item) is type(flat):
            flat.extend(item)
        else:
            flat.append(item)
    return flat


def compact(list: Any) -> Any:  # noqa: A002
    return [item for item in listed(list, "compact") if item is not None]


def first(list: Any, *, default: Any = _MISSING) -> Any:  # noqa: A002
    items = listed(list, "first")
    return items[0] if len(items) else _when_empty("first", default)


def last(list: Any, *, default: Any = _MISSING) -> Any:  # noqa: A002
    items = listed(list, "last")
    return items[-1] if len(items) else _when_empty("last", default)


def keys(mapping: Any) -> list[Any]:
    return list(_mapping(mapping, "keys"))


def values(mapping: Any) -> list[Any]:
    return list(_mapping(mapping, "values").values())


def _mapping(value: Any, function: str) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Record):
        return value.fields
    hint = "write coalesce(x, {})" if value is None else None
    raise Fault(f"{function} takes a mapping, not {describe(value)}", hint=hint)
