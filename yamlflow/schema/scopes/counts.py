"""How many items a loop has, as far as that is known before the run."""

from __future__ import annotations

from typing import Any

from yamlflow.core.expressions import ExpressionError, NeedsWorkerError, Values, evaluate, parse
from yamlflow.schema.files.holes import fill_tree
from yamlflow.schema.scopes.places import Place

MAX_ITEMS = 10_000


def static_count(place: Place) -> int | None:
    """The number of items of a step's own loop before `where`; None when it depends on the run. 1 without a loop."""
    foreach = place.step.foreach
    if foreach is None:
        return 1
    if place.step.where is not None:
        return None
    total = 1
    for axis in foreach.axes:
        counts = [source_count(place, name) for name in axis.names]
        known = [count for count in counts if count is not None]
        if not known:
            return None
        total *= known[0]
    return total


def source_count(place: Place, name: str) -> int | None:
    """The number of items of one loop variable."""
    items = source_items(place, name)
    return len(items) if items is not None else None


def source_items(place: Place, name: str) -> Any:
    """The items of one loop variable when they are known before the run: a list or a range, else None."""
    foreach = place.step.foreach
    axis = next((one for one in foreach.axes if name in one.names), None) if foreach is not None else None
    if axis is None:
        return None
    source = axis.names[name]
    return literal_items(place, source) if isinstance(source, tuple) else evaluated_items(place, source)


def literal_items(place: Place, items: tuple[object, ...]) -> list[Any] | None:
    """A list written in the file, its holes filled; None when a parameter in one is not known."""
    try:
        filled = fill_tree(items, place.unit.values)
    except (ExpressionError, NeedsWorkerError):
        return None
    return filled if isinstance(filled, list) else None


def evaluated_items(place: Place, text: str) -> Any:
    """The items of an expression that reads nothing but known parameters."""
    try:
        expression = parse(text)
        for reference in expression.references:
            known = reference.root == "params" and reference.path and reference.path[0] in place.unit.values
            if not known:
                return None
        value = evaluate(expression, Values({"params": dict(place.unit.values)}))
    except (ExpressionError, NeedsWorkerError):
        return None
    return value if isinstance(value, list | tuple | range) else None
