"""Running commands in turns: wall seconds, peak memory of the launcher, and what is left on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.memory import peak_memory

ROOT = Path(__file__).parents[2]
Build = Callable[[Path], list[str]]
"""Writes what a command needs into a folder and gives the command."""


class CommandFailedError(Exception):
    """A measured command ended with this code, having printed this."""

    def __init__(self, command: list[str], code: int, printed: str) -> None:
        super().__init__(f"{' '.join(command)} ended with {code}:\n{printed[-2000:]}")
        self.code = code


@dataclass(frozen=True)
class Measured:
    """Of one command or the median of several: wall seconds, and MB of the first process at its peak."""

    seconds: float
    megabytes: float
    printed: str = ""


def race(contestants: Mapping[str, Build], repeat: int) -> dict[str, Measured]:
    """Each command `repeat` times, in turns, so that what else the machine does hits all alike; medians."""
    found: dict[str, list[Measured]] = {name: [] for name in contestants}
    for _ in range(repeat):
        for name, build in contestants.items():
            with scratch() as folder:
                found[name].append(timed(build(folder), folder))
    return {name: middle(measured) for name, measured in found.items()}


def middle(measured: list[Measured]) -> Measured:
    seconds = median(one.seconds for one in measured)
    return Measured(seconds, max(one.megabytes for one in measured), measured[-1].printed)


def timed(command: list[str], folder: Path) -> Measured:
    """One command in a folder. Raises CommandFailedError."""
    with tempfile.TemporaryFile("w+") as printed:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=surroundings(), stdout=printed, stderr=subprocess.STDOUT)
        peak = peak_memory(process)
        seconds = time.perf_counter() - start
        printed.seek(0)
        text = printed.read()
    if process.returncode != 0:
        raise CommandFailedError(command, process.returncode, text)
    return Measured(seconds, peak, text)


def surroundings() -> dict[str, str]:
    """The environment of all commands: Python may keep its bytecode, as it does for a user."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "YAMLFLOW", "CI"))}
    return {**kept, "PYTHONPATH": str(ROOT), "METAFLOW_USER": "bench", "USERNAME": "bench"}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one command."""
    folder = Path(tempfile.mkdtemp(prefix="yamlflow-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def left_behind(folder: Path) -> tuple[int, int]:
    """Files in a folder, and the bytes in them."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
