"""Disks between yamlflow and the real one, through the seam of worker.disk: they count, refuse, or stop short.

disk = Faulty(at=3, fault=errno.ENOSPC)      # the third call fails, and no other
disk = Faulty(calls={"link"}, fault=errno.EPERM, always=True)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Any

from yamlflow.worker.disk import RealDisk

CALLS = tuple(name for name in vars(RealDisk) if not name.startswith("_"))
SHORT = -1
"""Instead of an error number: a write that takes one byte and says so."""


class Disk:
    """Every call of the seam goes to `around(name, call, arguments)`."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in CALLS:
            raise AttributeError(name)
        call = getattr(RealDisk, name)

        def through(*arguments: Any) -> Any:
            return self.around(name, call, arguments)

        return through

    def around(self, name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        return call(*arguments)


class Faulty(Disk):
    """Fails at one call of those in `calls`, or from that one on; `count` is how many there were."""

    def __init__(self, *, at: int = 1, fault: int, calls: Collection[str] = CALLS, always: bool = False) -> None:
        self.at = at
        self.fault = fault
        self.calls = calls
        self.always = always
        self.count = 0
        self.struck = ""

    def around(self, name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if name not in self.calls:
            return call(*arguments)
        self.count += 1
        if self.count != self.at and not (self.always and self.count > self.at):
            return call(*arguments)
        self.struck = name
        if self.fault == SHORT:
            return call(arguments[0], arguments[1][:1]) if name == "write" else call(*arguments)
        if name == "close":  # it closes, whatever it says
            call(*arguments)
        path = arguments[0] if isinstance(arguments[0], str) else None
        raise OSError(self.fault, os.strerror(self.fault), path)
