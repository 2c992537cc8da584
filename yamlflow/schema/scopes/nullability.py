"""Whether a reader can do without a value: for the rule that demands it, and for the edges that say so.

Three answers: True (None is provided for), False (it is not), None (unknown:
the callable cannot be read).
"""

from __future__ import annotations

from dataclasses import fields

from yamlflow.core.expressions import Expression, ExpressionError, parse
from yamlflow.core.expressions.nodes import Conditional, Junction, Tree, children
from yamlflow.core.expressions.references import static_reference
from yamlflow.schema.callables import Found
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role, Site
from yamlflow.schema.scopes.view import Reading, View


def may_be_skipped(place: Place) -> bool:
    """Whether the step as a whole may end without a value because it did not run."""
    if place.step.needs_policy == "any_failed" and not place.hook:
        return True
    when = (place.step.when or "").strip()
    return bool(when) and when != "true" and not asks_per_item(place)


def asks_per_item(place: Place) -> bool:
    """Whether `when` reads the step's own loop variables, and so is asked for each item."""
    if place.step.foreach is None or place.step.when is None:
        return False
    own = {name for axis in place.step.foreach.axes for name in axis.names} | {"index"}
    try:
        references = parse(place.step.when).references
    except ExpressionError:
        return False
    return any(found.root == "each" and (not found.path or found.path[0] in own) for found in references)


def is_provided_for(view: View, reading: Reading) -> bool | None:
    """Whether the reader copes when the value it reads is not there."""
    reference, site = reading.reference, reading.site
    place = site.place
    if reference.guarded or reference.status_only or place is None:
        return True
    if place.step.needs_policy != "all_success" or reading.holder is None:
        return True
    if _same_guard(reading) or _inside_condition(reading):
        return True
    return takes_none(view, site)


def takes_none(view: View, site: Site) -> bool | None:
    """Whether what gets the value of a site takes None: the annotation of a callable's parameter."""
    if site.role is not Role.INPUT or site.place is None:
        return False
    if site.place.step.uses is not None:
        return _inner_takes_none(site)
    if not site.whole or _is_computed(site):
        return False
    return _parameter_takes_none(view, site.place, site.name)


def _is_computed(site: Site) -> bool:
    """Whether the reference is only a part of the expression, which would fail on None."""
    return static_reference(site.expression.tree) is None


def _inner_takes_none(site: Site) -> bool | None:
    assert site.place is not None
    inner = site.place.inner
    param = inner.model.params.get(site.name) if inner is not None else None
    return None if param is None else param.has_default and param.default is None


def _parameter_takes_none(view: View, place: Place, name: str) -> bool | None:
    found = view.callable(place)
    if found is None:
        return False if place.step.run is None else None
    if not isinstance(found, Found) or found.signature is None:
        return None
    parameter = found.signature.get(name)
    if parameter is None:
        return None if found.signature.takes_any_name else False
    return parameter.allows_none


# ------------------------------------------------------------ guards


def _same_guard(reading: Reading) -> bool:
    """Whether the reader, or a group around it, only runs when the source did."""
    place, source = reading.site.place, reading.source
    assert place is not None
    demanded = conjuncts(source.step.when)
    for one in (place, *place.around()):
        if one is place and reading.site.role is Role.WHEN:
            continue
        given = conjuncts(one.step.when)
        if (demanded and demanded <= given) or any(_asks_success(text, source.name) for text in given):
            return True
        if one is reading.holder:
            break
    return False


def conjuncts(when: str | None) -> frozenset[str]:
    """The conditions that must all hold, in one spelling each."""
    if when is None:
        return frozenset()
    try:
        expression = parse(when)
    except ExpressionError:
        return frozenset()
    return frozenset(_canonical(part) for part in _parts(expression.tree))


def _parts(tree: Tree) -> list[Tree]:
    if isinstance(tree, Junction) and tree.word == "and":
        return [part for operand in tree.operands for part in _parts(operand)]
    return [tree]


def _canonical(tree: Tree) -> str:
    """A spelling without positions and white space."""
    own = {field.name: getattr(tree, field.name) for field in fields(tree) if field.name not in ("start", "end")}
    words = [repr(value) for value in own.values() if _is_plain(value)]
    return f"{type(tree).__name__}{words}({','.join(_canonical(child) for child in children(tree))})"


def _is_plain(value: object) -> bool:
    """What a node says by itself, its children aside."""
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(item, str) for item in value)
    return value is None or isinstance(value, str | int | float)


def _asks_success(canonical: str, source: str) -> bool:
    return canonical in {
        _canonical(parse(text).tree) for text in (f"succeeded(steps.{source})", f"steps.{source} != null")
    }


def _inside_condition(reading: Reading) -> bool:
    """Whether the reference stands in `x if guard else y` where the guard is the source's own condition."""
    demanded = conjuncts(reading.source.step.when)
    return any(
        (demanded and demanded <= given) or any(_asks_success(text, reading.source.name) for text in given)
        for given in _conditions_around(reading.site.expression, reading.reference.start, reading.reference.end)
    )


def _conditions_around(expression: Expression, start: int, end: int) -> list[frozenset[str]]:
    found: list[frozenset[str]] = []
    stack: list[Tree] = [expression.tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Conditional) and node.yes.start <= start and end <= node.yes.end:
            found.append(frozenset(_canonical(part) for part in _parts(node.condition)))
        stack.extend(children(node))
    return found
