"""The graph as a Mermaid flowchart: what GitHub and GitLab draw in Markdown.

Groups are subgraphs, loops have a double border, `needs` a dotted arrow.
Names are `n<number>_<step>`: no step's name can be a word of Mermaid's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from yamlflow.cli.drawing.labels import children, details, hook_steps, target
from yamlflow.core.graph import Edge, EdgeKind, Graph, Node

Names = Mapping[str, str]


def draw(graph: Graph) -> str:
    names = {node.id: f"n{number}_{node.name}" for number, node in enumerate(graph.nodes.values())}
    lines = ["flowchart LR", *_boxes(graph, children(graph, None), names, "  ")]
    for hook, nodes in hook_steps(graph):
        lines += [f"  subgraph {hook}", *_boxes(graph, nodes, names, "    "), "  end"]
    for node in graph.nodes.values():
        lines += [f"  {_arrow(edge, names[node.id], names)}" for edge in dict.fromkeys(node.edges)]
    return "\n".join(lines)


def _boxes(graph: Graph, nodes: Sequence[Node], names: Names, indent: str) -> Iterator[str]:
    for node in nodes:
        text = _quoted([node.name, target(node), *details(node)])
        if node.is_group:
            yield f"{indent}subgraph {names[node.id]}[{text}]"
            yield from _boxes(graph, children(graph, node), names, indent + "  ")
            yield f"{indent}end"
        else:
            yield f"{indent}{names[node.id]}" + (f"[[{text}]]" if node.loop else f"[{text}]")


def _arrow(edge: Edge, reader: str, names: Names) -> str:
    match edge.kind:
        case EdgeKind.PLAIN:
            return f"{names[edge.source]} --> {reader}"
        case EdgeKind.ELEMENTWISE:
            return f"{names[edge.source]} -->|item by item| {reader}"
        case EdgeKind.ORDER:
            return f"{names[edge.source]} -.-> {reader}"


def _quoted(lines: Sequence[str]) -> str:
    return '"' + "<br/>".join(map(_escaped, filter(None, lines))) + '"'


def _escaped(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
