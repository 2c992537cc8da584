"""Random generators, seeded per task: forked tasks must not share a sequence.

Python's own, numpy's global one and torch's are seeded when they are there, and
otherwise the moment a task imports them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


def _seed_random(module: ModuleType, seed: int) -> None:
    module.seed(seed)


def _seed_numpy(module: ModuleType, seed: int) -> None:
    module.random.seed(seed % 2**32)


def _seed_torch(module: ModuleType, seed: int) -> None:
    module.manual_seed(seed % 2**63)


_SEEDERS: dict[str, Callable[[ModuleType, int], None]] = {
    "random": _seed_random,
    "numpy": _seed_numpy,
    "torch": _seed_torch,
}


def seed(number: int) -> None:
    """Seed what is imported; what is not is seeded when it is."""
    _LATE.number = number
    if len(_LATE.waiting) == len(_SEEDERS):
        return
    for name, seeder in _SEEDERS.items():
        module = sys.modules.get(name)
        if module is not None:
            seeder(module, number)


def watch_imports() -> None:
    """Be there when a module is imported that has a generator to seed; once, before any fork."""
    _LATE.waiting = {name: seeder for name, seeder in _SEEDERS.items() if name not in sys.modules}
    if _LATE not in sys.meta_path:
        sys.meta_path.insert(0, _LATE)


class _SeedOnImport:
    """Finds nothing itself; has the module that another finder found seeded after its code ran."""

    def __init__(self) -> None:
        self.waiting: dict[str, Callable[[ModuleType, int], None]] = {}
        self.number: int | None = None

    def find_spec(self, name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        seeder = self.waiting.pop(name, None)
        if seeder is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, None)
            if spec is not None:
                self._wrap(spec, seeder)
                return spec
        return None

    def _wrap(self, spec: ModuleSpec, seeder: Callable[[ModuleType, int], None]) -> None:
        loader = spec.loader
        if loader is None:
            return
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if self.number is not None:
                seeder(module, self.number)

        loader.exec_module = exec_module  # type: ignore[method-assign]


_LATE = _SeedOnImport()
