"""`--only`, `--from`, `--until`: which top-level steps run, and whose earlier results they read.

Steps that are not selected and that nobody selected reads are left out. Those
that are read must have a result in the last run of the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import UsageError
from yamlflow.core.expressions.parser import parse
from yamlflow.core.graph import Graph
from yamlflow.core.naming import glob
from yamlflow.core.values import Document


@dataclass(frozen=True, slots=True)
class Selection:
    """Globs over top-level steps; nothing at all selects everything."""

    only: tuple[str, ...] = ()
    since: tuple[str, ...] = ()
    until: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only or self.since or self.until)


@dataclass(frozen=True, slots=True)
class Selected:
    """The graph that runs, and the nodes in it whose earlier results are used."""

    graph: Graph
    reuse: frozenset[str] = frozenset()
    reused: tuple[str, ...] = ()


def select(graph: Graph, selection: Selection) -> Selected:
    """The part of the graph that a selection means; UsageError for a name that no step has."""
    if not selection:
        return Selected(graph)
    above = _edges(graph)
    below = _reversed(above)
    chosen = set(graph.roots)
    if selection.only:
        chosen &= _matching(graph, selection.only, "--only")
    if selection.since:
        chosen &= _closure(_matching(graph, selection.since, "--from"), below)
    if selection.until:
        chosen &= _closure(_matching(graph, selection.until, "--until"), above)
    if not chosen:
        raise UsageError("these selections have no step in common", hint=f"the steps are {', '.join(graph.roots)}")
    kept = _closure(chosen, above)
    reused = tuple(root for root in graph.roots if root in kept - chosen)
    reuse = frozenset(node for node in graph.nodes if graph.nodes[node].action and _root(node) in reused)
    return Selected(_part(graph, kept), reuse, reused)


def to_refresh(graph: Graph, selection: Selection, patterns: Sequence[str]) -> tuple[str, ...]:
    """The top-level steps that `--refresh` means; only what a run itself runs can run again."""
    selected = select(graph, selection)
    steps = [root for root in selected.graph.roots if root not in selected.reused]
    for pattern in patterns:
        if not any(glob(pattern, step) for step in steps):
            hint = f"the steps are {', '.join(steps)}"
            raise UsageError(f"--refresh {pattern}: this run has no such step", hint=hint)
    return tuple(step for step in steps if any(glob(pattern, step) for pattern in patterns))


def with_last_values(graph: Graph) -> Graph:
    """The graph with the values of its last steps as outputs, where it names none."""
    if graph.outputs:
        return graph
    read = {_root(edge.source) for node in graph.nodes.values() for edge in node.edges}
    last = [
        root for root in graph.roots if root not in read and (graph.nodes[root].action or graph.nodes[root].outputs)
    ]
    return replace(graph, outputs={root: f"steps.{root}" for root in last})


def _root(node: str) -> str:
    return node.partition(".")[0]


def _matching(graph: Graph, patterns: Sequence[str], flag: str) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        hits = {root for root in graph.roots if glob(pattern, root)}
        if not hits:
            raise UsageError(f"{flag} {pattern}: there is no such step", hint=f"the steps are {', '.join(graph.roots)}")
        found |= hits
    return found


def _edges(graph: Graph) -> dict[str, set[str]]:
    """What each top-level step reads or needs directly, also from inside a group."""
    found: dict[str, set[str]] = {root: set() for root in graph.roots}
    for node in graph.nodes.values():
        root = _root(node.id)
        if root in found:
            found[root] |= {_root(edge.source) for edge in node.edges} - {root}
    return found


def _reversed(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {node: set() for node in edges}
    for node, sources in edges.items():
        for source in sources & found.keys():
            found[source].add(node)
    return found


def _closure(start: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    found = set(start)
    waiting = list(found)
    while waiting:
        for node in edges.get(waiting.pop(), set()) - found:
            found.add(node)
            waiting.append(node)
    return found


def _part(graph: Graph, kept: set[str]) -> Graph:
    """The graph without the steps that are not kept, and without the outputs that read them."""
    hooks = {step for steps in graph.hooks.values() for step in steps}
    nodes = {
        name: node for name, node in graph.nodes.items() if _root(name) in kept or node.hook or _root(name) in hooks
    }
    outputs = {name: source for name, source in graph.outputs.items() if _reads(source) <= kept}
    return replace(graph, nodes=nodes, roots=tuple(root for root in graph.roots if root in kept), outputs=outputs)


def _reads(source: Document) -> set[str]:
    """The steps that an output reads."""
    if isinstance(source, str):
        return {str(found.path[0]) for found in parse(source).references if found.root == "steps" and found.path}
    if isinstance(source, dict):
        return set().union(*map(_reads, source.values()))
    if isinstance(source, list):
        return set().union(*map(_reads, source))
    return set()
