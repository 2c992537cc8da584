"""Slots: the machine's cores, memory and devices, named limits, workers.

One request is granted whole or not at all. When the first request in line
lacks something, that something is closed to everyone behind it until the first
has been served, so a big task is not starved by small ones; what it does not
lack stays open, so nobody waits for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Gpu, Resources
from yamlflow.core.jobs import Grant
from yamlflow.core.messages import ExecutorTraits, Machine

_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Ask:
    """What one task wants: from which executor, how much, and under which named limit."""

    executor: str
    resources: Resources
    limit: str | None = None


@dataclass(slots=True)
class Pools:
    """All slots of a run and who may have them."""

    machine: Machine
    executors: Mapping[str, ExecutorTraits]
    limits: Mapping[str, int] = field(default_factory=dict)
    max_workers: int | None = None
    cpu: float = 0.0
    memory: int = 0
    busy: dict[str, None] = field(default_factory=dict)
    running: int = 0
    per_executor: dict[str, int] = field(default_factory=dict)
    per_limit: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def new_pass(self) -> None:
        """A new look at the queue: nobody is first in line yet."""
        self.closed.clear()

    def full(self) -> bool:
        """No worker is left for anybody."""
        return self.max_workers is not None and self.running >= self.max_workers

    def take(self, ask: Ask) -> Grant | None:
        """Slots for one task, or None. A None over machine slots closes what lacks for those behind."""
        if self.full() or not self._under_limits(ask):
            return None
        if not self.executors[ask.executor].machine:
            return self._hand_out(ask, ())
        gpus = self.devices(ask.resources.gpu)
        lacking = self._lacking(ask.resources, gpus)
        if lacking or self._wants(ask.resources) & self.closed:
            self.closed |= lacking
            return None
        return self._hand_out(ask, gpus or ())

    def _under_limits(self, ask: Ask) -> bool:
        cap = self.executors[ask.executor].max_parallel
        if cap is not None and self.per_executor.get(ask.executor, 0) >= cap:
            return False
        return ask.limit is None or self.per_limit.get(ask.limit, 0) < self.limits[ask.limit]

    def _wants(self, resources: Resources) -> set[str]:
        wanted = {"cpu": resources.cpu, "memory": resources.memory, "gpu": resources.gpu.count}
        return {name for name, amount in wanted.items() if amount > 0}

    def _lacking(self, resources: Resources, gpus: tuple[str, ...] | None) -> set[str]:
        lacking = set()
        if self.cpu + resources.cpu > self.machine.cpu + _SLACK:
            lacking.add("cpu")
        if self.memory + resources.memory > self.machine.memory:
            lacking.add("memory")
        if gpus is None:
            lacking.add("gpu")
        return lacking & self._wants(resources)

    def devices(self, gpu: Gpu) -> tuple[str, ...] | None:
        """Free devices that fit, or None when there are too few."""
        fitting = [device for device in self.machine.gpus if device not in self.busy and self._fits(device, gpu)]
        return tuple(fitting[: gpu.count]) if len(fitting) >= gpu.count else None

    def _fits(self, device: str, gpu: Gpu) -> bool:
        kind, memory = self.machine.gpus[device]
        return memory >= gpu.memory and (not gpu.types or any(wanted.lower() in kind.lower() for wanted in gpu.types))

    def possible(self, resources: Resources) -> str | None:
        """What an empty machine lacks for one such task, in words, or None."""
        fitting = sum(self._fits(device, resources.gpu) for device in self.machine.gpus)
        if resources.cpu > self.machine.cpu + _SLACK:
            return f"{resources.cpu:g} cores of {self.machine.cpu:g}"
        if resources.memory > self.machine.memory:
            return f"{resources.memory} bytes of memory of {self.machine.memory}"
        if fitting < resources.gpu.count:
            return f"{resources.gpu.count} GPUs of {fitting} that fit"
        return None

    def breadth(self, ask: Ask) -> int:
        """How many such grants there may be at one time, at least one."""
        most = [self.max_workers, self.executors[ask.executor].max_parallel]
        if ask.limit is not None:
            most.append(self.limits[ask.limit])
        if self.executors[ask.executor].machine:
            most += self._slots(ask.resources)
        return max(1, min((bound for bound in most if bound is not None), default=1))

    def _slots(self, resources: Resources) -> Iterator[int]:
        """How often the machine has each thing that is asked for."""
        if resources.cpu > 0:
            yield int(self.machine.cpu / resources.cpu + _SLACK)
        if resources.memory > 0:
            yield self.machine.memory // resources.memory
        if resources.gpu.count > 0:
            yield sum(self._fits(device, resources.gpu) for device in self.machine.gpus) // resources.gpu.count

    def _hand_out(self, ask: Ask, gpus: tuple[str, ...]) -> Grant:
        grant = Grant(ask.resources.cpu, ask.resources.memory, gpus, ask.resources.shm)
        self._count(ask, grant, 1)
        self.busy.update(dict.fromkeys(gpus))
        return grant

    def give_back(self, ask: Ask, grant: Grant) -> None:
        """The task has ended: its slots are free again."""
        self._count(ask, grant, -1)
        for device in grant.gpus:
            del self.busy[device]

    def _count(self, ask: Ask, grant: Grant, sign: int) -> None:
        self.running += sign
        self.per_executor[ask.executor] = self.per_executor.get(ask.executor, 0) + sign
        if ask.limit is not None:
            self.per_limit[ask.limit] = self.per_limit.get(ask.limit, 0) + sign
        if self.executors[ask.executor].machine:
            self.cpu += sign * grant.cpu
            self.memory += sign * grant.memory
