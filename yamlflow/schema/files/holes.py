"""Typed keys that wait for a parameter: `timeout: ${{ params.patience }}`.

Finds them in a record, and fills them once the parameters are known. Only
parameters may stand in such a hole: everything else is known too late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions import (
    ExpressionError,
    NeedsWorkerError,
    Template,
    Values,
    evaluate,
    parse,
    parse_template,
    render,
)
from yamlflow.schema.model import Hole, Record, Refused
from yamlflow.schema.spans import Path as Keys

Model = TypeVar("Model", bound=Record)
ROOTS = frozenset({"params"})


@dataclass(frozen=True, slots=True)
class Found:
    """A hole in a record and the keys that lead to it."""

    path: Keys
    hole: Hole

    @property
    def offset(self) -> int:
        """Where the expression begins in the scalar's text."""
        return self.hole.text.index(self.hole.expression)


def find_holes(value: object, path: Keys = (), *, skip: frozenset[str] = frozenset()) -> Iterator[Found]:
    """Every hole below a record, by the keys of the file; `skip` names fields that are not looked into."""
    match value:
        case Hole():
            yield Found(path, value)
        case Record():
            for name, info in type(value).model_fields.items():
                if name not in skip and name in value.model_fields_set:
                    yield from find_holes(getattr(value, name), (*path, info.alias or name))
        case dict():
            for key, item in value.items():
                yield from find_holes(item, (*path, key))
        case tuple():
            for at, item in enumerate(value):
                yield from find_holes(item, (*path, at))


def fill(record: Model, values: Mapping[str, Any], problems: list[tuple[Keys, Refused]]) -> Model:
    """The record with its holes filled from parameters; what does not fit is left out and noted."""
    filled = _filled(record, values, (), problems)
    assert isinstance(filled, type(record))
    return filled


def _filled(value: object, values: Mapping[str, Any], path: Keys, problems: list[tuple[Keys, Refused]]) -> object:
    match value:
        case Hole():
            return _fill_one(value, values, path, problems)
        case Record():
            return _filled_record(value, values, path, problems)
        case dict():
            return {key: _filled(item, values, (*path, key), problems) for key, item in value.items()}
        case tuple():
            return tuple(_filled(item, values, (*path, at), problems) for at, item in enumerate(value))
    return value


def _filled_record(
    record: Record, values: Mapping[str, Any], path: Keys, problems: list[tuple[Keys, Refused]]
) -> Record:
    changed: dict[str, object] = {}
    for name, info in type(record).model_fields.items():
        old = getattr(record, name)
        if name == "steps" or name not in record.model_fields_set or not _has_hole(old):
            continue
        new = _filled(old, values, (*path, info.alias or name), problems)
        changed[name] = info.get_default() if new is _LEFT_OUT else new
    return record.model_copy(update=changed) if changed else record


def _has_hole(value: object) -> bool:
    return next(find_holes(value, skip=frozenset({"steps"})), None) is not None


_LEFT_OUT = object()


def _fill_one(hole: Hole, values: Mapping[str, Any], path: Keys, problems: list[tuple[Keys, Refused]]) -> object:
    try:
        return hole.fill(evaluate(parse(hole.expression, ROOTS), Values({"params": dict(values)})))
    except Refused as refused:
        problems.append((path, refused))
    except ExpressionError as error:
        problems.append((path, Refused(error.message, code=error.code, hint=error.hint)))
    except NeedsWorkerError:
        problems.append((path, Refused("this is not known before the run")))
    return _LEFT_OUT


def fill_text(text: str, values: Mapping[str, Any]) -> Any:
    """A template over parameters alone, rendered; ExpressionError when it cannot be."""
    template = parse_template(text, ROOTS)
    return render(template, Values({"params": dict(values)})) if isinstance(template, Template) else template


def fill_tree(tree: object, values: Mapping[str, Any]) -> Any:
    """A structure whose strings are templates over parameters alone, rendered."""
    match tree:
        case str():
            return fill_text(tree, values)
        case list() | tuple():
            return [fill_tree(item, values) for item in tree]
        case dict():
            return {key: fill_tree(item, values) for key, item in tree.items()}
    return tree
