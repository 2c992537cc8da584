"""A loaded pipeline as the rules see it: every step, every expression, and what each reads.

Pure over what the loader has read, but for callables, which are looked up in
source files on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions import Reference
from yamlflow.schema.callables import Finder, Result
from yamlflow.schema.files.inheritance import Placement
from yamlflow.schema.files.project import import_roots, shipped_root
from yamlflow.schema.model import LocalProfile, Profile
from yamlflow.schema.scopes.places import Place, Unit
from yamlflow.schema.scopes.sites import Role, Site

LOCAL = "local"


class Travelling(Protocol):
    """Which files of a folder travel to other machines."""

    def absence(self, path: Path) -> tuple[str, str] | None:
        """Why a file below the folder is not among them, and what to do about it; None when it is."""


Select = Callable[[Path, Sequence[str], Sequence[str]], Travelling]
"""The files of a folder that travel, with more by patterns and less by patterns."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One use of a step: the site, the reference in it, the step that is read.

    `holder` is the step on the reader's side that stands in the same scope as
    the source: the reader itself or a group around it. It is the source itself
    when a step reads a group it is in. None: nobody waits (an output of a scope
    that has ended by then, a hook that reads the run's steps).
    """

    site: Site
    reference: Reference
    source: Place
    holder: Place | None

    @property
    def rest(self) -> tuple[str | int, ...]:
        """What is read of the source's value."""
        return self.reference.path[1:]


@dataclass(eq=False)
class View:
    """The whole pipeline. `profiles` are those of the project's and the user's configuration.

    `dark` are the files with texts that are no expressions: what they read is
    not known. `max_items` goes before every `max_items` of the file. `select`
    says which files travel; without it nothing is said about that.
    """

    unit: Unit
    sites: list[Site]
    placement: Placement = field(default_factory=Placement)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    dark: frozenset[str] = frozenset()
    max_items: int | None = None
    select: Select | None = None
    iterated: dict[str, set[str]] | None = None

    @cached_property
    def places(self) -> list[Place]:
        return list(self.unit.places())

    @cached_property
    def sites_of(self) -> Mapping[int, list[Site]]:
        """The expressions of a step by `id(place)`, those of the steps inside it not included."""
        found: dict[int, list[Site]] = {}
        for site in self.sites:
            found.setdefault(id(site.place), []).append(site)
        return found

    def of(self, place: Place) -> list[Site]:
        return self.sites_of.get(id(place), [])

    @cached_property
    def readings(self) -> list[Reading]:
        """Every reference to a step that exists, in file order."""
        return [reading for site in self.sites for reading in _readings(site)]

    @cached_property
    def readings_of(self) -> Mapping[int, list[Reading]]:
        found: dict[int, list[Reading]] = {}
        for reading in self.readings:
            found.setdefault(id(reading.site.place), []).append(reading)
        return found

    def reads(self, place: Place) -> list[Reading]:
        return self.readings_of.get(id(place), [])

    def secrets_of(self, place: Place) -> str:
        """What must be taken out of all that a step's tasks print, in words; empty when there is nothing.

        Secret parameters are for every step: the value may reach it in any other's result.
        """
        profile = self.profile(self.profile_name(place), place.unit)
        if place.step.secrets or (profile is not None and profile.secrets):
            return f"`{place.name}` has secrets"
        return "there are secret parameters" if self._has_secret_parameters else ""

    @cached_property
    def _has_secret_parameters(self) -> bool:
        return any(param.secret for unit in self.unit.units() for param in unit.model.params.values())

    # ------------------------------------------------------------ where a step runs

    def profile_name(self, place: Place) -> str:
        own = place.step.executor
        return self.placement.of(place.id, own.use if own is not None else None)

    def profile(self, name: str, unit: Unit) -> Profile | None:
        """The profile of that name: of the outermost file that has it, then of the configuration."""
        chain = [unit]
        while chain[-1].owner is not None:
            chain.append(chain[-1].owner.unit)
        for one in reversed(chain):
            if name in one.model.executors:
                return one.model.executors[name]
        if name in self.profiles:
            return self.profiles[name]
        return LocalProfile.build({"type": LOCAL}, ("type",)) if name == LOCAL else None

    def known_profiles(self, unit: Unit) -> list[str]:
        return list(dict.fromkeys([*unit.model.executors, *self.unit.model.executors, *self.profiles, LOCAL]))

    def executor_type(self, place: Place) -> str | None:
        """local, docker, batch or kubernetes; None when the profile is unknown."""
        profile = self.profile(self.profile_name(place), place.unit)
        return profile.type if profile is not None else None

    def is_moved(self, place: Place) -> bool:
        """Whether `--executor` sends the step elsewhere than the file says."""
        own = place.step.executor
        return self.profile_name(place) != (own.use if own is not None else LOCAL)

    # ------------------------------------------------------------ what travels there

    @cached_property
    def shipped_root(self) -> Path:
        """The folder whose files are the pipeline's code."""
        code = self.unit.model.code
        return shipped_root(self.unit.folder, code.root if code is not None else None)

    @cached_property
    def travelling(self) -> Travelling | None:
        """Found out when it is first asked for: it may take a moment."""
        code = self.unit.model.code
        patterns = (code.include, code.exclude) if code is not None else ((), ())
        return self.select(self.shipped_root, *patterns) if self.select is not None else None

    # ------------------------------------------------------------ callables

    @cached_property
    def _finders(self) -> dict[Path, Finder]:
        return {}

    def finder(self, unit: Unit) -> Finder:
        if unit.folder not in self._finders:
            self._finders[unit.folder] = Finder(import_roots(unit.folder))
        return self._finders[unit.folder]

    def callable(self, place: Place) -> Result | None:
        """What is known about a step's callable; None for other steps."""
        if place.step.run is None or place.unit.spans.refused((*place.path, "run")):
            return None
        elsewhere = place.step.python is not None or place.step.requirements is not None
        here = self.executor_type(place) == LOCAL and not elsewhere
        return self.finder(place.unit).find(place.step.run, installed=here)


def _readings(site: Site) -> Iterator[Reading]:
    for reference in site.expression.references:
        if reference.root == "steps" and reference.path:
            source = site.find(str(reference.path[0]))
            if source is not None:
                yield Reading(site, reference, source, _holder(site, source))


def _holder(site: Site, source: Place) -> Place | None:
    place = site.place
    if place is None or source.hook != place.hook:
        return None
    if site.role in (Role.OUTPUT, Role.UNTIL) and source.parent is place:
        return None
    if source.scope is place.scope:
        return place
    return next((group for group in place.around() if group.scope is source.scope), None)
