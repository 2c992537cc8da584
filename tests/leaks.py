"""What a run may leave behind, and how to see it: processes, locks, files, descriptors, threads.

Processes are known by a mark in the environment that they were executed with,
or by working in the test's folder; locks by asking the kernel. Polls, with much
patience: a loaded machine is no leak.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from yamlflow.store.locks import is_held

MARK = "YFTEST_MARK"
PATIENCE = 30.0


def until(holds: Callable[[], object], patience: float = PATIENCE, words: Callable[[], str] = str) -> None:
    """Waits for something that must come true."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, words() or "it never came true"
        time.sleep(0.01)


def marked(mark: str) -> list[str]:
    """The living processes with this mark, each with its command; zombies are not alive."""
    wanted = f"{MARK}={mark}".encode()
    found = [path for path in _processes() if wanted in _read(path / "environ").split(b"\0")]
    return [shown for path in found if (shown := _shown(path))]


def working_in(folder: Path) -> list[str]:
    """The living processes, this one left out, whose working directory lies in the folder."""
    return [shown for path in _processes() if _is_in(path, folder) and (shown := _shown(path))]


def held_locks(folder: Path) -> list[str]:
    """The lock files below a folder that a living process holds."""
    found = [path for path in folder.rglob("*") if path.name == "lock" or path.suffix == ".lock"]
    return [str(path) for path in found if path.is_file() and is_held(path)]


def temporary(folder: Path) -> list[str]:
    """Files and folders that were only meant to be there for a moment."""
    return sorted([*(str(path) for path in folder.rglob("store/tmp/*")), *scratch(folder)])


def scratch(folder: Path) -> list[str]:
    """What is left of the scratch of tasks; what a failed task wrote may stay."""
    return [str(path) for path in folder.rglob("runs/*/scratch/*") if not (path.is_dir() and any(path.iterdir()))]


def _processes() -> Iterator[Path]:
    mine = str(os.getpid())
    return (path for path in Path("/proc").glob("[0-9]*") if path.name != mine)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_in(path: Path, folder: Path) -> bool:
    try:
        return (path / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def _shown(path: Path) -> str:
    """Number and command; nothing for a zombie, and for what has ended meanwhile."""
    command = _read(path / "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    return f"{path.name}: {command[:120]}" if command else ""


@dataclass(frozen=True)
class Standing:
    """What this process itself holds."""

    descriptors: frozenset[tuple[int, str]]
    threads: frozenset[threading.Thread]


def standing() -> Standing:
    return Standing(frozenset(_descriptors()), frozenset(threading.enumerate()))


def _descriptors() -> Iterator[tuple[int, str]]:
    for path in Path("/proc/self/fd").iterdir():
        try:
            yield int(path.name), str(path.readlink())
        except OSError:
            continue


@contextmanager
def nothing_left(folder: Path, mark: str, patience: float = PATIENCE) -> Iterator[None]:
    """Whatever begins inside has ended, and is tidied up, when it is left; the mark must be in the environment."""
    before = standing()
    yield
    looks: dict[str, Callable[[], Iterable[object]]] = {
        "processes": lambda: marked(mark),
        "processes in its folder": lambda: working_in(folder),
        "locks": lambda: held_locks(folder),
        "temporary files": lambda: temporary(folder),
        "threads": lambda: standing().threads - before.threads,
        "descriptors": lambda: standing().descriptors - before.descriptors,
    }
    for what, look in looks.items():
        until(
            lambda look=look: not look(),
            patience,
            lambda what=what, look=look: f"{what} left: {sorted(map(str, look()))}",
        )
