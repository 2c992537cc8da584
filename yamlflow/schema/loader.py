"""The one door: a file in, a graph or diagnostics out.

`check` says everything that is wrong with a file; `load` also takes what one
run brings (parameters, overlays, where steps are to run) and gives the graph.
`select` says which of the project's files travel to other machines.
Reads files, imports nothing of the user's, never raises for what a file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Graph
from yamlflow.schema.compiler import compile_graph
from yamlflow.schema.diagnostics import Diagnostic, Severity, file_order, without_echoes
from yamlflow.schema.files import parameters
from yamlflow.schema.files.inheritance import Placement
from yamlflow.schema.files.parameters import Given
from yamlflow.schema.files.reading import Reader
from yamlflow.schema.model import Pipeline, Profile
from yamlflow.schema.rules import apply_rules
from yamlflow.schema.scopes.bindings import bind
from yamlflow.schema.scopes.places import Unit
from yamlflow.schema.scopes.sites import Site, find_sites
from yamlflow.schema.scopes.view import Select, View
from yamlflow.schema.source import Source
from yamlflow.schema.spans import Spans
from yamlflow.schema.unsupported import unsupported

__all__ = ["Given", "Loaded", "Placement", "check", "check_text", "load", "load_text"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file.

    `graph` is there when nothing is wrong and a run was asked for. `sources`
    has every file that was read, by the path diagnostics show. `unsupported`
    are errors that only stop a run: keys that this version does not honour.
    """

    diagnostics: tuple[Diagnostic, ...]
    graph: Graph | None = None
    model: Pipeline | None = None
    spans: Spans | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    unsupported: tuple[Diagnostic, ...] = ()
    view: View | None = None

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not _errors(self.diagnostics)

    def source(self, path: str) -> Source | None:
        """The source behind a diagnostic's path, as `render` asks for it."""
        return self.sources.get(path)


def check(
    path: str,
    *,
    overlays: Sequence[str] = (),
    placement: Placement | None = None,
    profiles: Mapping[str, Profile] | None = None,
    stdin: str | bytes | None = None,
    select: Select | None = None,
) -> Loaded:
    """Everything that is wrong with a file, whatever its parameters will be."""
    reader = Reader(placement or Placement(), stdin)
    return _loaded(reader, reader.unit(path, overlays), None, profiles, select=select)


def check_text(text: str, *, path: str = "pipeline.yaml", overlays: Sequence[str] = ()) -> Loaded:
    """The same for a text at hand; `path` says where it belongs."""
    reader = Reader(Placement())
    return _loaded(reader, reader.unit_of_text(text, path, overlays), None, None)


def load(
    path: str,
    *,
    overlays: Sequence[str] = (),
    given: Given | None = None,
    placement: Placement | None = None,
    profiles: Mapping[str, Profile] | None = None,
    max_items: int | None = None,
    stdin: str | bytes | None = None,
    select: Select | None = None,
) -> Loaded:
    """The graph of one run of a file, or what is wrong; `max_items` goes before every `max_items` of the file."""
    reader = Reader(placement or Placement(), stdin)
    return _loaded(reader, reader.unit(path, overlays), given or Given(), profiles, max_items, select)


def load_text(
    text: str,
    *,
    path: str = "pipeline.yaml",
    overlays: Sequence[str] = (),
    given: Given | None = None,
    placement: Placement | None = None,
) -> Loaded:
    """The same for a text at hand; `path` says where it belongs."""
    reader = Reader(placement or Placement())
    return _loaded(reader, reader.unit_of_text(text, path, overlays), given or Given(), None)


def _loaded(
    reader: Reader,
    unit: Unit | None,
    given: Given | None,
    profiles: Mapping[str, Profile] | None,
    max_items: int | None = None,
    select: Select | None = None,
) -> Loaded:
    if unit is None:
        return Loaded(tuple(file_order(reader.found)), sources=reader.sources)
    sites, unreadable = _sites(unit)
    dark = frozenset(found.span.path for found in unreadable)
    view = View(unit, sites, reader.placement, profiles or {}, dark, max_items, select)
    unit.values, unit.given, wrong = _values(unit, given)
    bound = [*wrong, *bind(view)]
    found = without_echoes(without_echoes(reader.found, unreadable), bound)
    found = without_echoes(found, apply_rules(view))
    limits = unsupported(view) if given is not None else []
    graph, more = None, list[Diagnostic]()
    if given is not None and not _errors(found):
        graph, more = compile_graph(view)
    found = file_order([*found, *more])
    return Loaded(
        diagnostics=tuple(found),
        graph=graph if not _errors(found) else None,
        model=unit.model,
        spans=unit.spans,
        sources=reader.sources,
        unsupported=tuple(limits),
        view=view,
    )


def _sites(unit: Unit) -> tuple[list[Site], list[Diagnostic]]:
    """The expressions of all files, and the texts that are none."""
    sites: list[Site] = []
    found: list[Diagnostic] = []
    for one in unit.units():
        more, wrong = find_sites(one)
        sites.extend(more)
        found.extend(wrong)
    return sites, found


def _values(unit: Unit, given: Given | None) -> tuple[parameters.Values, frozenset[str], list[Diagnostic]]:
    if given is None:
        return parameters.defaults(unit.model, unit.folder), frozenset(), []
    return parameters.resolve(unit.model, unit.spans, given, unit.folder)


def _errors(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [one for one in found if one.severity is Severity.ERROR]
