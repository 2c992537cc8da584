"""`make bench`: W1 to W4 beside a bare fork loop, make -j2 and Metaflow, in one run.

Prints a table of wall seconds and ratios; never a timed test. A peer that is not
there is named missing. `--metaflow` installs Metaflow into a folder of its own
first; `--python PATH` names an interpreter that has it already.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import workloads
from tests.benchmarks.memory import peak_memory

ROOT = Path(__file__).parents[2]
ROWS = [("W1", 100), ("W1", 1000), ("W1", 10_000), ("W2", 1), ("W3", 20), ("W4", 20)]
SLOW = {"make": 1000, "metaflow": 100}  # the largest N a slow peer is asked for

Build = Callable[[Path], list[str]]


def main() -> None:
    options = _options()
    metaflow = options.python or (_install_metaflow() if options.metaflow else None)
    print(f"{'work':5} {'N':>6} {'yamlflow':>9} {'fork loop':>10} {'make -j2':>9} {'Metaflow':>9}   ratios")
    for work, count in ROWS:
        if not options.only or work in options.only:
            print(_row(work, count, options.repeat, metaflow), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="*", help="workloads, such as W1 W3")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each command; the median counts")
    parser.add_argument("--metaflow", action="store_true", help="install Metaflow first")
    parser.add_argument("--python", help="an interpreter that has Metaflow")
    return parser.parse_args()


def _install_metaflow() -> str:
    folder = ROOT / ".venv-bench"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "metaflow", "numpy"], check=True)
    return str(python)


def _row(work: str, count: int, repeat: int, metaflow: str | None) -> str:
    ours, memory = _measure(lambda folder: workloads.yamlflow(folder, work, count), repeat)
    peers = {
        "fork loop": lambda folder: workloads.fork_loop(folder, work, count),
        "make": (lambda folder: workloads.make(folder, work, count)) if count <= SLOW["make"] else None,
        "metaflow": _metaflow(work, count, metaflow),
    }
    cells, ratios = [f"{work:5} {count:>6} {ours:>9.2f}"], []
    for (name, build), width in zip(peers.items(), (10, 9, 9), strict=True):
        seconds = _measure(build, min(repeat, 3 if name != "metaflow" else 1))[0] if build else None
        missing = "missing" if name == "metaflow" and metaflow is None else "-"
        cells.append(f"{seconds:>{width}.2f}" if seconds is not None else f"{missing:>{width}}")
        if seconds is not None:
            ratios.append(f"{ours / seconds:.2f} x {name}")
    per_task = f", {ours / count * 1000:.2f} ms/task" if work == "W1" else ""
    return " ".join(cells) + f"   {', '.join(ratios)}{per_task}, launcher {memory:.0f} MB"


def _metaflow(work: str, count: int, python: str | None) -> Build | None:
    if python is None or (work == "W1" and count > SLOW["metaflow"]):
        return None
    return lambda folder: workloads.metaflow(folder, work, count, python)


def _measure(build: Build, repeat: int) -> tuple[float, float]:
    """Median wall seconds of a command, and the peak memory of its first process in MB."""
    times, memory = [], 0.0
    for _ in range(repeat):
        folder = Path(tempfile.mkdtemp(prefix="yamlflow-bench-"))
        try:
            seconds, peak = _time(build(folder), folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        times.append(seconds)
        memory = max(memory, peak)
    return sorted(times)[len(times) // 2], memory


def _time(command: list[str], folder: Path) -> tuple[float, float]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "METAFLOW_USER": "bench", "USERNAME": "bench"}
    start = time.perf_counter()
    with (folder / "printed").open("w") as printed:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=printed)
        peak = peak_memory(process)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{command} failed:\n{(folder / 'printed').read_text()[-2000:]}")
    return seconds, peak


if __name__ == "__main__":
    main()
