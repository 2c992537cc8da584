"""Text that stands where an expression was meant, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from yamlflow.core.expressions import Reference, looks_like_expression
from yamlflow.schema.diagnostics import Diagnostic, Severity
from yamlflow.schema.rules.names import RUN_FIELDS
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import variables
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spans import Text


def check_literals(view: View) -> Iterator[Diagnostic]:
    """A string under `with` that reads like an expression is probably one."""
    for unit in view.unit.units():
        places = {place.path: place for place in unit.own_places()}
        for text in unit.spans.texts:
            if text.language == "template" and "with" in text.path and "${{" not in text.text:
                at = text.path.index("with")
                place = places.get(text.path[:at])
                if place is not None and looks_like_expression(text.text, partial(_is_known, place)):
                    yield _suspect(place, text, str(text.path[at + 1]))


def _is_known(place: Place, reference: Reference) -> bool:
    name = str(reference.path[0])
    match reference.root:
        case "params":
            return name in place.unit.model.params
        case "steps":
            return place.find(name) is not None
        case "each":
            return any(name in variables(one) for one in (place, *place.around()))
        case "run":
            return name in RUN_FIELDS
        case "env":
            return name in place.unit.model.env_allow
    return False


def _suspect(place: Place, text: Text, name: str) -> Diagnostic:
    said = f"`{text.text}` is text here, and looks like an expression"
    hint = f"for its value write it under `inputs`: `{name}: {text.text}`"
    return Diagnostic("text-or-expression", said, place.unit.value(*text.path), Severity.WARNING, help=hint)
