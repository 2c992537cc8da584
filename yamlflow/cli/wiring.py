"""The composition root: from a graph's profiles to executors, the machine, and a run under signals.

Only here do the command line, the engine and the executors meet.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from yamlflow.cli.guard import tell
from yamlflow.core.graph import Graph
from yamlflow.core.messages import ExecutorTraits, Machine
from yamlflow.engine.machine import check_requests, find_gpus, this_machine
from yamlflow.engine.machine import clamp as cut_to_fit
from yamlflow.engine.run import Run
from yamlflow.executors import registry
from yamlflow.executors.base import Executor

Crew = Mapping[str, tuple[Executor, ExecutorTraits]]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_REASONS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}


def machine_of(graph: Graph) -> Machine:
    """This machine, as far as the `local` profile does not say otherwise."""
    profile = graph.profiles.get("local", {})
    return this_machine(cpu=_number(profile.get("cpu")), memory=_whole(profile.get("memory")), gpus=_devices(profile))


def fitted(graph: Graph, *, clamp: bool) -> Graph:
    """The graph as this machine can run it; SetupError for a request that it cannot meet. Says what was cut."""
    machine, traits = machine_of(graph), traits_of(graph)
    if clamp:
        graph, said = cut_to_fit(graph, machine, traits)
        for line in said:
            tell(f"--clamp: {line}")
    check_requests(graph, machine, traits)
    return graph


def crew_of(graph: Graph) -> dict[str, tuple[Executor, ExecutorTraits]]:
    """The executors that the graph's steps name; profiles of one type share one executor where they can."""
    used = {node.executor for node in graph.nodes.values() if node.action is not None} | {"local"}
    made: dict[str, Executor] = {}
    crew = {}
    for name in sorted(used):
        profile = graph.profiles.get(name, {"type": "local"})
        kind = str(profile["type"])
        if kind not in made:
            made[kind] = registry.make(kind, _options(kind, profile))
        crew[name] = (made[kind], _traits(made[kind], profile))
    return crew


def traits_of(graph: Graph) -> dict[str, ExecutorTraits]:
    """The same without making any executor: for plans."""
    used = {node.executor for node in graph.nodes.values() if node.action is not None} | {"local"}
    profiles = {name: graph.profiles.get(name, {"type": "local"}) for name in used}
    return {
        name: ExecutorTraits(max_parallel=_whole(profile.get("max_parallel"))) for name, profile in profiles.items()
    }


def _traits(executor: Executor, profile: Mapping[str, Any]) -> ExecutorTraits:
    traits = executor.traits
    return ExecutorTraits(
        machine=traits.machine,
        max_batch=traits.max_batch,
        coalesce=traits.coalesce,
        gang=traits.gang,
        max_parallel=_whole(profile.get("max_parallel")),
    )


def _options(kind: str, profile: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a profile that its executor knows; the rest is the engine's business."""
    from dataclasses import fields

    known = {field.name for field in fields(registry.options_type(kind))}
    return {name: value for name, value in profile.items() if name in known}


def _devices(profile: Mapping[str, Any]) -> Mapping[str, tuple[str, int]] | None:
    """GPUs named in the profile, by their id, else their number; None where NVML is to be asked."""
    named = profile.get("gpus")
    if not isinstance(named, list):
        return None
    found = find_gpus() if named and any(not device.get("type") for device in named) else {}
    ids = [str(device.get("id") or number) for number, device in enumerate(named)]
    return {name: _device(device, found.get(name)) for name, device in zip(ids, named, strict=True)}


def _device(device: Mapping[str, Any], real: tuple[str, int] | None) -> tuple[str, int]:
    kind, memory = real or ("gpu", 0)
    return str(device.get("type") or kind), int(device.get("memory") or memory)


def _number(value: Any) -> float | None:
    return float(value) if value is not None else None


def _whole(value: Any) -> int | None:
    return int(value) if value is not None else None


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


def reused_line(run: Run, steps: Sequence[str]) -> str:
    return f"results of {', '.join(steps)} are taken from run {run.reused_run}"
