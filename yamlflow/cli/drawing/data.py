"""The graph as JSON: `{"schema": 1, "name", "steps": [...], "hooks": {...}, "outputs": {...}}`."""

from __future__ import annotations

from typing import Any

from yamlflow.cli.drawing.labels import target
from yamlflow.cli.output.text import safe_json
from yamlflow.core.graph import Graph, Loop, Node


def draw(graph: Graph) -> str:
    return safe_json(graph_data(graph), indent=2)


def graph_data(graph: Graph) -> dict[str, Any]:
    return {
        "schema": 1,
        "name": graph.name,
        "steps": [_step(node) for node in graph.nodes.values()],
        "hooks": {hook: list(names) for hook, names in graph.hooks.items() if names},
        "outputs": dict(graph.outputs),
    }


def _step(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "kind": "group" if node.is_group else "task",
        "parent": node.parent or None,
        "runs": target(node) or None,
        "steps": list(node.children),
        "foreach": _axes(node.loop) if node.loop else None,
        "repeat": {"until": node.repeat.until, "max": node.repeat.max_rounds} if node.repeat else None,
        "when": node.when,
        "needs_policy": node.policy.value,
        "reads": [{"step": edge.source, "kind": edge.kind.value} for edge in dict.fromkeys(node.edges)],
        "executor": None if node.is_group else node.executor,
        "hook": node.hook or None,
    }


def _axes(loop: Loop) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": source if isinstance(source, str) else list(source), "axis": number}
        for number, axis in enumerate(loop.axes)
        for name, source in zip(axis.names, axis.sources, strict=True)
    ]
