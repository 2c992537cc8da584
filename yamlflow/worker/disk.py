"""The seam to the file system: the calls by which yamlflow changes its own files, and what is made of them.

The real disk is the functions of `os` themselves: a call costs an attribute. What
must survive a power cut goes through here, so that a test can put something in
between that loses, reorders or refuses writes. Reading is not in it.

A file is durable when it was synced, its name when the folder was. Must never
touch what it was not asked about: what lies where is for others to know.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol, Union

CHUNK = 1 << 20

Bytes = Union[bytes, bytearray, memoryview]


class Disk(Protocol):
    """What yamlflow asks of a file system; each call is that of `os`, errors included."""

    def open(self, path: str, flags: int, mode: int = ..., /) -> int: ...
    def write(self, descriptor: int, data: Bytes, /) -> int: ...
    def fsync(self, descriptor: int, /) -> None: ...
    def close(self, descriptor: int, /) -> None: ...
    def mkdir(self, path: str, mode: int = ..., /) -> None: ...
    def rename(self, source: str, target: str, /) -> None: ...
    def link(self, source: str, target: str, /) -> None: ...
    def unlink(self, path: str, /) -> None: ...
    def rmdir(self, path: str, /) -> None: ...
    def chmod(self, path: str, mode: int, /) -> None: ...
    def fchmod(self, descriptor: int, mode: int, /) -> None: ...
    def truncate(self, target: Union[str, int], length: int, /) -> None: ...


class RealDisk:
    """The file system itself."""

    open = staticmethod(os.open)
    write = staticmethod(os.write)
    fsync = staticmethod(os.fsync)
    close = staticmethod(os.close)
    mkdir = staticmethod(os.mkdir)
    rename = staticmethod(os.rename)
    link = staticmethod(os.link)
    unlink = staticmethod(os.unlink)
    rmdir = staticmethod(os.rmdir)
    chmod = staticmethod(os.chmod)
    fchmod = staticmethod(os.fchmod)
    truncate = staticmethod(os.truncate)


DISK: Disk = RealDisk()


def make_folder(path: str, disk: Disk = DISK) -> None:
    """A folder that only its owner enters, and whatever is missing above it likewise."""
    try:
        disk.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    except FileNotFoundError:
        make_folder(os.path.dirname(path), disk)
        make_folder(path, disk)


def sync(path: str, disk: Disk = DISK) -> None:
    """What a file holds, or the names that are in a folder, survive a power cut from now on."""
    descriptor = disk.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)


def create(path: str, disk: Disk = DISK) -> int:
    """A new file, read-only for everybody but the descriptor that is returned."""
    return disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)


def write_all(descriptor: int, data: Bytes, disk: Disk = DISK) -> None:
    """A write may stop early: when a limit or the disk's end is near, or after 2 GiB."""
    view = memoryview(data).cast("B")
    while view:
        view = view[disk.write(descriptor, view[: 1 << 30]) :]


def copy(
    source: str, target: str, disk: Disk = DISK, *, mode: int = 0o444, watch: Callable[[bytes], object] = len
) -> None:
    """A synced copy under a new name; `watch` is shown what goes by."""
    writer = create(target, disk)
    try:
        with open(source, "rb", buffering=0) as reader:
            while chunk := reader.read(CHUNK):
                watch(chunk)
                write_all(writer, chunk, disk)
        disk.fchmod(writer, mode)
        disk.fsync(writer)
    finally:
        disk.close(writer)


def remove_tree(folder: str, disk: Disk = DISK) -> None:
    """Delete a folder and all in it, links as links; what cannot be deleted stays.

    shutil would do it too, at the price of five libraries mapped into every fork.
    """
    for place, folders, files in os.walk(folder, topdown=False):
        for name in files:
            attempt(disk.unlink, f"{place}/{name}")
        for name in folders:
            path = f"{place}/{name}"
            attempt(disk.unlink if os.path.islink(path) else disk.rmdir, path)
    attempt(disk.rmdir, folder)


def attempt(remove: Callable[[str], None], path: str) -> None:
    """Remove something that may be gone, or may not let itself be removed."""
    try:
        remove(path)
    except OSError:
        return


def is_filled(folder: str) -> bool:
    """Whether a folder is there and something is in it."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except FileNotFoundError:
        return False
