"""What a run that nobody drives has left running elsewhere: it is ended before anything of the run is removed."""

from __future__ import annotations

from pathlib import Path

from yamlflow.core.errors import TemporaryError, YamlflowError
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.store.locks import is_held, take


def end_remains(folder: StateFolder, now: float, *, dry: bool) -> int:
    """How many tasks went, or would go; where a backend does not answer they stay for the next time."""
    place = folder.path / "runs"
    runs = sorted(place.iterdir()) if place.is_dir() else []
    return sum(_end(folder, run, now, dry=dry) for run in runs)


def end_tasks(run: Path, *, dry: bool = False) -> int:
    """Those of the run in this folder; whoever asks has its lock. Raises a YamlflowError where no backend answers."""
    from yamlflow.executors.registry import sweep_run  # late: `gc --help` needs no executor

    return len(sweep_run(run, dry=dry))


def _end(folder: StateFolder, run: Path, now: float, *, dry: bool) -> int:
    if dry:  # who only looks takes no lock: that would make its file
        return 0 if is_held(folder.run_lock(run.name)) else _swept(run, dry=True)
    try:
        lock = take(folder.run_lock(run.name), f"run {run.name}", since=f"{now:.0f}", run=run.name)
    except TemporaryError:  # its launcher looks after them
        return 0
    try:
        return _swept(run, dry=False)
    finally:
        lock.release()


def _swept(run: Path, *, dry: bool) -> int:
    try:
        return end_tasks(run, dry=dry)
    except YamlflowError:
        return 0
