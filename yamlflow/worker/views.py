"""What a task reads stored files and folders as: paths with their own names, made of hard links to objects.

They can be rebuilt at any time, and whoever reads through them never sees half
of anything. A task may write to its inputs: a view whose seals are broken is not
handed out again. Must never touch an object.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

from yamlflow.core.values import ArtifactRef
from yamlflow.worker.disk import Disk, attempt, copy, make_folder, remove_tree
from yamlflow.worker.seals import is_sealed, seal_like


class Views:
    """Names and trees of one store; `checked` gives the path of an object that is whole."""

    def __init__(
        self, root: str, disk: Disk, checked: Callable[[ArtifactRef], str], temporary: Callable[[], str]
    ) -> None:
        self._root = root
        self._disk = disk
        self._checked = checked
        self._temporary = temporary

    def named(self, ref: ArtifactRef) -> str:
        """The path of a file under its own base name."""
        source = self._checked(ref)
        target = f"{self._root}/names/{ref.digest[:2]}/{ref.digest[2:]}/{ref.name or 'file'}"
        if os.path.exists(target) and not is_sealed(os.stat(target), ref.digest, ref.size):
            attempt(self._disk.unlink, target)  # a task wrote to its input
        if not os.path.exists(target):
            make_folder(os.path.dirname(target), self._disk)
            self._link(source, target)
        return target

    def tree(self, ref: ArtifactRef, manifest: Mapping[str, Any]) -> str:
        """The path of a folder, or of its main member, as its manifest says."""
        target = f"{self._root}/trees/{ref.digest[:2]}/{ref.digest[2:]}"
        name = "files" if "main" in manifest else (ref.name or "folder")
        folder, again = f"{target}/{name}", count(1)
        while os.path.isdir(folder) and not _is_intact(folder, manifest["entries"]):
            folder = f"{target}/{next(again)}.anew/{name}"  # elsewhere: a task may be reading the changed one
        if not os.path.isdir(folder):
            self._lay_out(ref, manifest["entries"], folder)
        return f"{folder}/{manifest['main']}" if "main" in manifest else folder

    def _lay_out(self, ref: ArtifactRef, entries: list[list[Any]], target: str) -> None:
        building = self._temporary()
        make_folder(building, self._disk)
        try:
            for name, kind, digest, size, executable in entries:
                path = f"{building}/{name}"
                make_folder(path if kind == "dir" else os.path.dirname(path), self._disk)
                if kind == "file":
                    source = self._checked(ArtifactRef(digest, "file", size, name=f"{ref.name}/{name}"))
                    self._place(source, path, executable=executable)
            make_folder(os.path.dirname(target), self._disk)
            self._disk.rename(building, target)
        except BaseException as error:
            remove_tree(building, self._disk)
            if not (isinstance(error, OSError) and os.path.isdir(target)):  # else another process was faster
                raise

    def _place(self, source: str, target: str, *, executable: bool) -> None:
        if executable:  # one that is not may be the same object
            copy(source, target, self._disk, mode=0o555)
            seal_like(target, source)
        else:
            self._link(source, target)

    def _link(self, source: str, target: str) -> None:
        try:
            self._disk.link(source, target)
        except FileExistsError:
            return
        except OSError:  # no hard links here, or too many of this file
            building = self._temporary()
            try:
                make_folder(os.path.dirname(building), self._disk)
                copy(source, building, self._disk)
                seal_like(building, source)
                self._disk.rename(building, target)
            except OSError:
                attempt(self._disk.unlink, building)
                raise


def members(root: str) -> Iterable[tuple[str, str]]:
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
    files = {name: (digest, size) for name, kind, digest, size, _ in entries if kind == "file"}
    found = [(name, path) for name, path in members(folder) if not os.path.isdir(path)]
    return len(found) == len(files) and all(
        name in files and is_sealed(os.stat(path), *files[name]) for name, path in found
    )
