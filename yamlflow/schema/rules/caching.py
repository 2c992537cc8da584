"""Caches that can never notice a change: a step that reads nothing the cache can see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yamlflow.schema.callables import Found
from yamlflow.schema.diagnostics import Diagnostic, Severity
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role
from yamlflow.schema.scopes.view import View

_READING = frozenset({Role.INPUT, Role.ARGUMENT, Role.ENVIRONMENT, Role.COMMAND})
_WORD = re.compile(r"[^\s'\"=;|&<>()$`]+")


def check_caches(view: View) -> Iterator[Diagnostic]:
    """A cached step reads something that can change, or says itself when its result is too old."""
    for place in view.places:
        cache = place.step.cache
        if place.is_group or place.hook or cache is None or not cache.enabled:
            continue
        if cache.key is None and cache.ttl is None and place.unit.file not in view.dark and not _sees(view, place):
            span = place.key("cache") if place.written("cache") else place.key()
            said = f"`{place.name}` reads nothing that the cache can see: it will run once and never again"
            hint = "give it a `ttl` or a `key`: `cache: {ttl: 1d}`; or write `cache: false`"
            yield Diagnostic("cache-blind-source", said, span, Severity.WARNING, help=hint)


def _sees(view: View, place: Place) -> bool:
    """Whether its key is made of anything beside code and texts: data, loop variables, other values, files.

    Texts alone are what sources have: an address, a query, a name.
    """
    if any(one.step.foreach is not None or one.step.repeat is not None for one in place.lineage()):
        return True
    if any(site.role in _READING and site.expression.references for site in view.of(place)):
        return True
    given = [*place.step.with_.values(), *place.step.inputs.values()]
    if any(value is not None and not isinstance(value, str) for value in given):
        return True
    return _calls_host(view, place) or _names_files(view, place)


def _calls_host(view: View, place: Place) -> bool:
    """`file("x.csv")` reads nothing by name, and its content counts."""
    return any(
        site.role in _READING and re.search(r"\bfiles?\s*\(", site.expression.text) is not None
        for site in view.of(place)
    )


def _names_files(view: View, place: Place) -> bool:
    """A word of a command that is a file beside the pipeline, or an argument that is a path."""
    step = place.step
    words = list(step.command[1:]) if step.command else _WORD.findall(step.sh or "")
    if any(not word.endswith(".py") and (place.unit.folder / word).is_file() for word in words):
        return True
    found = view.callable(place)
    signature = found.signature if isinstance(found, Found) else None
    paths = [one.name for one in (signature.parameters if signature is not None else ()) if "Path" in one.annotation]
    return any(isinstance(step.with_.get(name), str) for name in paths)
