"""`yamlflow graph`: the steps and what they depend on, as a tree, Mermaid, Graphviz or JSON."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from yamlflow.cli.drawing import draw
from yamlflow.cli.options import FileArgument, OverlayOption, ParamOption, ParamsFileOption, pipeline_file
from yamlflow.cli.reading import Wish, graph_of


class Format(StrEnum):
    TREE = "tree"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


def graph(
    file: FileArgument = None,
    form: Annotated[Format, typer.Option("--format", help="What to draw it as.")] = Format.TREE,
    param: ParamOption = None,
    params_file: ParamsFileOption = None,
    overlay: OverlayOption = None,
) -> None:
    """Draw the steps of a file, their loops and groups, and what each reads."""
    print(draw(graph_of(Wish(pipeline_file(file), overlay or [], param or [], params_file)), form.value))
