"""How often the kernel has killed a process of our control group for want of memory.

A process that got SIGKILL does not know from whom; a count that has risen says
it was the kernel. Knows both kinds of control groups; 0 where there is neither.
"""

from __future__ import annotations

import os

ROOT = "/sys/fs/cgroup"


def kills(root: str = ROOT, groups: str = "/proc/self/cgroup") -> int:
    """Processes of this control group, and of those below it where the kernel counts them, killed so far."""
    for line in _lines(groups):
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            counted = _count(f"{root}{group}/memory.events")
        elif "memory" in controllers.split(","):
            counted = _count(f"{root}/memory{group}/memory.oom_control")
            if counted is None:  # in a container, whose own group is the top of what it sees
                counted = _count(f"{root}/memory/memory.oom_control")
        else:
            continue
        if counted is not None:
            return counted
    return 0


def _count(path: str) -> int | None:
    found = [int(line.split()[1]) for line in _lines(path) if line.startswith("oom_kill ")]
    return found[0] if found else None


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", opener=_read_only) as file:
            return file.read().splitlines()
    except OSError:
        return []


def _read_only(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC)
