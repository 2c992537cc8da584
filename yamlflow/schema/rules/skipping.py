"""Values that may not be there: what reads a step that `when` can skip must say what then.

A step is possibly skipped when it has a `when` of its own (not one per item),
or when it only runs after a failure. A reader is safe with `coalesce(...)`, a
parameter that takes None, the same condition, or a policy that runs anyway.
"""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.schema.diagnostics import Diagnostic, Note
from yamlflow.schema.scopes.nullability import is_provided_for, may_be_skipped
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role
from yamlflow.schema.scopes.view import Reading, View

_ASKS = frozenset({Role.OUTPUT})


def check_skipped(view: View) -> Iterator[Diagnostic]:
    """Nothing reads a possibly skipped value as if it were certain."""
    for reading in view.readings:
        if reading.site.place is None or reading.site.role in _ASKS or reading.holder is reading.source:
            continue
        if may_be_skipped(reading.source) and is_provided_for(view, reading) is False:
            yield _unsafe(reading)


def _unsafe(reading: Reading) -> Diagnostic:
    source, site, place = reading.source, reading.site, reading.site.place
    assert place is not None
    said = f"`steps.{source.name}` may be skipped, and then has no value"
    notes = (Note(_reason(source), source.value("when") if source.step.when else source.key("needs_policy")),)
    hints = [f"write `coalesce({reading.reference}, …)`"]
    if site.role is Role.INPUT and site.whole and place.step.run is not None:
        hints.append(f"annotate `{site.name}` as `… | None`")
    if source.step.when is not None:
        hints.append("or give this step the same `when`")
    return Diagnostic("may-be-skipped", said, site.at(reading.reference), notes=notes, help=", ".join(hints))


def _reason(source: Place) -> str:
    return "it is skipped unless this is true" if source.step.when else "it is skipped unless something failed"
