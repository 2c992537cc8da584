"""The words on a node: what it runs, what it loops over, when it runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator

from yamlflow.cli.output.text import one_line
from yamlflow.core.graph import Axis, CommandTarget, Graph, Loop, Node, PythonTarget

_ROOM = 48  # characters for a literal list or a command


def target(node: Node) -> str:
    """What the step runs, on one line; empty for a group."""
    if node.action is None:
        return ""
    match node.action.target:
        case PythonTarget(callable=name):
            return name
        case CommandTarget(argv=argv, script=None):
            return one_line(shlex.join(argv), _ROOM)
        case CommandTarget(script=script):
            return "sh: " + one_line(script or "", _ROOM)


def loop(node: Node) -> str:
    """`foreach model in params.models, fold in range(5)`; empty without a loop."""
    return f"foreach {', '.join(map(axis, node.loop.axes))}" if node.loop else ""


def axis(each: Axis) -> str:
    sources = [one_line(source if isinstance(source, str) else _literal(source), _ROOM) for source in each.sources]
    if len(each.names) == 1:
        return f"{each.names[0]} in {sources[0]}"
    return f"({', '.join(each.names)}) in zip({', '.join(sources)})"


def details(node: Node) -> Iterator[str]:
    """What is special about a step beyond what it runs, one phrase each."""
    if node.loop:
        yield loop(node)
        yield from _loop_details(node.loop)
    if node.repeat:
        bound = f"at most {node.repeat.max_rounds} rounds"
        yield f"repeat until {one_line(node.repeat.until, _ROOM)}, {bound}" if node.repeat.until else f"repeat, {bound}"
    if node.when is not None:
        yield f"when {one_line(node.when, _ROOM)}"
    if node.policy.value != "all_success":
        yield node.policy.value
    if node.executor != "local":
        yield f"on {node.executor}"


def children(graph: Graph, node: Node | None) -> tuple[Node, ...]:
    """The steps of a group in file order, or the top-level ones."""
    return tuple(graph.nodes[name] for name in (graph.roots if node is None else node.children))


def hook_steps(graph: Graph) -> Iterable[tuple[str, tuple[Node, ...]]]:
    return ((hook, tuple(graph.nodes[name] for name in names)) for hook, names in graph.hooks.items() if names)


def _loop_details(each: Loop) -> Iterator[str]:
    if each.where is not None:
        yield f"where {one_line(each.where, _ROOM)}"
    if each.max_parallel is not None:
        yield f"at most {each.max_parallel} at once"


def _literal(items: Iterable[object]) -> str:
    return json.dumps(list(items), ensure_ascii=False, default=str)
