"""The graph as an indented tree for a terminal: nesting by lines, dependencies by arrows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yamlflow.cli.drawing.labels import children, details, hook_steps, target
from yamlflow.cli.output.text import one_line
from yamlflow.core.graph import Edge, EdgeKind, Graph, Node


def draw(graph: Graph) -> str:
    lines = [one_line(graph.name)]
    hooks = list(hook_steps(graph))
    lines += _branches(graph, children(graph, None), "", open_end=bool(hooks))
    for number, (hook, nodes) in enumerate(hooks, start=1):
        last = number == len(hooks)
        lines.append(("└─ " if last else "├─ ") + hook)
        lines += _branches(graph, nodes, "   " if last else "│  ")
    return "\n".join(lines)


def _branches(graph: Graph, nodes: Sequence[Node], indent: str, *, open_end: bool = False) -> Iterator[str]:
    for number, node in enumerate(nodes, start=1):
        last = number == len(nodes) and not open_end
        yield indent + ("└─ " if last else "├─ ") + _line(node)
        yield from _branches(graph, children(graph, node), indent + ("   " if last else "│  "))


def _line(node: Node) -> str:
    words = [node.name, target(node), *(f"[{detail}]" for detail in details(node)), _sources(node)]
    return "  ".join(word for word in words if word)


def _sources(node: Node) -> str:
    arrows = list(dict.fromkeys(map(_source, node.edges)))
    return f"← {', '.join(arrows)}" if arrows else ""


def _source(edge: Edge) -> str:
    match edge.kind:
        case EdgeKind.PLAIN:
            return edge.source
        case EdgeKind.ELEMENTWISE:
            return f"{edge.source} (item by item)"
        case EdgeKind.ORDER:
            return f"{edge.source} (order only)"
