"""The local store: objects by the SHA-256 of their content, on a disk.

    objects/ab/cdef…        one object, read-only; ab is the digest's first byte
    names/ab/cdef…/NAME     a hard link to it that has a base name: what a task reads a `file` as
    trees/ab/cdef…/NAME/…   a folder laid out from its manifest: what a task reads a `dir` as
    tmp/                    objects being written; a name here means nothing

An object appears whole or not at all: written in tmp/, synced, renamed, its
folder synced. `names` and `trees` can always be rebuilt from `objects`. The
manifest of a folder is an object too: JSON, sorted, so that equal folders are
one. Launcher and worker agree on all of this here, and nowhere else.

Must never move or change a file outside the folder it was told is scratch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any, Union

from yamlflow.core.values import ArtifactRef

CHUNK = 1 << 20
Bytes = Union[bytes, bytearray, memoryview]

_numbers = count()


class ArtifactLostError(Exception):
    """An object is missing, or is not what its digest says."""

    def __init__(self, ref: ArtifactRef, why: str) -> None:
        super().__init__(f"stored value {ref.name or ref.type or ref.format} {ref.digest[:12]}… {why}")
        self.ref = ref


class LocalStorage:
    """Objects under one folder; safe for any number of processes at once."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)

    def object_path(self, digest: str) -> str:
        return f"{self.root}/objects/{digest[:2]}/{digest[2:]}"

    def has(self, digest: str) -> bool:
        return os.path.exists(self.object_path(digest))

    # ---------------------------------------------------------------- writing

    def put_bytes(self, parts: Iterable[Bytes]) -> tuple[str, int]:
        """Store the parts one after another; gives digest and size."""
        views = [memoryview(part).cast("B") for part in parts]
        hasher = hashlib.sha256()
        for view in views:
            hasher.update(view)
        digest, size = hasher.hexdigest(), sum(view.nbytes for view in views)
        if not self._holds(digest, size):
            temporary = self._temporary()
            with open(temporary, "xb", buffering=0, opener=_read_only) as file:
                for view in views:
                    _write_all(file.fileno(), view)
                os.fsync(file.fileno())
            self._publish(temporary, digest)
        return digest, size

    def put_file(self, source: str | os.PathLike[str], *, take_from: str = "") -> tuple[str, int]:
        """Store a file: by moving it when it really lies under `take_from`, else by copying it.

        A moved file keeps its old name too, read-only, until its folder is deleted: one
        file may be part of several results.
        """
        real = os.path.realpath(source)
        state = os.stat(real)
        executable = bool(state.st_mode & 0o100)
        if not (is_under(real, take_from) and state.st_nlink == 1):
            return self._copy_in(real, executable=executable)
        digest = _digest(real)
        if not self._holds(digest, state.st_size):
            temporary = self._temporary()
            try:
                os.link(real, temporary)
            except OSError:  # another file system, or one without hard links
                return self._copy_in(real, executable=executable)
            os.chmod(real, 0o555 if executable else 0o444)
            _sync(real)
            self._publish(temporary, digest)
        return digest, state.st_size

    def put_tree(self, source: str | os.PathLike[str], *, take_from: str = "", main: str = "") -> tuple[str, int]:
        """Store a folder: each file an object, and a manifest; `main` is the member that stands for the whole."""
        return self.put_members(_members(os.fspath(source)), take_from=take_from, main=main)

    def put_members(self, members: Iterable[tuple[str, str]], *, take_from: str, main: str = "") -> tuple[str, int]:
        """Store files under names of their own as one folder; the size is that of the files together."""
        entries = sorted(self._entry(name, path, take_from) for name, path in members)
        manifest = {"entries": entries, **({"main": main} if main else {})}
        digest, _ = self.put_bytes([json.dumps(manifest, separators=(",", ":")).encode()])
        return digest, sum(entry[3] for entry in entries)

    def _entry(self, name: str, path: str, take_from: str) -> list[Any]:
        if os.path.isdir(path):
            return [name, "dir", "", 0, False]
        digest, size = self.put_file(path, take_from=take_from)
        return [name, "file", digest, size, os.access(path, os.X_OK)]

    def _holds(self, digest: str, size: int) -> bool:
        try:
            return os.stat(self.object_path(digest)).st_size == size
        except FileNotFoundError:
            return False

    def _copy_in(self, source: str, *, executable: bool) -> tuple[str, int]:
        hasher, size = hashlib.sha256(), 0
        temporary = self._temporary()
        with open(source, "rb") as reader, open(temporary, "xb", buffering=0, opener=_read_only) as writer:
            while chunk := reader.read(CHUNK):
                hasher.update(chunk)
                size += len(chunk)
                _write_all(writer.fileno(), memoryview(chunk))
            if executable:
                os.fchmod(writer.fileno(), 0o555)
            os.fsync(writer.fileno())
        self._publish(temporary, hasher.hexdigest())
        return hasher.hexdigest(), size

    def _publish(self, temporary: str, digest: str) -> None:
        target = self.object_path(digest)
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            make_folder(folder)
            _sync(os.path.dirname(folder))
        os.rename(temporary, target)
        _sync(folder)

    def _temporary(self) -> str:
        folder = os.path.join(self.root, "tmp")
        make_folder(folder)
        return f"{folder}/{os.getpid()}-{next(_numbers)}-{os.urandom(4).hex()}"

    # ---------------------------------------------------------------- reading

    def read(self, ref: ArtifactRef) -> bytearray:
        """The whole content, writable, compared with its digest."""
        try:
            with open(self.object_path(ref.digest), "rb", buffering=0) as file:
                content = bytearray(os.fstat(file.fileno()).st_size)
                _read_all(file.fileno(), content)
        except FileNotFoundError:
            raise ArtifactLostError(ref, f"is missing: {self.object_path(ref.digest)}") from None
        if hashlib.sha256(content).hexdigest() != ref.digest:
            raise ArtifactLostError(ref, f"is damaged: {self.object_path(ref.digest)}")
        return content

    def path(self, ref: ArtifactRef) -> Path:
        """Where a task can read it: an object, or for `file` and `dir` a path with its own base name."""
        if ref.format == "dir":
            return Path(self._tree(ref))
        if ref.format == "file":
            return Path(self._named(ref))
        return Path(self._checked(ref))

    def _checked(self, ref: ArtifactRef) -> str:
        path = self.object_path(ref.digest)
        try:
            size = os.stat(path).st_size
        except FileNotFoundError:
            raise ArtifactLostError(ref, f"is missing: {path}") from None
        if size != ref.size:
            raise ArtifactLostError(ref, f"is damaged: {path} has {size} bytes, not {ref.size}")
        return path

    def _named(self, ref: ArtifactRef) -> str:
        source = self._checked(ref)
        target = f"{self.root}/names/{ref.digest[:2]}/{ref.digest[2:]}/{ref.name or 'file'}"
        if os.path.exists(target) and os.stat(target).st_size != ref.size:
            _attempt(os.unlink, target)  # a task wrote to its input
        if not os.path.exists(target):
            make_folder(os.path.dirname(target))
            _link(source, target)
        return target

    def _tree(self, ref: ArtifactRef) -> str:
        manifest = json.loads(self.read(ref))
        target = f"{self.root}/trees/{ref.digest[:2]}/{ref.digest[2:]}"
        name = "files" if "main" in manifest else (ref.name or "folder")
        folder, again = f"{target}/{name}", count(1)
        while os.path.isdir(folder) and not _is_intact(folder, manifest["entries"]):
            folder = f"{target}/{next(again)}.anew/{name}"  # elsewhere: a task may be reading the changed one
        if not os.path.isdir(folder):
            self._lay_out(ref, manifest["entries"], folder)
        return f"{folder}/{manifest['main']}" if "main" in manifest else folder

    def _lay_out(self, ref: ArtifactRef, entries: list[list[Any]], target: str) -> None:
        building = self._temporary()
        os.mkdir(building, 0o700)
        for name, kind, digest, size, executable in entries:
            path = f"{building}/{name}"
            make_folder(path if kind == "dir" else os.path.dirname(path))
            if kind == "file":
                source = self._checked(ArtifactRef(digest, "file", size, name=f"{ref.name}/{name}"))
                (_copy_executable if executable else _link)(source, path)
        make_folder(os.path.dirname(target))
        try:
            os.rename(building, target)
        except OSError:  # another process was faster
            if not os.path.isdir(target):
                raise
            remove_tree(building)


