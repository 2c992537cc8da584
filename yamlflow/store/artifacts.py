"""What an artifact store is to the launcher: content by digest, and a path or the bytes of it.

Values are made and opened in workers; the launcher reads JSON, hands out paths
and counts bytes. It never unpickles.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from yamlflow.core.values import ArtifactRef


class ArtifactStore(Protocol):
    """Objects by the SHA-256 of their content; writing the same content twice is writing it once."""

    def put_bytes(self, parts: Iterable[bytes]) -> tuple[str, int]:
        """Store the parts one after another; gives digest and size. Raises StateError."""

    def put_file(self, source: str | os.PathLike[str], *, move: bool = False) -> tuple[str, int]:
        """Store a file, by moving it if told so."""

    def put_tree(self, source: str | os.PathLike[str], *, move: bool = False) -> tuple[str, int]:
        """Store a folder: each file an object, and a manifest whose digest is the folder's."""

    def read(self, ref: ArtifactRef) -> bytes:
        """The content, verified. Raises ArtifactLostError (worker.storage)."""

    def path(self, ref: ArtifactRef) -> Path:
        """A local path to read it at; a file or folder has its own base name. Raises ArtifactLostError."""

    def has(self, digest: str) -> bool:
        """Whether an object of this digest is there, unread."""

    def digests(self) -> Iterator[tuple[str, int]]:
        """Every object's digest and size, in no order."""

    def remove(self, digest: str) -> int:
        """Delete an object and its views; gives the bytes freed, 0 when it was not there."""
