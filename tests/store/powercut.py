"""A power cut: what may be left of a folder when the machine dies, with anything lost that was not synced.

`Recorder` is a disk (worker.disk) that does each call for real and remembers it. `leave` writes what a file system
may have kept of its first `length` calls: of a file's content what was there at its last fsync, and of what was
written later any part, zeros, or nothing; of a folder's names those at its last fsync, and of later changes any
subset. A rename between two folders is two changes. That is weaker than ext4, XFS or APFS in their usual modes, so
what holds here holds there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.disks import Disk


class KilledError(BaseException):
    """The process dies here: no handler of its own may act any more."""


@dataclass(eq=False)
class File:
    """`data` are its writes, each with its place in time; `synced` the times of its fsyncs."""

    data: list[tuple[int, bytes]] = field(default_factory=list)
    synced: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Folder:
    """`changes` are (time, name, what it means from then on, or None)."""

    changes: list[tuple[int, str, File | Folder | None]] = field(default_factory=list)
    synced: list[int] = field(default_factory=list)


class Recorder(Disk):
    """Does what it is asked for, below `root`, and remembers it; its time is the number of calls so far.

    `dies_at` is the call at which the process is killed; `revive` starts the next one.
    """

    def __init__(self, root: Path, *, dies_at: int | None = None, links: bool = True) -> None:
        self.top = Folder()
        self.length = 0
        self.dies_at = dies_at
        self.links = links
        self.promises: list[tuple[int, Any]] = []
        self._now: dict[str, File | Folder] = {str(root): self.top}
        self._descriptors: dict[int, File | Folder] = {}

    def promise(self, what: Any) -> None:
        """From now on, this must survive."""
        self.promises.append((self.length, what))

    def promised(self, length: int) -> list[Any]:
        return [what for time, what in self.promises if time <= length]

    def revive(self) -> None:
        self.dies_at = None

    def around(self, name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if self.dies_at is not None and self.length >= self.dies_at:
            raise KilledError
        if name == "link" and not self.links:
            raise PermissionError(1, "no links here")
        result = None if name == "fsync" else call(*arguments)
        self._remember(name, arguments, result)
        self.length += 1
        return result

    def _remember(self, name: str, arguments: tuple[Any, ...], result: Any) -> None:
        first = arguments[0]
        match name:
            case "open" if arguments[1] & os.O_CREAT:
                self._descriptors[result] = self._name(first, File())
            case "open":
                self._descriptors[result] = self._at(first)
            case "write":
                self._file(first).data.append((self.length, bytes(arguments[1][:result])))
            case "fsync":
                self._descriptors[first].synced.append(self.length)
            case "mkdir":
                self._name(first, Folder())
            case "link":
                self._name(arguments[1], self._at(first))
            case "rename":
                self._name(arguments[1], self._at(first))
                self._move(first, arguments[1])
                self._name(first, None)
            case "unlink" | "rmdir":
                self._name(first, None)
            case "truncate":
                raise NotImplementedError(name)

    def _file(self, descriptor: int) -> File:
        node = self._descriptors[descriptor]
        assert isinstance(node, File)
        return node

    def _at(self, path: str) -> File | Folder:
        """What is at a path. A file that a task made was never synced."""
        if path not in self._now:
            self._now[path] = File([(self.length, Path(path).read_bytes())])
        return self._now[path]

    def _name(self, path: str, node: Any) -> Any:
        above, _, last = path.rpartition("/")
        folder = self._now[above]
        assert isinstance(folder, Folder)
        folder.changes.append((self.length, last, node))
        if node is None:
            self._now.pop(path, None)
        else:
            self._now[path] = node
        return node

    def _move(self, source: str, target: str) -> None:
        below = [path for path in self._now if path.startswith(source + "/")]
        for path in below:
            self._now[target + path[len(source) :]] = self._now.pop(path)


def leave(recorder: Recorder, length: int, chance: Random | None, place: Path) -> None:
    """Writes into `place` what the cut has left after `length` calls; without `chance` nothing is lost."""
    place.mkdir()
    _leave_folder(recorder.top, length, chance, str(place))


def _leave_folder(folder: Folder, length: int, chance: Random | None, place: str) -> None:
    safe = _last(folder.synced, length)
    kept = {
        name: node
        for time, name, node in folder.changes
        if time < length and (time < safe or chance is None or chance.random() < 0.5)
    }
    for name, node in kept.items():
        if isinstance(node, Folder):
            Path(f"{place}/{name}").mkdir()
            _leave_folder(node, length, chance, f"{place}/{name}")
        elif node is not None:
            Path(f"{place}/{name}").write_bytes(_left_of(node, length, chance))


def _left_of(file: File, length: int, chance: Random | None) -> bytes:
    safe = _last(file.synced, length)
    left = bytearray()
    for time, data in file.data:
        if time >= length:
            break
        fate = "kept" if time < safe or chance is None else chance.choice(["kept", "zeros", "half", "gone"])
        if fate == "gone":
            break
        left += bytes(len(data)) if fate == "zeros" else data[: len(data) // 2] if fate == "half" else data
    return bytes(left)


def _last(synced: list[int], length: int) -> int:
    return max((time for time in synced if time < length), default=-1)
