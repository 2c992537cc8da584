"""Pictures of a graph: text out of a Graph, and nothing else.

One module a format, each with one function `draw(graph) -> str` without a
final newline. They read the compiled graph only: no file, no clock, no screen.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from yamlflow.core.graph import Graph

FORMATS = ("tree", "mermaid", "dot", "json")


def draw(graph: Graph, form: str) -> str:
    """The graph in one of `FORMATS`."""
    module = "data" if form == "json" else form
    drawing: Callable[[Graph], str] = import_module(f"{__name__}.{module}").draw
    return drawing(graph)
