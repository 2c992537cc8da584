"""What makes forking unsafe after a module was imported.

Python threads, open sockets, a GPU context and a running OpenMP pool do not
survive a fork. The idle threads of OpenBLAS and of jemalloc (pyarrow's, and so
pandas') do: they end and restart them themselves.
"""

from __future__ import annotations

import os
import re
import sys

from yamlflow.worker.processes.environment import THREADS

_OPENMP = re.compile(r"/lib(?:gomp|iomp5|omp)[^/]*\.so")
_OPENBLAS = re.compile(r"/\S*openblas\S*\.so\S*")


def found() -> list[str]:
    """Why this process must not be forked; empty when it may be."""
    reasons = []
    if threads() > 1:
        reasons.append("threads")
    links = _open_files()
    if sum(link.startswith("socket:") for link in links) > 1:  # one is the channel to the launcher
        reasons.append("sockets")
    if any(link.startswith("/dev/nvidia") for link in links):
        reasons.append("gpu")
    if _openmp_runs():
        reasons.append("openmp")
    return reasons


def threads() -> int:
    """Python threads of this process; `threading` itself costs a fork a quarter of its time, and is not imported."""
    threading = sys.modules.get("threading")
    return threading.active_count() if threading is not None else 1


def _open_files() -> list[str]:
    folder = "/proc/self/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [_target(f"{folder}/{name}") for name in names]


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _openmp_runs() -> bool:
    """Whether there are more native threads than Python and OpenBLAS account for, and OpenMP is loaded."""
    try:
        native = _native_threads()
        if native == 1:
            return False
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
            maps = file.read()
    except OSError:
        return False
    pools = len(set(_OPENBLAS.findall(maps)))
    per_pool = min(_openblas_threads(), os.cpu_count() or 1) - 1
    return bool(_OPENMP.search(maps)) and native > 1 + pools * per_pool


def _native_threads() -> int:
    """The threads of this process, without jemalloc's own."""
    count = 0
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/comm", encoding="utf-8", errors="replace") as file:
            count += not file.read().startswith("jemalloc")
    return count


def _openblas_threads() -> int:
    for name in (THREADS[1], THREADS[0]):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value):
            return int(value)
    return os.cpu_count() or 1