def make_folder(path: str) -> None:
    """A folder that only its owner enters, and whatever is missing above it likewise."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        make_folder(path)


def _members(root: str) -> Iterable[tuple[str, str]]:
    """Relative name and path of every file and every empty folder; links are followed, a loop is not."""
    seen = {os.path.realpath(root)}
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(f"{root}/{prefix}") as found:
            entries = sorted(found, key=lambda entry: entry.name)
        if not entries and prefix:
            yield prefix, f"{root}/{prefix}"
        for entry in entries:
            name = f"{prefix}/{entry.name}" if prefix else entry.name
            if entry.is_dir():
                real = os.path.realpath(entry.path)
                if real not in seen:
                    seen.add(real)
                    waiting.append(name)
            elif entry.is_file():
                yield name, entry.path


def _is_intact(folder: str, entries: Iterable[list[Any]]) -> bool:
    """Whether a folder still has the files it was laid out with: a task may write to its inputs."""
    found = {name: os.path.getsize(path) for name, path in _members(folder) if not os.path.isdir(path)}
    return found == {name: size for name, kind, _, size, _ in entries if kind == "file"}


def _digest(path: str) -> str:
    hasher = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _read_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o444)


def is_under(real: str, folder: str) -> bool:
    """Whether a resolved path lies inside a folder."""
    return bool(folder) and real.startswith(os.path.realpath(folder) + os.sep)


def _write_all(descriptor: int, view: memoryview) -> None:
    """A write may stop early: when a limit or the disk's end is near, or after 2 GiB."""
    while view:
        view = view[os.write(descriptor, view[: 1 << 30]) :]


