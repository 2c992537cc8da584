"""Every expression of a file with its role: whose it is, what may be read there, and where it stands.

Parses each once; text that is no expression becomes a diagnostic at its exact
column. Decides nothing else: what a reference means is the rules' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions import ROOTS, Expression, ExpressionError, Reference, Template, parse, parse_template
from yamlflow.schema.diagnostics import Diagnostic, Span
from yamlflow.schema.nodes import Scalar
from yamlflow.schema.scopes.places import HOOKS, Place, Unit
from yamlflow.schema.spans import Path as Keys
from yamlflow.schema.spans import Text


class Role(StrEnum):
    """What an expression is for."""

    INPUT = "inputs"
    ARGUMENT = "with"
    WHEN = "when"
    FOREACH = "foreach"
    WHERE = "where"
    KEY = "key"
    OUTPUT = "outputs"
    START = "start"
    UNTIL = "until"
    CACHE_KEY = "cache"
    COMMAND = "command"
    ENVIRONMENT = "env"
    PLACE = "place"
    STATIC = "static"
    SCHEDULE = "schedule"


_VALUES = frozenset({"params", "steps", "each", "run", "env"})
ROOTS_OF: Mapping[Role, frozenset[str]] = {
    **dict.fromkeys(Role, _VALUES),
    Role.CACHE_KEY: _VALUES | {"inputs"},
    Role.COMMAND: _VALUES | {"inputs"},
    Role.PLACE: _VALUES | {"inputs"},
    Role.ENVIRONMENT: _VALUES | {"inputs"},
    Role.STATIC: frozenset({"params"}),
    Role.SCHEDULE: frozenset({"params", "run", "env"}),
}

_BY_KEY: Mapping[str, Role] = {
    "inputs": Role.INPUT,
    "with": Role.ARGUMENT,
    "when": Role.WHEN,
    "foreach": Role.FOREACH,
    "where": Role.WHERE,
    "key": Role.KEY,
    "cache": Role.CACHE_KEY,
    "command": Role.COMMAND,
    "env": Role.ENVIRONMENT,
}
_BARE = re.compile(r"\s*[A-Za-z_][\w-]*\s*")


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One expression. `offset` is where it begins in the scalar's value; `name` the argument, axis or output it gives.

    `whole`: the value of `name` is exactly this expression, not a part of a
    structure or of a longer text. `place` is None at the top of a file.
    """

    unit: Unit
    place: Place | None
    role: Role
    name: str
    path: Keys
    scalar: Scalar
    offset: int
    expression: Expression
    whole: bool

    def span(self, start: int, end: int) -> Span:
        """Where characters [start, end) of the expression stand."""
        return self.unit.inside(self.scalar, start + self.offset, end + self.offset)

    def at(self, reference: Reference) -> Span:
        return self.span(reference.start, reference.end)

    def find(self, name: str) -> Place | None:
        """What `steps.name` means here."""
        if self.place is None:
            return self.unit.steps.get(name)
        if self.role in (Role.OUTPUT, Role.UNTIL):
            return self.place.find_inside(name)
        return self.place.find(name)

    def visible(self) -> list[str]:
        """The step names that can be read here."""
        if self.place is None:
            return list(self.unit.steps)
        inside = list(self.place.children) if self.role in (Role.OUTPUT, Role.UNTIL) else []
        return [*inside, *(name for name in self.place.visible() if name != self.place.name)]


def find_sites(unit: Unit) -> tuple[list[Site], list[Diagnostic]]:
    """All expressions of one file in file order, and those that are none."""
    places = {place.path: place for place in unit.own_places()}
    sites: list[Site] = []
    found: list[Diagnostic] = []
    for text in unit.spans.texts:
        place, rest = _owner(places, text.path)
        role = _role(place, rest, text)
        try:
            sites.extend(_sites(unit, place, role, rest, text))
        except ExpressionError as error:
            found.append(_refused(unit, place, role, text, error))
    return sites, found


