"""The artifact store on this machine's disk, as the launcher uses it.

The layout is worker.storage's, and so is every write; this adds what only a
launcher does: making the folder, errors in a person's words, listing, deleting.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from yamlflow.core.errors import StateError
from yamlflow.core.values import ArtifactRef
from yamlflow.worker.storage import LocalStorage


class LocalStore:
    """An ArtifactStore in a folder; made with mode 0700 when it is first written to."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._storage = LocalStorage(self.root)

    def put_bytes(self, parts: Iterable[bytes]) -> tuple[str, int]:
        try:
            return self._storage.put_bytes(parts)
        except OSError as error:
            raise _not_durable(self.root, error) from error

    def put_file(self, source: str | os.PathLike[str], *, move: bool = False) -> tuple[str, int]:
        try:
            return self._storage.put_file(source, take_from=str(Path(source).resolve().parent) if move else "")
        except OSError as error:
            raise _not_durable(self.root, error) from error

    def put_tree(self, source: str | os.PathLike[str], *, move: bool = False) -> tuple[str, int]:
        try:
            return self._storage.put_tree(source, take_from=os.path.realpath(source) if move else "")
        except OSError as error:
            raise _not_durable(self.root, error) from error

    def read(self, ref: ArtifactRef) -> bytes:
        return bytes(self._storage.read(ref))

    def path(self, ref: ArtifactRef) -> Path:
        return self._storage.path(ref)

    def has(self, digest: str) -> bool:
        return self._storage.has(digest)

    def digests(self) -> Iterator[tuple[str, int]]:
        for folder in sorted((self.root / "objects").glob("??")):
            for entry in os.scandir(folder):
                yield folder.name + entry.name, entry.stat().st_size

    def place(self, digest: str) -> Path:
        """Where an object of this digest lies or would lie."""
        return Path(self._storage.object_path(digest))

    def idle(self, digest: str, since: float) -> int | None:
        """The size of an object that nobody has put here or asked for since this moment; None for any other."""
        try:
            state = self.place(digest).stat()
        except FileNotFoundError:
            return None
        return state.st_size if state.st_atime < since else None

    def discard(self, digest: str, since: float) -> int | None:
        """Delete an idle object and its views: the bytes freed, or None. Whoever puts it at the same time wins."""
        path, away = self.place(digest), self.root / "tmp" / f"{digest}-{os.urandom(4).hex()}"
        if self.idle(digest, since) is None:
            return None
        try:
            away.parent.mkdir(mode=0o700, exist_ok=True)
            path.rename(away)
        except FileNotFoundError:
            return None
        state = away.stat()
        if state.st_atime >= since and not path.exists():  # touched just before it went away
            away.rename(path)
            return None
        self._remove_views(digest)
        away.unlink()
        return state.st_size

    def leftovers(self, since: float) -> Iterator[Path]:
        """What was being written by who is gone, and views of objects that are."""
        for path in _inside(self.root / "tmp"):
            if path.lstat().st_ctime < since:
                yield path
        for view in ("names", "trees"):
            for folder in _inside(self.root / view):
                yield from (path for path in _inside(folder) if not self.has(folder.name + path.name))

    def damaged(self) -> list[Path]:
        """Objects that were set aside."""
        return list(_inside(self.root / "damaged"))

    def _remove_views(self, digest: str) -> None:
        for view in ("names", "trees"):
            shutil.rmtree(self.root / view / digest[:2] / digest[2:], ignore_errors=True)

    def remove(self, digest: str) -> int:
        path = Path(self._storage.object_path(digest))
        self._remove_views(digest)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size


def _inside(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def _not_durable(root: Path, error: OSError) -> StateError:
    hint = "free some space, or name another folder with --state-dir" if error.errno else None
    return StateError(f"cannot write to the artifact store {root}: {error.strerror or error}", hint=hint)