def _read_all(descriptor: int, into: bytearray) -> None:
    view = memoryview(into)
    while view:
        done = os.readv(descriptor, [view[: 1 << 30]])
        if not done:
            break
        view = view[done:]


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:  # no hard links here, or too many of this file
        building = f"{target}.{os.getpid()}-{os.urandom(4).hex()}"
        _copy(source, building)
        os.chmod(building, 0o444)
        os.rename(building, target)


def _copy(source: str, target: str) -> None:
    with open(source, "rb", buffering=0) as reader, open(target, "xb", buffering=0) as writer:
        while chunk := reader.read(CHUNK):
            _write_all(writer.fileno(), memoryview(chunk))


def remove_tree(folder: str) -> None:
    """Delete a folder and all in it, links as links; what cannot be deleted stays.

    shutil would do it too, at the price of five libraries mapped into every fork.
    """
    for place, folders, files in os.walk(folder, topdown=False):
        for name in files:
            _attempt(os.unlink, f"{place}/{name}")
        for name in folders:
            path = f"{place}/{name}"
            _attempt(os.unlink if os.path.islink(path) else os.rmdir, path)
    _attempt(os.rmdir, folder)


def _attempt(remove: Callable[[str], None], path: str) -> None:
    try:
        remove(path)
    except OSError:
        return


def _copy_executable(source: str, target: str) -> None:
    _copy(source, target)
    os.chmod(target, 0o555)  # noqa: S103 - read-only, and a program
