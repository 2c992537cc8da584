"""A mapping with known keys as a frozen value, and how its annotations are read.

`layout` says, for a record type, which keys it has and what shape each value
must have; plain annotations (`bool`, `str`, `dict[K, V]`, a Record) need no
mark. Validators of pydantic are never built here: `decode` makes the values.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, ClassVar, Self, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.model.kinds import BOOLEAN, FRACTION, TEXT, WHOLE
from yamlflow.schema.model.shapes import Choice, Hole, Kind, Listed, Mapped, Recorded, Shape, Tagged, Tree


@dataclass(frozen=True, slots=True, eq=False)
class Also:
    """In an annotation: this shape is accepted beside the type's own."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Rest:
    """In an annotation: this field takes every key that is not another field's, as one mapping."""


@dataclass(frozen=True, slots=True)
class AtLeast:
    """In an annotation: a mapping or list has no fewer entries than this."""

    count: int


@dataclass(frozen=True, slots=True)
class Hidden:
    """In an annotation: this field is worked out, it is no key of the file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong between the keys of one record. `at` is the key to point to, `other` a second place."""

    code: str
    message: str
    at: str | tuple[str | int, ...] | None = None
    hint: str | None = None
    other: str | tuple[str | int, ...] | None = None
    on_key: bool = True


class Record(BaseModel):
    """A mapping with known keys, as a frozen value: the base of every model here.

    The fields hold parsed values (seconds, bytes), not text. A field that was
    written is in `model_fields_set`, also when it was written as null.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, arbitrary_types_allowed=True, populate_by_name=True
    )
    wanted: ClassVar[str] = "a mapping"  # in "expected …", with an example
    misplaced: ClassVar[Mapping[str, str]] = {}  # key that does not belong here → what to do, as help

    @classmethod
    def build(cls, values: dict[str, object], _keys: Sequence[str]) -> Self:
        """The record of read values, by field name; `_keys` are the keys as written, in order."""
        return cast("Self", cls.model_construct(_fields_set=set(values), **values))

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """Only what was written: a step has some forty fields."""
        return ((name, getattr(self, name)) for name in type(self).model_fields if name in self.model_fields_set)

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        """What is wrong between keys. `given` names the keys that were written, also the refused ones."""
        del given
        yield from ()


@dataclass(frozen=True, slots=True)
class Slot:
    """One key of a record: the model's field behind it and its shape."""

    key: str
    field: str
    shape: Shape
    nullable: bool
    required: bool
    info: FieldInfo


@dataclass(frozen=True, slots=True)
class Layout:
    """The keys of a record, and the field that takes the rest."""

    slots: Mapping[str, Slot]
    rest: Slot | None


@cache
def layout(record: type[Record]) -> Layout:
    """The keys of a record in the order they are declared."""
    slots: dict[str, Slot] = {}
    rest: Slot | None = None
    for name, info in record.model_fields.items():
        marks = list(info.metadata)
        if any(isinstance(mark, Hidden) for mark in marks):
            continue
        shape, nullable = shape_of(info.annotation, tuple(marks))
        shape = _with_example(shape, info.examples or [])
        slot = Slot(info.alias or name, name, shape, nullable, info.is_required(), info)
        if any(isinstance(mark, Rest) for mark in marks):
            rest = slot
        else:
            slots[slot.key] = slot
    return Layout(slots, rest)


def _with_example(shape: Shape, examples: Sequence[object]) -> Shape:
    """A list or mapping that is asked for by an example of its key."""
    match shape:
        case Choice():
            return _joined([_with_example(part, examples) for part in _parts(shape)])
        case Listed(wanted="a list") | Mapped(wanted="a mapping"):
            kind = list if isinstance(shape, Listed) else dict
            example = next((_flow(one) for one in examples if isinstance(one, kind)), "")
            return replace(shape, wanted=f"{shape.wanted} such as `{example}`") if 0 < len(example) <= 60 else shape
    return shape


def _flow(value: object) -> str:
    """An example as one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    plain_text = isinstance(value, str) and value.replace("_", "").replace(".", "").isalpha()
    if isinstance(value, str) and (not plain_text or value in ("true", "false", "null")):
        return f'"{value}"'
    return {"True": "true", "False": "false", "None": "null"}.get(str(value), str(value))


def shape_of(annotation: Any, marks: tuple[object, ...] = ()) -> tuple[Shape, bool]:
    """The shape of a type annotation, and whether None is one of its values."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return shape_of(inner, (*more, *marks))
    members, nullable = _members(annotation)
    if len(members) == 1 and members[0] is not annotation:
        shape, inner_nullable = shape_of(members[0], marks)
        return shape, nullable or inner_nullable
    shapes: list[Shape] = [mark for mark in marks if isinstance(mark, _SHAPES)]
    shapes = shapes or [_plain(annotation)] if len(members) == 1 else shapes or [shape_of(one)[0] for one in members]
    for mark in marks:
        if isinstance(mark, AtLeast):
            shapes = [replace(one, at_least=mark.count) if isinstance(one, Listed | Mapped) else one for one in shapes]
    shapes += [mark.shape for mark in marks if isinstance(mark, Also)]
    return _joined(shapes), nullable


def _members(annotation: Any) -> tuple[list[Any], bool]:
    """The types of a union, without None and Hole, and whether None was among them."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return [annotation], False
    given = get_args(annotation)
    return [one for one in given if one not in (type(None), Hole)], type(None) in given


def _plain(annotation: Any) -> Shape:
    """The shape of a type without a mark."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _LEAVES:
        return _LEAVES[annotation]
    if origin is tuple:
        return Listed(shape_of(inner[0])[0])
    if origin is dict:
        key = shape_of(inner[0])[0]
        assert isinstance(key, Kind)
        return Mapped(key, shape_of(inner[1])[0])
    assert isinstance(annotation, type) and issubclass(annotation, Record), annotation
    return Recorded(annotation, annotation.wanted)


_LEAVES: dict[Any, Shape] = {bool: BOOLEAN, int: WHOLE, float: FRACTION, str: TEXT}
_SHAPES = (Kind, Tree, Listed, Mapped, Tagged, Choice)


def _joined(shapes: list[Shape]) -> Shape:
    if len(shapes) == 1:
        return shapes[0]
    flat = [part for shape in shapes for part in _parts(shape)]
    choice = Choice(
        next((one for one in flat if isinstance(one, Kind)), None),
        next((one for one in flat if isinstance(one, Listed)), None),
        next((one for one in flat if isinstance(one, Mapped | Recorded | Tagged)), None),
    )
    assert len(_parts(choice)) == len(flat), f"two shapes of one JSON type: {flat}"
    return choice


def _parts(shape: Shape) -> tuple[Shape, ...]:
    if not isinstance(shape, Choice):
        return (shape,)
    return tuple(part for part in (shape.scalar, shape.listed, shape.mapped) if part is not None)
