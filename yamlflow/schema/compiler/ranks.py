"""How deep each step lies: 0 for what waits for nothing, more for what waits for others.

A group counts with everything inside: who waits for it is deeper than its
deepest step, and its steps are deeper than what the group waits for.
"""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import TopologicalSorter

from yamlflow.schema.rules.order import waits
from yamlflow.schema.scopes.places import Place, Unit
from yamlflow.schema.scopes.view import View


def ranks(view: View) -> dict[str, int]:
    """The rank of every step by id."""
    sources: dict[str, set[str]] = {}
    for wait in waits(view):
        sources.setdefault(wait.waiter.id, set()).add(wait.source.id)
    work = _Ranks(sources)
    work.unit(view.unit, 0)
    return work.rank


class _Ranks:
    def __init__(self, sources: dict[str, set[str]]) -> None:
        self._sources = sources
        self.rank: dict[str, int] = {}
        self._deepest: dict[str, int] = {}

    def unit(self, unit: Unit, least: int) -> int:
        deepest = self.scope(unit.steps.values(), least)
        for hook in unit.hooks.values():
            self.scope(hook.values(), least)
        return deepest

    def scope(self, places: Iterable[Place], least: int) -> int:
        """Ranks the steps of one scope, none below `least`; the deepest rank in it."""
        by_id = {place.id: place for place in places}
        order = TopologicalSorter({key: self._sources.get(key, set()) & by_id.keys() for key in by_id})
        deepest = least
        for key in order.static_order():
            before = [self._deepest[source] for source in self._sources.get(key, ()) if source in by_id]
            self.rank[key] = max(before, default=least - 1) + 1
            self._deepest[key] = self._inside(by_id[key])
            deepest = max(deepest, self._deepest[key])
        return deepest

    def _inside(self, place: Place) -> int:
        rank = self.rank[place.id]
        if place.inner is not None:
            return self.unit(place.inner, rank + 1)
        return self.scope(place.children.values(), rank + 1) if place.children else rank
