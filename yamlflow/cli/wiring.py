"""The composition root: a graph that this machine can run.

Only here do the command line, the engine and the executors meet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from yamlflow.cli.guard import tell
from yamlflow.core.errors import AccessError
from yamlflow.core.graph import Graph
from yamlflow.core.messages import ExecutorTraits
from yamlflow.engine.crew import machine_of, profiles_of
from yamlflow.engine.machine import check_requests
from yamlflow.engine.machine import clamp as cut_to_fit


def fitted(graph: Graph, *, clamp: bool) -> Graph:
    """The graph as this machine can run it; an error, before anything starts, for what it lacks. Says what was cut."""
    machine = machine_of(graph)
    traits = {name: ExecutorTraits(machine=profile["type"] in _HERE) for name, profile in profiles_of(graph).items()}
    if clamp:
        graph, said = cut_to_fit(graph, machine, traits)
        for line in said:
            tell(f"--clamp: {line}")
    check_requests(graph, machine, traits)
    _check_secrets(graph)
    return graph


_HERE = ("local", "docker")


def _check_secrets(graph: Graph) -> None:
    """Every secret that comes from this machine is there; its value is not looked at."""
    for node in graph.nodes.values():
        for name, reference in (node.action.secrets if node.action else {}).items():
            store, _, place = reference.partition(":")
            if store == "env" and place not in os.environ:
                hint = f"set it for this command: {place}=... yamlflow run"
                raise AccessError(
                    f"step {node.id}: the secret {name} needs the variable {place}, which is not set", hint=hint
                )
            if store == "file" and not os.access(Path(place), os.R_OK):
                hint = "make the file, readable for you alone"
                raise AccessError(
                    f"step {node.id}: the secret {name} needs the file {place}, which cannot be read", hint=hint
                )


def in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a CI service shows what we print."""
    return environ.get("CI", "").lower() in ("1", "true", "yes")
