"""Rounds: what a repeated group starts with comes back from each round, and something ends it."""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.schema.diagnostics import Diagnostic, Note
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spelling import suggest


def check_rounds(view: View) -> Iterator[Diagnostic]:
    for place in view.places:
        if place.step.repeat is not None and place.step.steps is not None:
            yield from _check_start(place)
            yield from _check_until(view, place)


def _check_start(place: Place) -> Iterator[Diagnostic]:
    """Each name of `start` is an output, so that the next round has it."""
    assert place.step.repeat is not None
    outputs = place.step.output_expressions
    for name in place.step.repeat.start:
        if name not in outputs and not place.unit.spans.refused((*place.path, "outputs")):
            near = suggest(name, outputs)
            hint = f"did you mean `{near}`?" if near else f"add `{name}: steps.…` to the `outputs` of `{place.name}`"
            said = f"the next round has no `{name}`: it is no output of the group"
            notes = (Note("its outputs stand here", place.key("outputs")),) if outputs else ()
            yield Diagnostic("unknown-output", said, place.key("repeat", "start", name), notes=notes, help=hint)


def _check_until(view: View, place: Place) -> Iterator[Diagnostic]:
    """`until` looks at something a round changes."""
    sites = [site for site in view.of(place) if site.role is Role.UNTIL]
    for site in sites:
        changing = any(reference.root in ("steps", "each", "run") for reference in site.expression.references)
        if not changing:
            tree = site.expression.tree
            said = "no round changes this condition"
            hint = "read a step of the group: `steps.score.delta < params.tol`"
            yield Diagnostic("constant-condition", said, site.span(tree.start, tree.end), help=hint)
