"""The composition root: a graph that this machine can run, and a run under signals.

Only here do the command line, the engine and the executors meet.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from yamlflow.cli.guard import tell
from yamlflow.core.errors import AccessError
from yamlflow.core.graph import Graph
from yamlflow.core.messages import ExecutorTraits
from yamlflow.engine.crew import machine_of, profiles_of
from yamlflow.engine.machine import check_requests
from yamlflow.engine.machine import clamp as cut_to_fit
from yamlflow.engine.run import Run

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_REASONS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}


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


@dataclass(slots=True)
class Signals:
    """Signals that came while a run was going on; `first` decides how the process ends."""

    came: list[str] = field(default_factory=list)

    @property
    def first(self) -> str | None:
        return self.came[0] if self.came else None


@contextmanager
def stopping(run: Run) -> Iterator[Signals]:
    """While inside, INT, TERM and HUP ask the run to stop: gently, then at once, then not waiting at all.

    A hangup that was ignored at the start (nohup) stays ignored. The handler only puts a word in the run's inbox.
    """
    signals = Signals()

    def ask(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        signals.came.append(name)
        run.stop(_REASONS[name], force=len(signals.came) > 1)

    names = [name for name in _SIGNALS if signal.getsignal(signal.Signals[name]) is not signal.SIG_IGN]
    before = {name: signal.signal(signal.Signals[name], ask) for name in names}
    try:
        yield signals
    finally:
        for name, handler in before.items():
            signal.signal(signal.Signals[name], handler)


def in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a CI service shows what we print."""
    return environ.get("CI", "").lower() in ("1", "true", "yes")
