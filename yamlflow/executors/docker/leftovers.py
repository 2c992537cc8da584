"""Containers that a dead launcher left, found by whoever cleans up: the folder of a run says which engine has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yamlflow.core.errors import TemporaryError
from yamlflow.executors.docker.engine import Engine, EngineGoneError, RefusedError

MARK = "containers/engine"
"""In a run's folder: the address of the engine that has containers of the run."""


def mark(run: Path, address: str) -> None:
    """From now on this engine may have containers of the run."""
    path = run / MARK
    if not path.exists():
        path.write_text(address, encoding="utf-8")


def sweep(run: Path, *, dry: bool = False) -> Sequence[str]:
    """Ends and removes what the engine still has of a run that nobody drives; gives its names.

    Raises a YamlflowError where the engine does not answer.
    """
    try:
        address = (run / MARK).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    engine = Engine(address)
    try:
        found = [one for one in engine.containers(f"yamlflow/run={run.name}") if _is_of(one["Labels"], run)]
        names = [str(one["Names"][0]).lstrip("/") for one in found]
        for name in () if dry else names:
            engine.remove(name)
    except (EngineGoneError, RefusedError) as error:
        raise TemporaryError(f"the Docker engine at {address} does not answer: {error}") from error
    finally:
        engine.close()
    if not dry:
        (run / MARK).unlink()
    return names


def _is_of(labels: dict[str, str], run: Path) -> bool:
    """Whether a container is of this very run, and not of one with the same name elsewhere."""
    return labels.get("yamlflow/folder", "").startswith(f"{run}/")
