"""What the tests of the loader share: files in, graph or findings out."""

from __future__ import annotations

from pathlib import Path

from yamlflow.core.graph import Edge, Graph
from yamlflow.schema.diagnostics import Diagnostic
from yamlflow.schema.loader import Given, Loaded, Placement, load_text

MODULE = """
from dataclasses import dataclass
from pathlib import Path
from typing import Any

def take(x) -> Any: ...
def pair(x, y=None) -> Any: ...
def maybe(x: Path | None, y: int = 0) -> Any: ...
def anything(**values: Any) -> Any: ...
def nothing() -> list[str]: ...
"""


def write(folder: Path, **files: str) -> None:
    """Files by name without the dot: `inner_yaml="..."`."""
    (folder / "tasks.py").write_text(MODULE)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)


def load_here(
    folder: Path,
    text: str,
    *,
    given: Given | None = None,
    placement: Placement | None = None,
    overlays: tuple[str, ...] = (),
) -> Loaded:
    """A pipeline whose text stands in `folder`, with the tasks above beside it."""
    write(folder)
    return load_text(
        "yamlflow: 1\n" + text,
        path=str(folder / "pipeline.yaml"),
        given=given or Given(cwd=folder),
        placement=placement,
        overlays=overlays,
    )


def graph_of(folder: Path, text: str, **options: object) -> Graph:
    """Its graph; there is nothing wrong with it."""
    loaded = load_here(folder, text, **options)  # type: ignore[arg-type]
    assert [found for found in loaded.diagnostics if found.severity.value == "error"] == []
    assert loaded.graph is not None
    return loaded.graph


def findings(folder: Path, text: str, **options: object) -> list[Diagnostic]:
    return list(load_here(folder, text, **options).diagnostics)  # type: ignore[arg-type]


def messages(folder: Path, text: str, **options: object) -> list[str]:
    return [f"{found.span.line}:{found.span.column} {found.code}" for found in findings(folder, text, **options)]


def edges(graph: Graph, node: str) -> list[tuple[str, str, bool]]:
    return [_edge(edge) for edge in graph.nodes[node].edges]


def _edge(edge: Edge) -> tuple[str, str, bool]:
    return edge.source, edge.kind.value, edge.takes_none
