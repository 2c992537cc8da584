"""The graph in Graphviz' language: groups are clusters, loops have a double border, `needs` is dotted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yamlflow.cli.drawing.labels import children, details, hook_steps, target
from yamlflow.cli.output.text import one_line
from yamlflow.core.graph import Edge, EdgeKind, Graph, Node


def draw(graph: Graph) -> str:
    lines = [f"digraph {_quoted(one_line(graph.name))} {{", "  rankdir=LR; compound=true; node [shape=box];"]
    lines += _boxes(graph, children(graph, None), "  ")
    for hook, nodes in hook_steps(graph):
        label = f"    label={_quoted(hook)};"
        lines += [f"  subgraph {_quoted('cluster ' + hook)} {{", label, *_boxes(graph, nodes, "    "), "  }"]
    for node in graph.nodes.values():
        lines += [f"  {_arrow(graph, edge, node)}" for edge in dict.fromkeys(node.edges)]
    return "\n".join([*lines, "}"])


def _boxes(graph: Graph, nodes: Sequence[Node], indent: str) -> Iterator[str]:
    for node in nodes:
        label = _quoted("\n".join(filter(None, [node.name, target(node), *details(node)])))
        if node.is_group:
            yield f"{indent}subgraph {_cluster(node)} {{"
            yield f"{indent}  label={label};"
            yield from _boxes(graph, children(graph, node), indent + "  ")
            yield f"{indent}}}"
        else:
            border = ", peripheries=2" if node.loop else ""
            yield f"{indent}{_quoted(node.id)} [label={label}{border}];"


def _arrow(graph: Graph, edge: Edge, reader: Node) -> str:
    source = graph.nodes[edge.source]
    marks = [f"ltail={_cluster(source)}"] if source.is_group else []
    marks += [f"lhead={_cluster(reader)}"] if reader.is_group else []
    marks += _style(edge.kind)
    ends = f"{_quoted(_leaf(graph, source))} -> {_quoted(_leaf(graph, reader))}"
    return f"{ends} [{', '.join(marks)}];" if marks else f"{ends};"


def _style(kind: EdgeKind) -> list[str]:
    match kind:
        case EdgeKind.PLAIN:
            return []
        case EdgeKind.ELEMENTWISE:
            return ['label="item by item"']
        case EdgeKind.ORDER:
            return ["style=dotted"]


def _leaf(graph: Graph, node: Node) -> str:
    """A step inside a group that stands for it: Graphviz draws arrows between boxes only."""
    while node.is_group:
        node = graph.nodes[node.children[0]]
    return node.id


def _cluster(node: Node) -> str:
    return _quoted(f"cluster {node.id}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
