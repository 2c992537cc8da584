"""Expressions whose types cannot work, conditions that are none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from yamlflow.core.expressions import ExpressionError, describe_types, infer
from yamlflow.schema.diagnostics import Diagnostic, Span
from yamlflow.schema.scopes.sites import Role, Site
from yamlflow.schema.scopes.static_types import reference_type
from yamlflow.schema.scopes.view import View

_CONDITIONS = frozenset({Role.WHEN, Role.WHERE, Role.UNTIL})
_TEXTS = frozenset({Role.ARGUMENT, Role.ENVIRONMENT, Role.COMMAND, Role.PLACE, Role.STATIC})
_FILLS = frozenset({"str", "int", "float", "bool", "date", "datetime", "path", "duration"})


def check_types(view: View) -> Iterator[Diagnostic]:
    """No expression is certain to fail; a condition is true or false; what fills a hole in text is text."""
    for site in view.sites:
        try:
            known = infer(site.expression, partial(reference_type, site))
        except ExpressionError as error:
            yield Diagnostic(error.code, error.message, site.span(error.start, error.end), help=error.hint)
            continue
        if known is None:
            continue
        if site.role in _CONDITIONS and "bool" not in known:
            yield _no_condition(site, known)
        elif site.role in _TEXTS and not site.whole and not known & _FILLS and _fills_text(site):
            yield _no_text(site, known)


def _whole(site: Site) -> Span:
    return site.span(site.expression.tree.start, site.expression.tree.end)


def _no_condition(site: Site, known: frozenset[str]) -> Diagnostic:
    text = site.expression.text.strip()
    hints = {"int": f"`{text} > 0`", "float": f"`{text} > 0`", "str": f'`{text} != ""`', "list": f"`len({text}) > 0`"}
    hint = next((hints[name] for name in sorted(known) if name in hints), f"`{text} != null`")
    said = f"`{site.role.value}` is true or false, not {describe_types(known)}"
    return Diagnostic("not-a-condition", said, _whole(site), help=f"compare it: {hint}")


def _fills_text(site: Site) -> bool:
    """Whether the hole is a part of a text, and not the whole of an item in a structure."""
    value = str(site.scalar.value).strip()
    return not (value.startswith("${{") and value.endswith("}}") and value.count("${{") == 1)


def _no_text(site: Site, known: frozenset[str]) -> Diagnostic:
    text = site.expression.text.strip()
    hint = f"write `to_json({text})`" + (f', or `join(" ", {text})`' if "list" in known else "")
    return Diagnostic("not-text", f"{describe_types(known)} cannot fill a hole in text", _whole(site), help=hint)
