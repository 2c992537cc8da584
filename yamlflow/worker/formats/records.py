"""Objects with named fields: dataclasses, NamedTuples, pydantic models, tuples whose parts have names.

They are stored field by field, so that `steps.x.auc` reads one number and not
the model beside it, and arrive as objects of their own class. A class that
cannot be found again by its name is no record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from importlib import import_module
from typing import Any

from yamlflow.core.values import EnumMember, Record

FIELDS = 64
_CONTAINERS = (dict, list, tuple, set, frozenset, str, bytes, int, float, BaseException)


def type_name(kind: type) -> str:
    """`module:QualName`, or nothing for a class that cannot be found under it."""
    name = f"{kind.__module__}:{kind.__qualname__}"
    try:
        return name if find_type(name) is kind else ""
    except (ImportError, AttributeError):
        return ""


def find_type(name: str) -> Any:
    """The class behind `module:QualName`. Raises ImportError or AttributeError."""
    module, _, path = name.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def record_of(value: object) -> Record | None:
    """The fields of a record; None for any other value."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return _made(kind, "dataclass", _dataclass_fields(value))
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return _made(kind, "namedtuple", dict(zip(kind._fields, value, strict=True)))
    if hasattr(kind, "__pydantic_fields__") and hasattr(kind, "model_construct"):
        extra: Any = getattr(value, "__pydantic_extra__", None) or {}
        return _made(kind, "pydantic", {**vars(value), **extra})
    return None


def _made(kind: type, label: str, fields: Mapping[str, Any] | None) -> Record | None:
    name = type_name(kind) if fields is not None else ""
    return Record(name, label, fields) if name and fields is not None and len(fields) <= FIELDS else None


def _dataclass_fields(value: Any) -> dict[str, Any] | None:
    """Declared fields and whatever else stands on the object; None where that is not all there is to it."""
    kind = type(value)
    if isinstance(value, _CONTAINERS) or _pickles_itself(kind):
        return None
    names = [field.name for field in dataclasses.fields(value)]
    if not all(hasattr(value, name) for name in names):
        return None
    fields = {name: getattr(value, name) for name in names}
    return {**fields, **getattr(value, "__dict__", {})}


def build(record: Record) -> Any:
    """The object of a record, as it was when it was stored: no constructor runs."""
    if record.kind == "tuple":
        return tuple(record.fields.values())
    if record.kind == "sequence":
        return _sequence(record)
    kind = find_type(record.type)
    if record.kind == "namedtuple":
        return kind._make(record.fields.values())
    if record.kind == "pydantic":
        return kind.model_construct(**record.fields)
    value = object.__new__(kind)
    for name, field in record.fields.items():
        object.__setattr__(value, name, field)
    return value


def _pickles_itself(kind: type) -> bool:
    """Whether a class has its own say in how it is stored; what `slots=True` adds is nobody's say."""
    own = [getattr(kind, name, None) for name in ("__getstate__", "__reduce__", "__reduce_ex__")]
    plain = {getattr(object, name, None) for name in ("__getstate__", "__reduce__", "__reduce_ex__")}
    return any(found not in plain and getattr(found, "__module__", "") != "dataclasses" for found in own)


def sequence_record(kind: str, items: list[Any], **details: Any) -> Record:
    """A range or a one-dimensional array that a loop iterates: the launcher reads its items."""
    return Record(kind, "sequence", {**details, "items": items})


def _sequence(record: Record) -> Any:
    if record.type == "builtins:range":
        return range(*record.fields["range"])
    import numpy as np

    return np.array(record.fields["items"], dtype=record.fields["dtype"])


def enum_member(value: Enum) -> EnumMember | None:
    """The member by name; None for a combination of flags or a class that cannot be found."""
    kind = type(value)
    name = type_name(kind) if kind.__members__.get(str(value.name)) is value else ""
    return EnumMember(name, value.name, value.value) if name else None


def build_enum(member: EnumMember) -> Any:
    return find_type(member.type)[member.name]
