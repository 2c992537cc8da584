"""From a graph's profiles to executors and the machine they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from yamlflow.core.graph import Graph
from yamlflow.core.messages import ExecutorTraits, Machine
from yamlflow.engine.machine import find_gpus, this_machine
from yamlflow.executors import registry
from yamlflow.executors.base import Executor

Crew = dict[str, tuple[Executor, ExecutorTraits]]
LOCAL: Mapping[str, Any] = {"type": "local"}


def machine_of(graph: Graph) -> Machine:
    """This machine, as far as the `local` profile does not say otherwise."""
    profile = graph.profiles.get("local", LOCAL)
    return this_machine(cpu=_number(profile.get("cpu")), memory=_whole(profile.get("memory")), gpus=_devices(profile))


def profiles_of(graph: Graph) -> dict[str, Mapping[str, Any]]:
    """The profiles that steps of the graph use, and `local`, which evaluates for all."""
    used = {node.executor for node in graph.nodes.values() if node.action is not None} | {"local"}
    return {name: graph.profiles.get(name, LOCAL) for name in sorted(used)}


def make_crew(graph: Graph) -> Crew:
    """An executor for every profile in use; profiles with the same options share one."""
    made: dict[str, Executor] = {}
    crew: Crew = {}
    for name, profile in profiles_of(graph).items():
        kind = str(profile["type"])
        known = {option.name for option in fields(registry.options_type(kind))}
        options = {key: value for key, value in profile.items() if key in known}
        mark = f"{kind} {sorted(options.items())!r}"
        if mark not in made:
            made[mark] = registry.make(kind, options)
        crew[name] = (made[mark], traits_of(made[mark], profile))
    return crew


def traits_of(executor: Executor, profile: Mapping[str, Any]) -> ExecutorTraits:
    """What the scheduler must know of an executor under one profile."""
    traits = executor.traits
    return ExecutorTraits(
        machine=traits.machine,
        max_batch=traits.max_batch,
        coalesce=traits.coalesce,
        gang=traits.gang,
        depth=traits.depth,
        chain=traits.chain,
        short=traits.short,
        overhead=traits.overhead,
        packs=traits.packs,
        adopts=traits.adopts,
        max_parallel=_whole(profile.get("max_parallel")),
    )


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
