"""Typed keys whose value is `${{ params.x }}`: the parameter exists, and gives what the key wants."""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.core.expressions import ExpressionError, Reference, parse
from yamlflow.schema.diagnostics import Diagnostic, Note, Span
from yamlflow.schema.files.holes import ROOTS, Found, fill, find_holes
from yamlflow.schema.model import Refused
from yamlflow.schema.nodes import Scalar
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spans import Path as Keys
from yamlflow.schema.spelling import suggest

INSIDE = frozenset({"steps"})


def check_holes(view: View) -> Iterator[Diagnostic]:
    for place in view.places:
        wrong = [found for hole in find_holes(place.step, skip=INSIDE) for found in _check(place, hole)]
        yield from wrong
        if not wrong:
            yield from _check_values(place)


def _check(place: Place, found: Found) -> Iterator[Diagnostic]:
    """The expression reads parameters of this file, and nothing else."""
    try:
        references = parse(found.hole.expression, ROOTS).references
    except ExpressionError as error:
        hint = "only parameters are known before the run" if error.code == "unknown-name" else error.hint
        yield Diagnostic(error.code, error.message, _span(place, found, error.start, error.end), help=hint)
        return
    for reference in references:
        if reference.path and reference.path[0] not in place.unit.model.params:
            yield _unknown(place, found, reference)


def _unknown(place: Place, found: Found, reference: Reference) -> Diagnostic:
    name = str(reference.path[0])
    near = suggest(name, place.unit.model.params)
    hint = f"did you mean `params.{near}`?" if near else f"declare it: `params: {{{name}: …}}`"
    span = _span(place, found, reference.start, reference.end)
    return Diagnostic("unknown-parameter", f"there is no parameter `{name}`", span, help=hint)


def _span(place: Place, found: Found, start: int, end: int) -> Span:
    node = place.unit.spans.node((*place.path, *found.path))
    if isinstance(node, Scalar):
        before = len(str(node.value)) - len(str(node.value).lstrip()) + found.offset
        return place.unit.inside(node, before + start, before + max(end, start + 1))
    return place.value(*found.path)


def _check_values(place: Place) -> Iterator[Diagnostic]:
    """The value that is known now fits the key."""
    found = list(find_holes(place.step, skip=INSIDE))
    known = all(_is_known(place, hole) for hole in found)
    if not found or not known:
        yield from (
            _too_late(place, hole) for hole in found if not _is_known(place, hole) and _never_known(place, hole)
        )
        return
    problems: list[tuple[Keys, Refused]] = []
    fill(place.step, place.unit.values, problems)
    for path, refused in problems:
        name = next(str(part) for part in reversed(path) if isinstance(part, str))
        said = refused.message or f"`{name}` cannot have this value"
        code = refused.code or "bad-value"
        notes = (_declared(place, found, path),)
        yield Diagnostic(code, said, place.value(*path), notes=tuple(note for note in notes if note), help=refused.hint)


def _declared(place: Place, holes: list[Found], path: Keys) -> Note | None:
    hole = next((found for found in holes if found.path == path), None)
    if hole is None:
        return None
    names = [str(one.path[0]) for one in parse(hole.hole.expression, ROOTS).references if one.path]
    return Note(f"`{names[0]}` is declared here", place.unit.key("params", names[0])) if names else None


def _is_known(place: Place, found: Found) -> bool:
    names = [one.path[0] for one in parse(found.hole.expression, ROOTS).references if one.path]
    return all(name in place.unit.values for name in names)


def _never_known(place: Place, found: Found) -> bool:
    """Whether the parameter belongs to a used file and is worked out during the run."""
    owner = place.unit.owner
    if owner is None:
        return False
    names = [str(one.path[0]) for one in parse(found.hole.expression, ROOTS).references if one.path]
    given = {*owner.step.inputs, *owner.step.with_}
    return any(name in given and name not in place.unit.values for name in names)


def _too_late(place: Place, found: Found) -> Diagnostic:
    said = f"`{found.path[-1]}` must be known before the run, and `{found.hole.expression}` comes from a step"
    owner = place.unit.owner
    note = Note(f"`{owner.name}` gives it", owner.key("inputs")) if owner is not None else None
    span = place.value(*found.path)
    return Diagnostic(
        "known-too-late", said, span, notes=(note,) if note else (), help="give it a value or a parameter"
    )
