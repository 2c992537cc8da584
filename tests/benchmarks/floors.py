"""What this machine can do at best, beside the machine on which the bars in seconds were set.

Bars are seconds of a machine whose floors are `THERE`. Each floor here over the
same floor there is how much slower this machine is, now; the middle one of the
three stretches every bar that is in seconds. So a busy machine gets more time,
and a fast one less.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from statistics import median

from tests.benchmarks.measuring import surroundings

FORK = "fork + exit + wait with numpy"
THERE: Mapping[str, float] = {"python start": 8.7, "import numpy": 78.0, FORK: 1.04}
"""Milliseconds on the machine of the bars."""

_FORKS = """
import os, time, numpy
start = time.perf_counter()
for _ in range(200):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.wait4(pid, 0)
print((time.perf_counter() - start) / 200 * 1000)
"""
_START = """
import subprocess, sys, time
times = []
for _ in range(7):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    times.append(time.perf_counter() - start)
print(sorted(times)[3] * 1000)
"""
_NUMPY = """
import time
start = time.perf_counter()
import numpy
print((time.perf_counter() - start) * 1000)
"""
_PROGRAMS = dict(zip(THERE, (_START, _NUMPY, _FORKS), strict=True))


def floors(repeat: int = 3) -> dict[str, float]:
    """The floors of this machine at this moment, in milliseconds."""
    return {name: median(_number(program) for _ in range(repeat)) for name, program in _PROGRAMS.items()}


def stretch(measured: Mapping[str, float]) -> float:
    """How many times longer this machine takes than the one of the bars."""
    return median(measured[name] / there for name, there in THERE.items())


def _number(program: str) -> float:
    command = [sys.executable, "-c", program]
    return float(subprocess.run(command, env=surroundings(), capture_output=True, text=True, check=True).stdout)
