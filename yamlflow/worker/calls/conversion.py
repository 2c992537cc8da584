"""Conversions by annotation, and no others.

text -> Path, date, datetime, timedelta, Enum, Decimal; int -> float; mapping ->
dataclass, TypedDict; the same inside Optional, unions, lists, tuples and
mappings. A value that fits already, and an annotation nobody here understands,
are left alone: calling decides.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, Union

UNIONS: tuple[object, ...] = (Union, types.UnionType)
LISTS = (list, tuple, set, frozenset, abc.Sequence, abc.Iterable, abc.Collection, abc.Set)
MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class ConversionError(TypeError):
    """A value that its parameter's annotation cannot be made of."""

    def __init__(self, place: str, value: object, wanted: object) -> None:
        shown = repr(value)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        super().__init__(f"{place}: cannot make {getattr(wanted, '__name__', wanted)} of {shown}")


def convert(value: Any, annotation: Any, place: str) -> Any:
    """The value as its annotation wants it. Raises ConversionError, naming the place."""
    if annotation is None or annotation is Any or value is None:
        return value
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return convert(value, typing.get_args(annotation)[0], place)
    if origin in UNIONS:
        return _to_member(value, typing.get_args(annotation), place)
    if origin is not None:
        return _to_container(value, origin, typing.get_args(annotation), place)
    return _to_type(value, annotation, place) if isinstance(annotation, type) else value


def _to_member(value: Any, members: tuple[Any, ...], place: str) -> Any:
    """Of a union: as it is when a member takes it, else the first member it can be made into."""
    if any(isinstance(member, type) and type(value) is member for member in members):
        return value
    for member in members:
        try:
            made = convert(value, member, place)
        except ConversionError:
            continue
        if made is not value:
            return made
    return value


def _to_container(value: Any, origin: Any, args: tuple[Any, ...], place: str) -> Any:
    if origin in MAPPINGS and isinstance(value, Mapping) and len(args) == 2:
        return {
            convert(key, args[0], place): convert(item, args[1], f"{place}[{key!r}]") for key, item in value.items()
        }
    if origin is tuple and isinstance(value, (list, tuple)):
        wanted = args[:1] * len(value) if args[1:] == (...,) else args
        return tuple(_each(value, wanted, place)) if len(wanted) == len(value) else value
    if origin in LISTS and isinstance(value, (list, tuple)) and len(args) == 1:
        made = _each(value, args * len(value), place)
        return type(value)(made) if origin not in (set, frozenset, list) else origin(made)
    return value


def _each(value: Any, annotations: tuple[Any, ...], place: str) -> list[Any]:
    pairs = zip(value, annotations, strict=True)
    return [convert(item, annotation, f"{place}[{index}]") for index, (item, annotation) in enumerate(pairs)]


def _to_type(value: Any, wanted: type, place: str) -> Any:
    if typing.is_typeddict(wanted):
        return _to_fields(value, typing.get_type_hints(wanted), dict, place) if type(value) is dict else value
    if isinstance(value, wanted) and not (wanted is date and isinstance(value, datetime)):
        return value
    try:
        return _made(value, wanted, place)
    except (ValueError, KeyError, InvalidOperation) as error:
        raise ConversionError(place, value, wanted) from error


def _made(value: Any, wanted: type, place: str) -> Any:
    if wanted is float and type(value) is int:
        return float(value)
    if issubclass(wanted, Enum):
        return _to_enum(value, wanted)
    if dataclasses.is_dataclass(wanted) and isinstance(value, Mapping):
        return _to_dataclass(value, wanted, place)
    if isinstance(value, str) and wanted in _FROM_TEXT:
        return _FROM_TEXT[wanted](value)
    if isinstance(value, (int, float)) and wanted is timedelta and not isinstance(value, bool):
        return timedelta(seconds=value)
    if isinstance(value, PurePath) and wanted is str:
        return str(value)
    return value


def _to_enum(value: Any, wanted: type[Enum]) -> Enum:
    """By value, as Python does, then by name."""
    try:
        return wanted(value)
    except ValueError:
        return wanted[value] if isinstance(value, str) else wanted(value)


def _to_dataclass(value: Mapping[str, Any], wanted: Any, place: str) -> Any:
    hints = typing.get_type_hints(wanted)
    try:
        return _to_fields(value, hints, wanted, place)
    except TypeError as error:
        if isinstance(error, ConversionError):
            raise
        raise ConversionError(place, dict(value), wanted) from error


def _to_fields(value: Mapping[str, Any], hints: Mapping[str, Any], make: Callable[..., Any], place: str) -> Any:
    return make(**{name: convert(item, hints.get(name), f"{place}.{name}") for name, item in value.items()})


def duration(text: str) -> timedelta:
    """`1h30m`, `250ms`, `90` seconds. Raises ValueError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])", text)
    if parts and "".join(number + unit for number, unit in parts) == text.replace(" ", ""):
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    return timedelta(seconds=float(text))


_FROM_TEXT: dict[type, Callable[[str], Any]] = {
    Path: Path,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    timedelta: duration,
    Decimal: Decimal,
}
