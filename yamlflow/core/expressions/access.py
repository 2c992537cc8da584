"""`.name`, `[key]` and `[a:b]` on every kind of value.

A name is a key of a mapping or a *data field* of an object (dataclass,
NamedTuple, pydantic model, Record); never a method, a property or a dunder.
Arrays and tables have subscripts only. Over a loop's value (Fanned) names map
over the items, positions pick one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from yamlflow.core.expressions.contents import Load, describe, is_number, names_of, opened, plain
from yamlflow.core.expressions.fanned import Fanned, Variables
from yamlflow.core.expressions.faults import FIELD, VALUE, Fault, nearest
from yamlflow.core.values import ArtifactRef, Record

_INDEX_FAULTS = (LookupError, TypeError, ValueError)


def field(value: Any, name: str, load: Load) -> Any:
    """`value.name`."""
    if type(value) is dict and name in value:
        return value[name]
    if isinstance(value, Fanned):
        return Variables(value) if name == "each" else value.mapped(lambda item: field(item, name, load))
    if isinstance(value, Variables):
        return value.of.variable(name)
    if type(value) is ArtifactRef:
        return field(load(value), name, load)
    if isinstance(value, Mapping):
        return _key(value, name)
    names = field_names(value)
    if name not in names:
        raise _no_field(value, name, names)
    return value.fields[name] if type(value) is Record else getattr(value, name)


def field_names(value: Any) -> Sequence[str]:
    """The data fields of an object that is no mapping; empty when it has none to see."""
    if type(value) is Record:
        return list(value.fields)
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return [entry.name for entry in dataclasses.fields(kind)]
    if isinstance(value, tuple):
        return list(getattr(kind, "_fields", ()))
    for attribute in ("__pydantic_fields__", "__fields__"):  # pydantic 2 and 1
        declared = getattr(kind, attribute, None)
        if isinstance(declared, Mapping):
            return list(declared)
    return []


def _key(value: Mapping[Any, Any], name: Any) -> Any:
    try:
        return value[name]
    except KeyError:
        raise _no_field(value, name, value) from None


def _no_field(value: Any, name: Any, names: Iterable[Any]) -> Fault:
    if value is None:
        return Fault(f"null has no field `{name}`", hint="write coalesce(x.field, default)", code=FIELD)
    known = list(names)
    if not known and isinstance(value, Mapping):
        return Fault(f"no field `{name}`", hint="it is empty", code=FIELD)
    if not known:
        hint = 'arrays and tables have [0], [1:3], ["column"]' if _is_array(value) else _fieldless_hint(value)
        return Fault(f"{describe(value)} has no fields", hint=hint, code=FIELD)
    meant = nearest(str(name), [str(word) for word in known])
    hint = f"did you mean `{meant}`? It has: {names_of(known)}" if meant else f"it has: {names_of(known)}"
    return Fault(f"no field `{name}`", hint=hint, code=FIELD)


def _fieldless_hint(value: Any) -> str | None:
    if isinstance(value, (str, int, float, list, tuple)):
        return None
    return "return a dataclass, a NamedTuple, a pydantic model or a dict for fields"


def item(value: Any, key: Any, load: Load) -> Any:
    """`value[key]`."""
    key = plain(opened(key, load))
    if not isinstance(key, (str, int, float)):
        raise Fault(f"[ ] takes a position or a key, not {describe(key)}")
    if isinstance(value, (Fanned, Variables)):
        return field(value, key, load) if isinstance(key, str) else _pick(value, key)
    value = opened(value, load)
    if isinstance(value, Mapping):
        return _key(value, key)
    if _is_array(value):
        return _array_item(value, key)
    if isinstance(value, Sequence) and not isinstance(key, str):
        return _at(value, key)
    if isinstance(key, str) and field_names(value):
        return field(value, key, load)
    if value is None:
        raise Fault("null has no items", hint="write coalesce(x[0], default)", code=FIELD)
    raise Fault(f"{describe(value)} cannot be asked for [{key!r}]", code=FIELD)


def _pick(value: Fanned | Variables, key: Any) -> Any:
    if isinstance(value, Variables):
        raise Fault("`.each` has names, not positions", hint="write .each.NAME[0]", code=FIELD)
    return _at(value.items, key)


def _at(value: Sequence[Any], key: Any) -> Any:
    if not is_number(key) or isinstance(key, float):
        raise Fault(f"a position is an integer, not {describe(key)}")
    try:
        return value[key]
    except IndexError:
        raise Fault(f"position {key} is out of range: there are {len(value)}", code=VALUE) from None


def _is_array(value: Any) -> bool:
    """numpy arrays, tensors, pandas and Arrow tables, told by what they have, not by import."""
    return hasattr(type(value), "__getitem__") and any(
        hasattr(value, mark) for mark in ("shape", "column_names", "iloc")
    )


def _array_item(value: Any, key: Any) -> Any:
    """pandas counts positions with `iloc`; everything else by plain subscript."""
    if isinstance(key, bool) or not isinstance(key, (int, str, slice)):
        raise Fault(f"an array is asked by position or column, not by {describe(key)}")
    source = value.iloc if not isinstance(key, str) and hasattr(value, "iloc") else value
    try:
        return source[key]
    except _INDEX_FAULTS as error:
        raise Fault(f"no item {key!r}: {error}", code=VALUE) from None


def part(value: Any, bounds: Sequence[Any], load: Load) -> Any:
    """`value[lower:upper:step]`; each bound an integer or null."""
    lower, upper, step = (plain(opened(bound, load)) for bound in bounds)
    for bound in (lower, upper, step):
        if bound is not None and (not is_number(bound) or isinstance(bound, float)):
            raise Fault(f"a position is an integer, not {describe(bound)}")
    if step == 0:
        raise Fault("the step of a slice cannot be 0", code=VALUE)
    cut = slice(lower, upper, step)
    if isinstance(value, Fanned):
        return value.cut(cut)
    value = opened(value, load)
    if _is_array(value):
        return _array_item(value, cut)
    if isinstance(value, Sequence):
        return value[cut]
    raise Fault(f"{describe(value)} cannot be cut into parts")
