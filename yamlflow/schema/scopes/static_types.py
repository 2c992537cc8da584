"""Static types of what expressions read: parameters, loop variables, joins, outputs of commands.

Certain or unknown (None), never a guess.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from pathlib import PurePath

from yamlflow.core.expressions import ExpressionError, Reference, StaticType, infer
from yamlflow.schema.model import Param, ParamType
from yamlflow.schema.scopes.counts import source_items
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role, Site

_LIST, _DICT, _INT = frozenset({"list"}), frozenset({"dict"}), frozenset({"int"})
_RUN: dict[str, StaticType] = {
    "id": frozenset({"str"}),
    "name": frozenset({"str"}),
    "date": frozenset({"date"}),
    "time": frozenset({"datetime"}),
    "attempt": _INT,
    "state": frozenset({"str"}),
}
_PLACES: dict[str, StaticType] = {
    "file": frozenset({"path"}),
    "dir": frozenset({"path"}),
    "glob": _LIST,
    "text": frozenset({"str"}),
}
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "str"),
    (datetime, "datetime"),
    (date, "date"),
    (timedelta, "duration"),
    (PurePath, "path"),
    (list, "list"),
    (dict, "dict"),
    (type(None), "none"),
)


def site_type(site: Site) -> StaticType | None:
    """The type of a whole expression; None when it is unknown, or wrong in itself (`check_types` says so)."""
    try:
        return infer(site.expression, partial(reference_type, site))
    except ExpressionError:
        return None


def reference_type(site: Site, reference: Reference) -> StaticType | None:
    """The type of one reference."""
    path = reference.path
    match reference.root:
        case "params":
            return _parameter(site, path)
        case "steps":
            return _step(site, path)
        case "each":
            return _variable(site, path)
        case "run":
            return _RUN.get(str(path[0])) if len(path) == 1 else None
        case "env":
            return frozenset({"str", "none"}) if len(path) == 1 else None
    return None


def _parameter(site: Site, path: tuple[str | int, ...]) -> StaticType | None:
    if not path:
        return _DICT
    param = site.unit.model.params.get(str(path[0]))
    if param is None or len(path) > 1 or site.unit.owner is not None:
        return None
    return parameter_type(param)


def parameter_type(param: Param) -> StaticType | None:
    """What a parameter's values are."""
    known = of_param_type(param.type)
    if known is None:
        return None
    can_be_null = (param.has_default and param.default is None) or (not param.has_default and not param.must_be_given)
    return known | {"none"} if can_be_null else known


def of_param_type(wanted: ParamType) -> StaticType | None:
    if wanted.name == "json":
        return None
    if wanted.name == "path":
        return frozenset({"path", "str"})
    return frozenset({wanted.name})


def _step(site: Site, path: tuple[str | int, ...]) -> StaticType | None:
    source = site.find(str(path[0])) if path else None
    if source is None:
        return None
    rest = path[1:]
    if source.step.foreach is not None:
        return _LIST if not any(isinstance(part, int) for part in rest) else None
    if source.step.catch is not None or source.step.when is not None:
        return None
    if source.is_group:
        return _DICT if not rest else None
    return _output(source, rest)


def _output(source: Place, rest: tuple[str | int, ...]) -> StaticType | None:
    places = source.step.output_places
    if source.step.run is not None or len(rest) != 1 or str(rest[0]) not in places:
        return None
    where, what = places[str(rest[0])].place
    if where == "stdout":
        return frozenset({"str"}) if what == "text" else None
    return _PLACES.get(where)


def _variable(site: Site, path: tuple[str | int, ...]) -> StaticType | None:
    if not path:
        return _DICT
    if path == ("index",):
        return _INT
    if len(path) != 1 or site.place is None:
        return None
    own = [] if site.role in (Role.FOREACH, Role.START) else [site.place]
    for place in (*own, *site.place.around()):
        foreach = place.step.foreach
        if place.step.repeat is not None and path[0] in place.step.repeat.start:
            return None
        if foreach is not None and any(path[0] in axis.names for axis in foreach.axes):
            items = source_items(place, str(path[0]))
            return types_of(items) if items is not None else None
    return None


def types_of(items: object) -> StaticType | None:
    """The types of a list's items."""
    if isinstance(items, range):
        return _INT
    names = {_type_of(item) for item in items} if isinstance(items, list | tuple) else {None}
    return None if None in names or not names else frozenset(name for name in names if name is not None)


def _type_of(item: object) -> str | None:
    return next((name for kind, name in _KINDS if isinstance(item, kind)), None)
