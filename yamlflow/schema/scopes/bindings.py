"""What a used file gets from the step that uses it: its parameters, from `inputs`, `with` and its own defaults.

A parameter is known before the run when its text reads nothing but parameters
that are known; the rest is known when the step's inputs are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from yamlflow.core.expressions import ExpressionError, NeedsWorkerError, Values, evaluate
from yamlflow.schema.diagnostics import Diagnostic, Note
from yamlflow.schema.files.holes import fill_tree
from yamlflow.schema.files.parameters import convert, defaults
from yamlflow.schema.model import Param, Refused
from yamlflow.schema.scopes.places import Place, Unit
from yamlflow.schema.scopes.sites import Role, Site
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spelling import suggest


def bind(view: View) -> Iterator[Diagnostic]:
    """Fills `values` of every used file from what its step gives it, outermost first; says what is wrong."""
    for place in view.places:
        if place.inner is not None:
            yield from _bind(view, place, place.inner)


def _bind(view: View, place: Place, inner: Unit) -> Iterator[Diagnostic]:
    params = inner.model.params
    given = [("inputs", name) for name in place.step.inputs] + [("with", name) for name in place.step.with_]
    for key, name in given:
        if name not in params:
            yield _unknown(place, inner, key, name)
    names = {name for _, name in given}
    for name, param in params.items():
        if param.must_be_given and name not in names:
            said = f"`{place.step.uses}` needs a value for its parameter `{name}`"
            note = Note(f"`{name}` is declared here", inner.key("params", name))
            yield Diagnostic(
                "missing-argument",
                said,
                place.key("uses"),
                notes=(note,),
                help=f"add `{name}` under `inputs` or `with`",
            )
    values = {name: value for name, value in defaults(inner.model, inner.folder).items() if name not in names}
    for key, name in given:
        if name in params:
            yield from _value(view, place, inner, key, name, params[name], values)
    inner.values = values


def _value(
    view: View, place: Place, inner: Unit, key: str, name: str, param: Param, values: dict[str, Any]
) -> Iterator[Diagnostic]:
    known, value = _known(view, place, key, name)
    if not known:
        return
    try:
        values[name] = convert(param, value, place.unit.folder)
    except Refused as refused:
        said = f"the parameter `{name}` of `{place.step.uses}`: {refused.message}"
        note = Note(f"`{name}` is declared here", inner.key("params", name))
        yield Diagnostic("bad-parameter", said, place.value(key, name), notes=(note,), help=refused.hint)


def _known(view: View, place: Place, key: str, name: str) -> tuple[bool, Any]:
    """The value an argument has before the run, if it has one."""
    role = Role.INPUT if key == "inputs" else Role.ARGUMENT
    sites = [site for site in view.of(place) if site.role is role and site.name == name]
    if not all(_is_static(site, place.unit) for site in sites):
        return False, None
    values = place.unit.values
    try:
        if key == "with":
            return True, fill_tree(place.step.with_[name], values)
        tree = place.step.inputs[name]
        if isinstance(tree, str):
            return (True, evaluate(sites[0].expression, Values({"params": dict(values)}))) if sites else (False, None)
    except (ExpressionError, NeedsWorkerError):
        return False, None
    return (True, tree) if not isinstance(tree, dict | list) else (False, None)


def _is_static(site: Site, unit: Unit) -> bool:
    return all(
        reference.root == "params" and bool(reference.path) and reference.path[0] in unit.values
        for reference in site.expression.references
    )


def _unknown(place: Place, inner: Unit, key: str, name: str) -> Diagnostic:
    near = suggest(name, inner.model.params)
    listed = ", ".join(f"`{known}`" for known in inner.model.params)
    hint = f"did you mean `{near}`?" if near else (f"its parameters are {listed}" if listed else "it has no `params`")
    said = f"`{place.step.uses}` has no parameter `{name}`"
    note = Note("its parameters stand here", inner.key("params"))
    return Diagnostic("unknown-argument", said, place.key(key, name), notes=(note,) if listed else (), help=hint)
