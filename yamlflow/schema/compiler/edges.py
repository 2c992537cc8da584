"""What a step waits for: an edge for each step it reads or needs.

A group has edges of its own for its own keys; its steps have theirs to what
they read outside. An element-wise edge means: item i waits for item i.
"""

from __future__ import annotations

from collections.abc import Iterable

from yamlflow.core.expressions import parse
from yamlflow.core.expressions.references import static_reference
from yamlflow.core.graph import Edge, EdgeKind
from yamlflow.schema.scopes.nullability import is_provided_for, takes_none
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role
from yamlflow.schema.scopes.view import Reading, View

_AFTERWARDS = frozenset({Role.OUTPUT, Role.UNTIL})


def find_edges(view: View, place: Place) -> tuple[Edge, ...]:
    """The edges of one node: those with a value in the order of the file, then those of `needs`."""
    source = elementwise_source(view, place)
    plain: dict[str, bool] = {}
    elementwise: list[Edge] = []
    for reading in view.reads(place):
        if reading.holder is None:
            continue
        if reading.source is source and reading.site.role is Role.FOREACH:
            elementwise.append(Edge(source.id, EdgeKind.ELEMENTWISE, _items_may_be_none(view, place)))
        else:
            plain[reading.source.id] = plain.get(reading.source.id, True) and _takes_none(view, reading)
    needed = [one for name in place.step.needs if (one := place.find(name)) is not None and one.hook == place.hook]
    ordered = [one.id for one in needed if one.id not in plain]
    return (
        *elementwise,
        *(Edge(key, EdgeKind.PLAIN, none) for key, none in plain.items()),
        *(Edge(key, EdgeKind.ORDER) for key in dict.fromkeys(ordered)),
    )


def _takes_none(view: View, reading: Reading) -> bool:
    return reading.site.role in _AFTERWARDS or is_provided_for(view, reading) is True


def elementwise_source(view: View, place: Place) -> Place | None:
    """The looped step whose items are, one by one, the items of this loop."""
    foreach = place.step.foreach
    if foreach is None or place.step.where is not None or len(foreach.axes) != 1 or len(foreach.axes[0].names) != 1:
        return None
    (text,) = foreach.axes[0].names.values()
    reference = static_reference(parse(text).tree) if isinstance(text, str) else None
    if reference is None or reference.root != "steps" or not all(isinstance(part, str) for part in reference.path):
        return None
    for reading in view.reads(place):
        if reading.site.role is Role.FOREACH:
            fits = (
                reading.source.step.foreach is not None and reading.rest[:1] != ("each",) and reading.holder is not None
            )
            return reading.source if fits else None
    return None


def _items_may_be_none(view: View, place: Place) -> bool:
    """Whether every reader of the loop variable copes with an item that was skipped."""
    assert place.step.foreach is not None
    (name,) = place.step.foreach.axes[0].names
    uses = [
        reference.guarded or (reference.path == (name,) and takes_none(view, site) is True)
        for inside in place.below()
        if inside.unit is place.unit
        for site in view.of(inside)
        for reference in site.expression.references
        if reference.root == "each" and reference.path[:1] in ((name,), ())
    ]
    return bool(uses) and all(uses)


def iterated_fields(readings: Iterable[Reading]) -> dict[str, set[str]]:
    """For each step that makes a list which some loop goes over: the fields ("" the whole value)."""
    found: dict[str, set[str]] = {}
    for reading in readings:
        reference = static_reference(reading.site.expression.tree)
        if reading.site.role is Role.FOREACH and reference is not None and reference == reading.reference:
            _trace(reading.source, reading.rest, found)
    return found


def _trace(source: Place, rest: tuple[str | int, ...], found: dict[str, set[str]]) -> None:
    """Follows a group's outputs to the step that makes the value."""
    if (
        source.step.foreach is not None
        or not all(isinstance(part, str) for part in rest)
        or len(rest) > 1 + source.is_group
    ):
        return
    if not source.is_group:
        found.setdefault(source.id, set()).add(str(rest[0]) if rest else "")
        return
    outputs = source.inner.model.outputs if source.inner is not None else source.step.output_expressions
    text = outputs.get(str(rest[0])) if rest else None
    reference = static_reference(parse(text).tree) if isinstance(text, str) else None
    if reference is None or reference.root != "steps" or not reference.path:
        return
    inner = source.contents().get(str(reference.path[0]))
    if inner is not None:
        _trace(inner, (*reference.path[1:], *rest[1:]), found)
