"""What this machine has: cores, memory, GPUs, as far as this process may use them.

Cores and memory are the smaller of the machine's and the control group's; GPUs
are asked of NVML, or named in the configuration. Reads /proc and /sys; changes
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from yamlflow.core.errors import SetupError
from yamlflow.core.graph import Graph, Node, Resources
from yamlflow.core.messages import ExecutorTraits, Machine
from yamlflow.core.pools import Pools

CGROUP = Path("/sys/fs/cgroup")
DRIVER = Path("/dev/nvidiactl")


def this_machine(
    *, cpu: float | None = None, memory: int | None = None, gpus: Mapping[str, tuple[str, int]] | None = None
) -> Machine:
    """The slots of this machine; what the configuration says goes before what is found."""
    return Machine(
        cpu=cpu if cpu is not None else cores(),
        memory=memory if memory is not None else memory_bytes(),
        gpus=gpus if gpus is not None else find_gpus(),
    )


def cores(root: Path = CGROUP) -> float:
    """Cores that this process may use, at least one; a quota may be a fraction above that."""
    allowed = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    for folder in _groups(root):
        quota, _, period = _words(folder / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            allowed = min(allowed, int(quota) / int(period))
    return max(1.0, allowed)


def memory_bytes(root: Path = CGROUP) -> int:
    """Bytes of memory of the machine, or of the control group where that is less."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for folder in _groups(root):
        limit = _words(folder / "memory.max")
        if limit.isdigit():
            found = min(found, int(limit))
    return found


def _groups(root: Path) -> list[Path]:
    """The control groups this process is in, the innermost first (version 2)."""
    line = next((line for line in _words(Path("/proc/self/cgroup")).splitlines() if line.startswith("0::")), "0::/")
    inner = root / line[3:].lstrip("/")
    return [folder for folder in (inner, *inner.parents) if folder == root or root in folder.parents]


def _words(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def find_gpus(driver: Path = DRIVER) -> dict[str, tuple[str, int]]:
    """Device ids with their type and bytes of memory, from NVML; empty where there is none.

    Only the devices in CUDA_VISIBLE_DEVICES count, where that is set.
    """
    if not driver.exists():
        return {}
    from yamlflow.engine.nvml import devices

    return _visible(devices())


def _visible(devices: dict[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
    """As CUDA reads the variable: the first number that is no device ends the list; -1 is the usual one."""
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    words = [word.strip() for word in (wanted or "").split(",") if word.strip()]
    if wanted is None or any(not word.lstrip("-").isdigit() for word in words):  # not set, or names by UUID
        return devices
    return {word: devices[word] for word in takewhile(devices.__contains__, words)}


def check_requests(graph: Graph, machine: Machine, executors: Mapping[str, ExecutorTraits]) -> None:
    """SetupError for a step that asks for more than this machine has."""
    pools = Pools(machine, executors)
    for node in _on_machine(graph, executors):
        lacking = pools.possible(node.resources)
        if lacking is not None:
            raise SetupError(
                f"step {node.id} asks for {lacking}: more than this machine has",
                hint="run with --clamp to cut requests to what is there",
            )


def clamp(graph: Graph, machine: Machine, executors: Mapping[str, ExecutorTraits]) -> tuple[Graph, list[str]]:
    """The graph with every request cut to what this machine has, and a line for each cut."""
    said: list[str] = []
    nodes = dict(graph.nodes)
    pools = Pools(machine, executors)
    for node in _on_machine(graph, executors):
        if pools.possible(node.resources) is None:
            continue
        cut = _cut(node.resources, machine, pools)
        nodes[node.id] = replace(node, resources=cut)
        said.append(f"step {node.id}: {shown(node.resources)} cut to {shown(cut)}")
    return replace(graph, nodes=nodes), said


def _cut(resources: Resources, machine: Machine, pools: Pools) -> Resources:
    cut = replace(resources, cpu=min(resources.cpu, machine.cpu), memory=min(resources.memory, machine.memory))
    gpu = cut.gpu
    while gpu.count and pools.devices(gpu) is None:
        gpu = replace(gpu, count=gpu.count - 1)
    return replace(cut, gpu=gpu)


def _on_machine(graph: Graph, executors: Mapping[str, ExecutorTraits]) -> list[Node]:
    tasks = [node for node in graph.nodes.values() if node.action is not None]
    return [node for node in tasks if node.executor in executors and executors[node.executor].machine]


def shown(resources: Resources) -> str:
    """`4 cores, 16.0 GiB, 1 GPU`."""
    parts = [f"{resources.cpu:g} cores"]
    if resources.memory:
        parts.append(f"{resources.memory / 2**30:.1f} GiB")
    if resources.gpu.count:
        parts.append(f"{resources.gpu.count} GPU")
    return ", ".join(parts)
