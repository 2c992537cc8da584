"""Where a pipeline's code lies: its project root and its import roots.

The same list serves the validator, the worker and the commands. Looks at
folders only; imports nothing, writes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

MARKERS = ("yamlflow.toml", "pyproject.toml", ".yamlflow", ".git")


def project_root(folder: Path) -> Path:
    """The nearest folder, `folder` or above, that holds a marker; else `folder` itself."""
    folder = folder.absolute()
    for candidate in (folder, *folder.parents):
        if any(_exists(candidate / marker) for marker in MARKERS):
            return candidate
    return folder


def import_roots(folder: Path) -> tuple[Path, ...]:
    """The file's folder, its `src/`, the project root, its `src/`: those that exist, once each, in order."""
    folder = folder.absolute()
    root = project_root(folder)
    wanted = (folder, folder / "src", root, root / "src")
    return tuple(dict.fromkeys(path for path in wanted if path == folder or path.is_dir()))


def shipped_root(folder: Path, written: str | None) -> Path:
    """The folder whose files are the code: what the file in `folder` says, else the project root."""
    return Path(os.path.normpath(folder.absolute() / written)) if written is not None else project_root(folder)


def shown(path: Path) -> str:
    """The path as a person near it would type it: relative to the working directory when it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
