"""The code package: which files of a project count as its code, and travel with it.

Tracked files, and untracked ones that git does not ignore; without git all files
but those in dot folders and environments, and large ones. Never `.git`, state
folders, `.env` files or keys. Looks at names and sizes; reads no content.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

LARGEST = 50 << 20
"""Bytes of a file that still counts where no git says what belongs to the project."""

_SECRET = ("*.pem", "*.key", "id_rsa*", "id_ed25519*", ".env", ".env.*", "*.p12", ".netrc", "credentials.json")
_FOLDERS = frozenset({"__pycache__", "node_modules", "venv", "env", ".yamlflow", ".git"})


def code_files(roots: Sequence[Path]) -> dict[str, Path]:
    """The files of the code package by their names in it; roots inside other roots add nothing."""
    tops = [root for root in roots if not any(root != other and root.is_relative_to(other) for other in roots)]
    found: dict[str, Path] = {}
    for root in dict.fromkeys(tops):
        for name in _listed(root):
            found.setdefault(name, root / name)
    return dict(sorted(found.items()))


def _listed(root: Path) -> Iterator[str]:
    names = _by_git(root)
    for name in names if names is not None else _walked(root):
        parts = name.split("/")
        if not _FOLDERS.intersection(parts[:-1]) and not any(fnmatchcase(parts[-1], secret) for secret in _SECRET):
            yield name


def _by_git(root: Path) -> list[str] | None:
    """What git lists below a folder; None where there is no git, or no repository."""
    import subprocess  # slow to import, and only asked where a command has a cache

    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name] if done.returncode == 0 else None


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if _is_code_folder(Path(folder, name)))
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_file() and path.stat().st_size <= LARGEST:
                yield path.relative_to(root).as_posix()


def _is_code_folder(path: Path) -> bool:
    return not path.name.startswith(".") and path.name not in _FOLDERS and not (path / "pyvenv.cfg").exists()
