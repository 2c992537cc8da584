"""Parameters that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.core.expressions import ExpressionError, parse
from yamlflow.schema.diagnostics import Diagnostic, Severity
from yamlflow.schema.files.holes import find_holes
from yamlflow.schema.scopes.places import Unit
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spelling import suggest


def check_parameters(view: View) -> Iterator[Diagnostic]:
    """Every parameter of every file is read somewhere in it."""
    for unit in {one.file: one for one in view.unit.units()}.values():
        read = _read(view, unit)
        if read is None:
            continue
        for name in unit.model.params:
            if name not in read and not unit.spans.refused(("params", name)):
                span = unit.key("params", name)
                yield Diagnostic("unused-parameter", f"nothing reads the parameter `{name}`", span, Severity.WARNING)


def _read(view: View, unit: Unit) -> set[str] | None:
    """The parameters that are read; None when one of the texts cannot be read, or reads all of them."""
    if (
        unit.file in view.dark
        or unit.spans.refused(())
        or any("${{" in (one.step.sh or "") for one in unit.own_places())
    ):
        return None
    names: set[str] = set()
    for site in view.sites:
        if site.unit.file == unit.file:
            for reference in site.expression.references:
                if reference.root == "params":
                    if not reference.path:
                        return None
                    names.add(str(reference.path[0]))
    for place in unit.own_places():
        for found in find_holes(place.step, skip=frozenset({"steps"})):
            try:
                references = parse(found.hole.expression).references
            except ExpressionError:
                return None
            names.update(str(one.path[0]) for one in references if one.root == "params" and one.path)
    return names | {near for name in names - set(unit.model.params) if (near := suggest(name, unit.model.params))}
