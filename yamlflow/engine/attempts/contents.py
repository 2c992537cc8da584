"""What files hold, as digests for keys: read once while their time, size and number stay the same.

Reads the user's files; changes and copies nothing.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

from yamlflow.core.fingerprint import digest_of
from yamlflow.worker.views import members

Stamp = tuple[int, int, int]
CHUNK = 1 << 20


def stamp(path: Path) -> Stamp | None:
    """What changes when a file is written; None when it is not there."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


class Contents:
    """Digests of files and folders."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, Stamp], str] = {}

    def of(self, path: Path) -> str | None:
        """The digest of a file, or of a folder with all below it; None where there is neither."""
        mark = stamp(path)
        if mark is None:
            return None
        if path.is_dir():
            return self._folder(path)
        if (path, mark) not in self._known:
            found = _read(path)
            if found is None:
                return None
            self._known[path, mark] = found
        return self._known[path, mark]

    def _folder(self, path: Path) -> str | None:
        """Files below it by their names, and empty folders. Links are followed, a loop is not; no compiled code."""
        try:
            found = [(name, Path(inner)) for name, inner in members(str(path)) if "__pycache__" not in name]
        except OSError:  # a folder that may not be read
            return None
        lines = [(name, None if inner.is_dir() else self.of(inner)) for name, inner in found]
        return digest_of(json.dumps(sorted(lines)))


def _read(path: Path) -> str | None:
    hasher = blake2b(digest_size=12)
    try:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                hasher.update(chunk)
    except OSError:
        return None
    return f"#{hasher.hexdigest()}"
