"""What waits for what: `needs`, circles, steps that can never run."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Diagnostic, Note, Severity, Span
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spelling import suggest

_MAX_CIRCLES = 20


def check_needs(view: View) -> Iterator[Diagnostic]:
    """Each name under `needs` is a step that can be waited for, and says something new."""
    for place in view.places:
        seen: dict[str, int] = {}
        for at, name in enumerate(place.step.needs):
            span = _need(place, at)
            if name in seen:
                note = Note("it stands here, too", _need(place, seen[name]))
                yield Diagnostic("redundant-needs", f"`{name}` is named twice", span, Severity.WARNING, (note,))
                continue
            seen[name] = at
            yield from _check_need(view, place, name, span)


def _need(place: Place, at: int) -> Span:
    return place.value("needs", at) if place.unit.spans.has((*place.path, "needs", at)) else place.value("needs")


def _check_need(view: View, place: Place, name: str, span: Span) -> Iterator[Diagnostic]:
    source = place.find(name)
    if source is None:
        yield _unknown_need(place, name, span)
    elif source.hook != place.hook:
        said = f"the steps have ended before a hook starts: `{name}` need not be named"
        yield Diagnostic("redundant-needs", said, span, Severity.WARNING, help=f"remove `{name}` from `needs`")
    elif source is place or source in place.around():
        said = f"`{place.name}` waits for itself" if source is place else f"`{name}` is the group this step is in"
        yield Diagnostic("self-reference", said, span, help=f"remove `{name}` from `needs`")
    else:
        reading = next(
            (one for one in view.reads(place) if one.source is source and not _iterates(one.site.role)), None
        )
        if reading is not None and not reading.reference.status_only:
            said = f"`{name}` need not be named: an expression reads it already"
            note = Note("here", reading.site.at(reading.reference))
            hint = f"remove `{name}` from `needs`"
            yield Diagnostic("redundant-needs", said, span, Severity.WARNING, (note,), hint)


def _iterates(role: Role) -> bool:
    return role is Role.FOREACH


def _unknown_need(place: Place, name: str, span: Span) -> Diagnostic:
    inside = next((one for one in place.unit.own_places() if one.name == name), None)
    if inside is not None and inside.parent is not None:
        said = f"the step `{name}` is inside the group `{inside.parent.name}`: wait for the group"
        note = Note(f"`{name}` stands here", inside.key())
        return Diagnostic("hidden-step", said, span, notes=(note,), help=f"write `needs: [{inside.parent.name}]`")
    near = suggest(name, [one for one in place.visible() if one != place.name])
    hint = f"did you mean `{near}`?" if near else "`needs` takes the names of steps"
    return Diagnostic("unknown-step", f"there is no step `{name}`", span, help=hint)


# ------------------------------------------------------------ circles


@dataclass(frozen=True, slots=True)
class Wait:
    """`waiter` waits for `source`, because of what stands at `span`."""

    waiter: Place
    source: Place
    span: Span
    reader: Place


def waits(view: View) -> list[Wait]:
    """Who waits for whom, between steps of one scope; a group waits for what its steps read outside it."""
    found: list[Wait] = []
    for reading in view.readings:
        if reading.holder is not None and reading.holder is not reading.source and reading.site.place is not None:
            span = reading.site.at(reading.reference)
            found.append(Wait(reading.holder, reading.source, span, reading.site.place))
    for place in view.places:
        for at, name in enumerate(place.step.needs):
            source = place.find(name)
            holder = _holder(place, source) if source is not None else None
            if source is not None and holder is not None and holder is not source:
                found.append(Wait(holder, source, _need(place, at), place))
    return found


def _holder(place: Place, source: Place) -> Place | None:
    return next((one for one in (place, *place.around()) if one.scope is source.scope), None)


def check_circles(view: View) -> Iterator[Diagnostic]:
    """No step waits for itself through others; each circle is shown whole, once."""
    because = {(wait.waiter.id, wait.source.id): wait for wait in reversed(waits(view))}
    for _ in range(_MAX_CIRCLES):
        circle = _find_circle(because)
        if circle is None:
            return
        yield _describe(circle)
        members = {wait.waiter.id for wait in circle}
        because = {pair: wait for pair, wait in because.items() if not (pair[0] in members and pair[1] in members)}


def _find_circle(because: dict[tuple[str, str], Wait]) -> list[Wait] | None:
    """One circle, beginning with the wait that stands first in the file."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for waiter, source in because:
        sorter.add(waiter, source)
    try:
        sorter.prepare()
    except CycleError as error:
        nodes = error.args[1]  # each waits for the one before it
        pairs = list(zip(nodes[1:], nodes, strict=False))
        circle = [because[pair] for pair in reversed(pairs)]
        first = min(range(len(circle)), key=lambda at: circle[at].span)
        return circle[first:] + circle[:first]
    return None


def _describe(circle: list[Wait]) -> Diagnostic:
    first, *rest = circle
    path = " → ".join([*(wait.waiter.name for wait in circle), first.waiter.name])
    notes = tuple(Note(f"`{wait.reader.name}` waits for `{wait.source.name}`", wait.span) for wait in rest)
    said = f"steps wait for each other in a circle: {path}"
    return Diagnostic("cycle", said, first.span, notes=notes, help="one of them must not read the next")


# ------------------------------------------------------------ steps that never run


def check_reachable(view: View) -> Iterator[Diagnostic]:
    """Every step can run for some parameters."""
    for place in view.places:
        if (place.step.when or "").strip().lower() == "false":
            yield Diagnostic("unreachable-step", f"`{place.name}` never runs", place.value("when"), Severity.WARNING)
        policy = place.step.needs_policy
        if policy == "any_failed" and not place.hook and not _waits_for_something(view, place):
            said = f"`{place.name}` never runs: it waits for a failure, and for no step"
            hint = "name the steps whose failure it is for: `needs: [fit]`"
            yield Diagnostic("unreachable-step", said, place.key("needs_policy"), Severity.WARNING, help=hint)


def _waits_for_something(view: View, place: Place) -> bool:
    return bool(place.step.needs) or any(reading.holder is place for reading in view.reads(place))