def _owner(places: Mapping[Keys, Place], path: Keys) -> tuple[Place | None, Keys]:
    """The innermost step a path lies in, and the rest of the path."""
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]], path[length:]
    return None, path


def _role(place: Place | None, rest: Keys, text: Text) -> Role | None:
    """None for what is only inherited by steps (`defaults`) and looked at there."""
    head = rest[0] if rest else ""
    if place is None:
        if head in ("defaults", "executors", *HOOKS):
            return None
        return Role.OUTPUT if head == "outputs" else Role.SCHEDULE
    if head == "repeat":
        return Role.UNTIL if rest[1] == "until" else Role.START
    if head == "outputs":
        return Role.OUTPUT if text.language == "expression" else Role.PLACE
    if head == "foreach" and text.language == "template":
        return Role.STATIC
    return _BY_KEY.get(str(head), Role.STATIC)


def _sites(unit: Unit, place: Place | None, role: Role | None, rest: Keys, text: Text) -> Iterator[Site]:
    roots = ROOTS_OF[role] if role is not None else ROOTS
    if text.language == "expression":
        expression = parse(text.text, roots)
        if role is not None:
            yield Site(unit, place, role, _name(rest, role), text.path, text.scalar, 0, expression, _is_direct(rest))
        return
    template = parse_template(text.text, roots)
    if role is None or not isinstance(template, Template):
        return
    for hole in template.holes:
        direct = template.whole is not None and _is_direct(rest)
        yield Site(unit, place, role, _name(rest, role), text.path, text.scalar, hole.inside, hole.expression, direct)


def _name(rest: Keys, role: Role) -> str:
    """The argument, loop variable or output that a text belongs to."""
    keys = [part for part in rest[1:] if part not in ("zip", "start", "until")]
    if role is Role.FOREACH and not keys:
        return "item"
    return str(keys[0]) if keys else ""


def _is_direct(rest: Keys) -> bool:
    return len([part for part in rest[1:] if part not in ("zip", "start")]) <= 1


# ------------------------------------------------------------ text that is no expression


def _refused(unit: Unit, place: Place | None, role: Role | None, text: Text, error: ExpressionError) -> Diagnostic:
    span = unit.inside(text.scalar, error.start, max(error.end, error.start + 1))
    hint = error.hint
    bare = _BARE.fullmatch(text.text) is not None and text.language == "expression"
    if error.code == "unknown-name" or bare:
        hint = _bare_hint(unit, place, role, text.text.strip() if bare else _slice(text, error)) or hint
        word = text.text.strip()
        if role is Role.INPUT and bare and hint is error.hint and word not in ROOTS:
            message = f"`{word}` is no name that can be read here"
            return Diagnostic("unknown-name", message, span, help=f"is this the literal '{word}'? put it under `with`")
    if role is Role.STATIC and error.code == "unknown-name" and hint == error.hint:
        hint = "only parameters are known before the run"
    return Diagnostic(error.code, error.message, span, help=hint)


def _slice(text: Text, error: ExpressionError) -> str:
    return text.text[error.start : error.end].strip()


def _bare_hint(unit: Unit, place: Place | None, role: Role | None, word: str) -> str | None:
    """A name without its root: `deploy` for `params.deploy`."""
    roots = ROOTS_OF[role] if role is not None else ROOTS
    if "params" in roots and word in unit.model.params:
        return f"did you mean `params.{word}`?"
    if "steps" in roots and place is not None and (place.find(word) or place.children.get(word)):
        return f"did you mean `steps.{word}`?"
    if "each" in roots and place is not None and any(word in variables(one) for one in place.lineage()):
        return f"did you mean `each.{word}`?"
    return None


def variables(place: Place) -> list[str]:
    """The names that a step's own loop and rounds bind."""
    names: list[str] = []
    if place.step.foreach is not None:
        names += [name for axis in place.step.foreach.axes for name in axis.names]
    if place.step.repeat is not None:
        names += list(place.step.repeat.start)
    return names
