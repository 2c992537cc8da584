"""What loops run over: kinds of sources, lists that go in step, repeated names, numbers of items."""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.core.expressions.nodes import DictDisplay, Literal
from yamlflow.schema.diagnostics import Diagnostic, Note
from yamlflow.schema.model import Hole
from yamlflow.schema.scopes.counts import MAX_ITEMS, literal_items, source_count, static_count
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role, Site
from yamlflow.schema.scopes.static_types import site_type
from yamlflow.schema.scopes.view import View

_ITERABLE = frozenset({"list"})


def check_sources(view: View) -> Iterator[Diagnostic]:
    """An expression under `foreach` can give a list."""
    for site in view.sites:
        if site.role is Role.FOREACH and site.place is not None:
            yield from _check_source(site)


def _check_source(site: Site) -> Iterator[Diagnostic]:
    tree = site.expression.tree
    span = site.span(tree.start, tree.end)
    if isinstance(tree, Literal) and isinstance(tree.value, str):
        yield Diagnostic("not-a-list", "this loops over one text", span, help=f"write a list: `[{tree.value}]`")
        return
    if isinstance(tree, DictDisplay):
        hint = "loop over its names: `keys(…)`, or over its `values(…)`"
        yield Diagnostic("not-a-list", "this loops over a mapping", span, help=hint)
        return
    known = site_type(site)
    if known is not None and not known & _ITERABLE:
        yield Diagnostic("not-a-list", f"this loops over {_described(known)}", span, help=_hint(known, site))


def _described(types: frozenset[str]) -> str:
    words = {
        "dict": "a mapping",
        "str": "text",
        "int": "a number",
        "float": "a number",
        "none": "null",
        "bool": "true or false",
    }
    return " or ".join(dict.fromkeys(words.get(name, f"a {name}") for name in sorted(types)))


def _hint(types: frozenset[str], site: Site) -> str:
    text = site.expression.text.strip()
    if types == {"int"}:
        return f"for the numbers from 0 on write `range({text})`"
    if "dict" in types:
        return f"write `keys({text})` or `values({text})`"
    if "str" in types:
        return f'write `split({text}, ",")`, or `[{text}]` for one item'
    return "a loop goes over a list"


def check_axes(view: View) -> Iterator[Diagnostic]:
    """Zipped lists have one length; an explicit key does not repeat."""
    for place in view.places:
        if place.step.foreach is None or place.unit.spans.refused((*place.path, "foreach")):
            continue
        for axis in place.step.foreach.axes:
            if axis.zipped:
                yield from _check_zip(place, list(axis.names))
        yield from _check_key(place)


def _check_zip(place: Place, names: list[str]) -> Iterator[Diagnostic]:
    counts = {name: source_count(place, name) for name in names}
    known = {name: count for name, count in counts.items() if count is not None}
    if len(set(known.values())) > 1:
        first = next(iter(known))
        other = next(name for name in known if known[name] != known[first])
        lengths = f"`{first}` has {known[first]} items, `{other}` has {known[other]}"
        said = f"lists that go in step have equal lengths: {lengths}"
        note = Note(f"`{first}` stands here", place.key("foreach", "zip", first))
        yield Diagnostic("unequal-lengths", said, place.key("foreach", "zip", other), notes=(note,))


def _check_key(place: Place) -> Iterator[Diagnostic]:
    """`key: each.name` over a literal list with repeated items."""
    foreach, key = place.step.foreach, place.step.key
    if foreach is None or key is None or len(foreach.axes) != 1:
        return
    name = key.strip().removeprefix("each.")
    source = foreach.axes[0].names.get(name)
    items = literal_items(place, source) if isinstance(source, tuple) else None
    if items is None or key.strip() == name:
        return
    seen: list[object] = []
    for at, item in enumerate(items):
        if item in seen:
            path = ("foreach", name) if place.written("foreach", name) else ("foreach",)
            said = f"two items have the key `{item}`"
            note = Note("the first stands here", place.value(*path, seen.index(item)))
            yield Diagnostic("duplicate-item", said, place.value(*path, at), notes=(note,), help="a key names one item")
            return
        seen.append(item)


def check_sizes(view: View) -> Iterator[Diagnostic]:
    """What is known of a loop's size stays within `max_items`, nested loops multiplied."""
    for place in view.places:
        if place.step.foreach is None:
            continue
        own = static_count(place)
        limit = view.max_items if view.max_items is not None else place.step.max_items
        most = limit if isinstance(limit, int) else MAX_ITEMS
        if own is None or isinstance(limit, Hole):
            continue
        around = [
            static_count(group) for group in place.lineage() if group is not place and group.step.foreach is not None
        ]
        total = own
        for count in around:
            total *= count or 1
        if total > most and not _already_too_many(place, most):
            yield _too_many(place, own, total, most)


def _already_too_many(place: Place, most: int) -> bool:
    """A loop around it is too large by itself: that one is reported."""
    counts = [
        static_count(group) or 0 for group in place.lineage() if group is not place and group.step.foreach is not None
    ]
    return any(count > most for count in counts)


def _too_many(place: Place, own: int, total: int, most: int) -> Diagnostic:
    inside = f"{own:,} items" if own == total else f"{own:,} items, {total:,} with the loops around it,"
    said = f"`{place.name}` has {inside} and at most {most:,} are allowed"
    if own == total:
        said = f"`{place.name}` has {own:,} items; at most {most:,} are allowed"
    span = place.key("max_items") if place.written("max_items") else place.key("foreach")
    hint = f"raise it if you mean it: `max_items: {total}`, or `--max-items {total}`"
    return Diagnostic("too-many-items", said, span, help=hint)
