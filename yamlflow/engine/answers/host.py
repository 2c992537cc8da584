"""The functions of expressions that touch the outside world: `file`, `files`, `write_lines`.

A file that an expression names is copied into the store, once per run while it
does not change, so that its content counts and it reaches any executor. The
user's own files are only read.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from yamlflow.core.values import ArtifactRef
from yamlflow.worker.storage import LocalStorage


class Host:
    """Files beside one pipeline."""

    def __init__(self, folder: Path, storage: LocalStorage) -> None:
        self._folder = folder
        self._storage = storage
        self._known: dict[tuple[str, int, int, int], ArtifactRef] = {}

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        return {"file": self.file, "files": self.files, "write_lines": self.write_lines}

    def file(self, path: str) -> ArtifactRef:
        """The file or folder at `path`, relative to the pipeline."""
        place = self._folder / path
        try:
            state = place.stat()
        except OSError as error:
            raise OSError(f"{path}: {error.strerror} (looked for {place})") from None
        mark = (str(place), state.st_mtime_ns, state.st_size, state.st_ino)
        if place.is_dir():
            digest, size = self._storage.put_tree(place)
            return ArtifactRef(digest, "dir", size, type="Path", name=place.name)
        if mark not in self._known:
            digest, size = self._storage.put_file(place)
            self._known[mark] = ArtifactRef(digest, "file", size, type="Path", name=place.name)
        return self._known[mark]

    def files(self, pattern: str) -> list[ArtifactRef]:
        """The files that match, sorted by path."""
        found = glob.glob(pattern, root_dir=self._folder, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute ones
        return [self.file(name) for name in sorted(found) if not (self._folder / name).is_dir()]

    def write_lines(self, lines: Sequence[str]) -> ArtifactRef:
        """A file with one item a line."""
        content = "".join(f"{line}\n" for line in lines).encode()
        digest, size = self._storage.put_bytes([content])
        return ArtifactRef(digest, "file", size, type="Path", name="lines.txt")
