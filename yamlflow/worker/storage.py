"""The local store: objects by the SHA-256 of their content, on a disk.

    objects/ab/cdef…        one object, read-only; ab is the digest's first byte
    names/ab/cdef…/NAME     a hard link to it that has a base name: what a task reads a `file` as
    trees/ab/cdef…/NAME/…   a folder laid out from its manifest: what a task reads a `dir` as
    tmp/                    objects being written; a name here means nothing
    damaged/                what was found not to be what its digest says, out of everybody's way

An object appears whole or not at all: written in tmp/, synced, renamed, its
folder synced. A folder in which something lies has a durable name itself: it was
synced before the first object came (the store's own folder: by who made it). `names` and `trees` can always be rebuilt
from `objects`; who reads through them never sees half of anything. The manifest
of a folder is an object too: JSON, sorted, so that equal folders are one. What is
read by path is compared with its digest unless its seal is whole (see seals).
Launcher and worker agree on all of this here, and nowhere else.

Must never move or change a file outside the folder it was told is scratch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from typing import Any, Union

from yamlflow.core.errors import StateError
from yamlflow.core.values import ArtifactRef
from yamlflow.worker.disk import (
    DISK,
    Bytes,
    Disk,
    attempt,
    copy,
    create,
    is_filled,
    make_folder,
    sync,
    write_all,
)
from yamlflow.worker.seals import digest_of, is_sealed, seal
from yamlflow.worker.views import Views, members

_numbers = count()


MAPPED = 1 << 20
"""Bytes from which on a value is worth a mapping of its own."""
MAPPINGS = 128
"""The first descriptor that is left to the task: before 3.13 a mapping keeps one."""
MISSING = "missing"
DAMAGED = "damaged (sha256 differs)"


class ArtifactLostError(StateError):
    """An object is missing, or is not what its digest says; `digests` lead from it to the value it is part of."""

    def __init__(self, ref: ArtifactRef, why: str, path: str) -> None:
        super().__init__(
            f"stored value {ref.name or ref.type or ref.format} {ref.digest[:12]}… is {why}: {path}",
            hint="make it again: yamlflow resume RUN (the run that made it)",
        )
        self.ref = ref
        self.why = why
        self.digests = [ref.digest]

    def inside(self, ref: ArtifactRef) -> ArtifactLostError:
        """The same, as met while this value was read."""
        if ref.digest != self.digests[-1]:
            self.digests.append(ref.digest)
        return self


class StorageError(OSError):
    """The disk failed; of what was to be stored nothing is left there. It says everything a person needs."""

    def __init__(self, root: str, cause: OSError, what: str = "write to") -> None:
        super().__init__(cause.errno, cause.strerror or str(cause))
        self.said = f"cannot {what} the artifact store {root}: {self.strerror}"

    def __str__(self) -> str:
        return self.said


class LocalStorage:
    """Objects under one folder; safe for any number of processes at once."""

    def __init__(self, root: str | os.PathLike[str], disk: Disk = DISK) -> None:
        self.root = os.fspath(root)
        self._disk = disk
        self._views = Views(self.root, disk, self._checked, self._temporary)

    def object_path(self, digest: str) -> str:
        return f"{self.root}/objects/{digest[:2]}/{digest[2:]}"

    def has(self, digest: str) -> bool:
        return os.path.exists(self.object_path(digest))

    # ---------------------------------------------------------------- writing

    def put_bytes(self, parts: Iterable[Bytes]) -> tuple[str, int]:
        """Store the parts one after another; gives digest and size. Raises StorageError, as all that writes."""
        views = [memoryview(part).cast("B") for part in parts]
        hasher = hashlib.sha256()
        for view in views:
            hasher.update(view)
        digest, size = hasher.hexdigest(), sum(view.nbytes for view in views)
        temporary = self._temporary()
        try:
            if not self._holds(digest, size):
                self._write(temporary, views, digest)
                self._publish(temporary, digest)
        except OSError as error:
            raise self._discarded(temporary, error) from error
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
        digest = digest_of(real)
        temporary = self._temporary()
        try:
            if self._holds(digest, state.st_size):
                return digest, state.st_size
            if not self._took(real, temporary) or os.stat(real).st_mtime_ns != state.st_mtime_ns:
                attempt(self._disk.unlink, temporary)  # somebody writes to it still
                return self._copy_in(real, executable=executable)
            self._disk.chmod(real, 0o555 if executable else 0o444)
            seal(real, digest)
            sync(real, self._disk)
            self._publish(temporary, digest)
        except OSError as error:
            raise self._discarded(temporary, error) from error
        return digest, state.st_size

    def put_tree(self, source: str | os.PathLike[str], *, take_from: str = "", main: str = "") -> tuple[str, int]:
        """Store a folder: each file an object, and a manifest; `main` is the member that stands for the whole."""
        return self.put_members(members(os.fspath(source)), take_from=take_from, main=main)

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
        """Whether the object is there for good: who put it there may have died before its name was durable."""
        path = self.object_path(digest)
        try:
            if not self._is_whole(path, digest, size):
                return False
            seal(path, digest)  # it may be about to be cleaned up
        except FileNotFoundError:
            return False
        sync(os.path.dirname(path), self._disk)
        return True

    def _took(self, real: str, temporary: str) -> bool:
        """Give a file of ours a second name; False on another file system, or one without hard links."""
        make_folder(os.path.dirname(temporary), self._disk)
        try:
            self._disk.link(real, temporary)
        except OSError:
            return False
        return True

    def _write(self, temporary: str, views: Iterable[memoryview], digest: str) -> None:
        make_folder(os.path.dirname(temporary), self._disk)
        writer = create(temporary, self._disk)
        try:
            for view in views:
                write_all(writer, view, self._disk)
            seal(writer, digest)
            self._disk.fsync(writer)
        finally:
            self._disk.close(writer)

    def _copy_in(self, source: str, *, executable: bool) -> tuple[str, int]:
        temporary, hasher = self._temporary(), hashlib.sha256()
        try:
            make_folder(os.path.dirname(temporary), self._disk)
            copy(source, temporary, self._disk, mode=0o555 if executable else 0o444, watch=hasher.update)
            size = os.stat(temporary).st_size
            seal(temporary, hasher.hexdigest())
            self._publish(temporary, hasher.hexdigest())
        except OSError as error:
            raise self._discarded(temporary, error) from error
        return hasher.hexdigest(), size

    def _publish(self, temporary: str, digest: str) -> None:
        target = self.object_path(digest)
        folder = os.path.dirname(target)
        if not is_filled(folder):
            self._found(folder)
        self._disk.rename(temporary, target)
        sync(folder, self._disk)

    def _found(self, folder: str) -> None:
        """Make a folder of objects, durable before anything is in it."""
        objects = os.path.dirname(folder)
        if not is_filled(objects):
            make_folder(objects, self._disk)
            sync(self.root, self._disk)
        make_folder(folder, self._disk)
        sync(objects, self._disk)

    def _discarded(self, temporary: str, error: OSError) -> OSError:
        """What was written so far gives its room back."""
        attempt(self._disk.unlink, temporary)
        theirs = error.filename is not None and not str(error.filename).startswith(self.root)
        return error if theirs or isinstance(error, StorageError) else StorageError(self.root, error)

    def _temporary(self) -> str:
        return os.path.join(self.root, "tmp", f"{os.getpid()}-{next(_numbers)}-{os.urandom(4).hex()}")

    # ---------------------------------------------------------------- reading

    def read(self, ref: ArtifactRef) -> bytearray:
        """The whole content, writable, compared with its digest."""
        try:
            with open(self.object_path(ref.digest), "rb", buffering=0) as file:
                content = bytearray(os.fstat(file.fileno()).st_size)
                _read_all(file.fileno(), content)
                state = os.fstat(file.fileno())
        except FileNotFoundError:
            raise ArtifactLostError(ref, MISSING, self.object_path(ref.digest)) from None
        except OSError as error:
            raise StorageError(self.root, error, "read from") from error
        if hashlib.sha256(content).hexdigest() != ref.digest:
            self._set_aside(ref.digest, state)
            raise ArtifactLostError(ref, DAMAGED, self.object_path(ref.digest))
        return content

    def memory(self, ref: ArtifactRef) -> Union[bytearray, mmap]:
        """The whole content as memory of the reader's own; of a large one, pages come in when they are touched.

        So twenty processes that read one array hold it once, until they write to it.
        Checked as what is read by path is: by its seal, or without one by its bytes.
        """
        if ref.size < MAPPED:
            return self.read(ref)
        path = self._checked(ref)
        try:
            with open(path, "rb", buffering=0) as file:
                if file.fileno() < MAPPINGS:
                    return mmap(file.fileno(), 0, access=ACCESS_COPY)
        except OSError as error:
            raise StorageError(self.root, error, "read from") from error
        return self.read(ref)

    def path(self, ref: ArtifactRef) -> Path:
        """Where a task can read it: an object, or for `file` and `dir` a path with its own base name."""
        try:
            if ref.format == "dir":
                return Path(self._views.tree(ref, json.loads(self.read(ref))))
            if ref.format == "file":
                return Path(self._views.named(ref))
            return Path(self._checked(ref))
        except ArtifactLostError as lost:
            raise lost.inside(ref)  # noqa: B904 - it is the same
        except OSError as error:
            raise StorageError(self.root, error) from error

    def first_lost(self, refs: Iterable[ArtifactRef]) -> ArtifactLostError | None:
        """What is wrong with the first value that is not there and whole, by its seals or, without, by its bytes."""
        for ref in refs:
            try:
                self._check(ref)
            except ArtifactLostError as lost:
                return lost.inside(ref)
        return None

    def _check(self, ref: ArtifactRef) -> None:
        if ref.format != "dir":
            self._checked(ref)
            return
        for name, kind, digest, size, _ in json.loads(self.read(ref))["entries"]:
            if kind == "file":
                self._checked(ArtifactRef(digest, "file", size, name=f"{ref.name}/{name}"))

    def _checked(self, ref: ArtifactRef) -> str:
        path = self.object_path(ref.digest)
        try:
            whole = self._is_whole(path, ref.digest, ref.size)
        except FileNotFoundError:
            raise ArtifactLostError(ref, MISSING, path) from None
        if not whole:
            raise ArtifactLostError(ref, DAMAGED, path)
        return path

    def _is_whole(self, path: str, digest: str, size: int) -> bool:
        """Whether an object holds what its digest says; one that does not is set aside."""
        state = os.stat(path)
        if is_sealed(state, digest, size):
            return True
        if digest_of(path) != digest:
            self._set_aside(digest, state)
            return False
        if os.stat(path).st_mtime_ns == state.st_mtime_ns:  # else somebody writes to it
            seal(path, digest)
        return True

    def _set_aside(self, digest: str, state: os.stat_result) -> None:
        """Move a damaged object away, so that a new one can take its place; by now that may have happened."""
        path, folder = self.object_path(digest), f"{self.root}/damaged"
        with suppress(OSError):
            if os.stat(path).st_ino == state.st_ino:
                make_folder(folder, self._disk)
                self._disk.rename(path, f"{folder}/{digest}-{os.urandom(4).hex()}")


def is_under(real: str, folder: str) -> bool:
    """Whether a resolved path lies inside a folder."""
    return bool(folder) and real.startswith(os.path.realpath(folder) + os.sep)


def _read_all(descriptor: int, into: bytearray) -> None:
    view = memoryview(into)
    while view:
        done = os.readv(descriptor, [view[: 1 << 30]])
        if not done:
            break
        view = view[done:]
