"""A step's definition in words, as it is kept with a run: what `runs diff` compares. No value of a secret is in it."""

from __future__ import annotations

from typing import Any

from yamlflow.core.fingerprint import Components, text_of
from yamlflow.core.graph import CommandTarget, Graph, Node, PythonTarget


def definitions(graph: Graph) -> dict[str, Components]:
    """The components of every step's definition."""
    return {node.id: _components(node) for node in graph.nodes.values()}


def _components(node: Node) -> dict[str, str]:
    said: dict[str, Any] = {"when": node.when, "executor": node.executor if node.action else None}
    if node.loop is not None:
        said["foreach"] = {name: source for axis in node.loop.axes for name, source in zip(*_pair(axis), strict=True)}
        said["where"] = node.loop.where
    if node.action is not None:
        action = node.action
        said |= _target(action.target)
        said |= {f"inputs.{name}": source for name, source in action.inputs.items()}
        said |= {f"with.{name}": source for name, source in action.arguments.items()}
        said |= {f"env.{name}": source for name, source in action.env.items()}
        said |= {f"secrets.{name}": source for name, source in action.secrets.items()}
        said |= {"cwd": action.cwd, "python": action.python}
        said |= {"cpu": node.resources.cpu, "memory": node.resources.memory or None}
    said |= {f"outputs.{name}": source for name, source in node.outputs.items()}
    return {name: text_of(value) for name, value in said.items() if value is not None}


def _pair(axis: Any) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    sources = tuple(list(source) if isinstance(source, tuple) else source for source in axis.sources)
    return axis.names, sources


def _target(target: PythonTarget | CommandTarget) -> dict[str, Any]:
    match target:
        case PythonTarget(callable=name, outputs=outputs):
            return {"run": name, "outputs": list(outputs) or None}
        case CommandTarget(argv=argv, script=script, outputs=outputs):
            return {"command": list(argv) or None, "sh": script, "outputs": {k: dict(v) for k, v in outputs.items()}}
