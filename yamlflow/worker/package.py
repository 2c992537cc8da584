"""A code package: an archive of files by the SHA-256 of its bytes, and the care with which it is unpacked.

It is a ZIP of a kind of its own: members are regular files, stored as they are,
in the order of their names, without times and owners, one behind the other from
the first byte to the last. So equal files are equal bytes, Python can import from
it as it lies, and there is nothing in it that could grow. Its layout stands here:
who packs (the launcher) writes what `header` and `directory` say, and what
is unpacked must be that, byte for byte.

    unpack(archive, digest, into)       → into/<digest>

Unpacking reads the whole of it and compares the digest first. Then names are
checked, files written into a folder beside, and that folder is renamed: what
stands under a digest is whole, however many processes do it at once. It must never
write outside that folder, follow a link, or touch what is there already.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from binascii import crc32
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import StateError
from yamlflow.worker.disk import CHUNK, DISK, make_folder, remove_tree, sync, write_all

FILES = 50_000
"""Files of a package."""
TOTAL = 1 << 30
"""Bytes of a package."""
NAME = 1_000
PART = 255
"""Bytes of a name, and of what stands between two slashes."""

_HEADER = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _UNIX, _UTF8, _STORED, _DATE = 20, 3 << 8, 0x800, 0, 33  # the first of January 1980
_FOLDER = 0o755  # who runs the task may be somebody else
_MODES = {False: 0o644, True: 0o755}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STRANGE = "is no archive of ours"
_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f]")
_LARGEST = TOTAL + FILES * (_HEADER.size + _ENTRY.size + 2 * NAME)


class BadPackageError(StateError):
    """An archive that is not what its digest says, or that would do what no package does."""

    def __init__(self, digest: str, why: str) -> None:
        super().__init__(f"code package {digest[:12]}… {why}", hint="run it again: the package is made and stored anew")


class _WrongError(Exception):
    """What is wrong with an archive."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its name with slashes, the CRC-32 and the number of its bytes."""

    name: str
    crc: int
    size: int
    executable: bool = False

    @property
    def room(self) -> int:
        """The bytes it takes in the archive, its header included."""
        return _HEADER.size + len(self.name.encode()) + self.size


# -------------------------------------------------------------------- layout


def header(member: Member) -> bytes:
    """What stands before a member's bytes."""
    name = member.name.encode()
    sizes = member.crc, member.size, member.size
    return _HEADER.pack(b"PK\3\4", _VERSION, _UTF8, _STORED, 0, _DATE, *sizes, len(name), 0) + name


def directory(members: Sequence[Member]) -> bytes:
    """What stands behind the last member: all of them by name, and how many there are."""
    entries, at = [], 0
    for member in members:
        entries.append(_entry(member, at))
        at += member.room
    listed = b"".join(entries)
    return listed + _END.pack(b"PK\5\6", 0, 0, len(members), len(members), len(listed), at, 0)


def _entry(member: Member, at: int) -> bytes:
    name, mode = member.name.encode(), (0o100000 | _MODES[member.executable]) << 16
    sizes = member.crc, member.size, member.size
    fixed = _UNIX | _VERSION, _VERSION, _UTF8, _STORED, 0, _DATE
    return _ENTRY.pack(b"PK\1\2", *fixed, *sizes, len(name), 0, 0, 0, 0, mode, at) + name


def bad_name(name: str) -> str:
    """Why a file of this name is in no package; empty when it may be."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    parts = name.split("/")
    if len(encoded) > NAME or any(len(part.encode()) > PART for part in parts):
        return "its name is too long"
    if "\\" in name or _CONTROL.search(name):
        return "its name has a backslash or a control character"
    return "its name leaves the package" if {"", ".", ".."}.intersection(parts) else ""


def clash(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that cannot lie in one folder everywhere: equal but for their case, or one inside the other."""
    files: dict[str, str] = {}
    for name in names:
        if name.casefold() in files:
            return files[name.casefold()], name
        files[name.casefold()] = name
    for folded, name in files.items():
        for folder in _above(folded):
            if folder in files:
                return files[folder], name
    return None


def _above(name: str) -> Iterator[str]:
    """The folders around a file, the outermost first."""
    at = name.find("/")
    while at >= 0:
        yield name[:at]
        at = name.find("/", at + 1)


# -------------------------------------------------------------------- unpacking


def unpack(archive: str, digest: str, into: str, *, durable: bool = True) -> str:
    """The folder with what is in an archive, made unless it is there: read-only files, which everybody may read.

    `durable`: it survives a power cut; a folder that lives no longer than a container need not.
    Raises BadPackageError, and OSError where the disk fails.
    """
    if not _DIGEST.fullmatch(digest):
        raise BadPackageError(digest, "has a name that is no SHA-256")
    target = os.path.join(into, digest)
    if os.path.isdir(target):
        return target
    make_folder(into)
    beside = os.path.join(into, f".{digest[:12]}-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(archive, "rb", buffering=0) as file:
            _lay_out(file, _verified(file, digest), digest, beside, durable=durable)
        _publish(beside, target, durable=durable)
    except _WrongError as wrong:
        raise BadPackageError(digest, str(wrong)) from None
    finally:
        remove_tree(beside)
    return target


def _verified(file: BinaryIO, digest: str) -> list[Member]:
    """The members of an archive whose digest is right."""
    size = os.fstat(file.fileno()).st_size
    if size > _LARGEST:
        raise _WrongError("is too large")
    hasher = hashlib.sha256()
    for chunk in iter(lambda: file.read(CHUNK), b""):
        hasher.update(chunk)
    if hasher.hexdigest() != digest:
        raise _WrongError("is damaged (sha256 differs)")
    members = _members(file, size)
    _check(members)
    return members


def _members(file: BinaryIO, size: int) -> list[Member]:
    """What the directory lists, if it is the one that these members have, and it lies where theirs would."""
    try:
        file.seek(max(0, size - _END.size))
        *_, length, start, _ = _END.unpack(file.read(_END.size))
        if start + length + _END.size != size:
            raise _WrongError(_STRANGE)
        file.seek(start)
        listed = _exactly(file, length + _END.size)
        members = list(_entries(listed[:length]))
        if listed != directory(members):
            raise _WrongError(_STRANGE)
    except (struct.error, UnicodeError):
        raise _WrongError(_STRANGE) from None
    return members


def _entries(listed: bytes) -> Iterator[Member]:
    at = 0
    while at < len(listed):
        fields = _ENTRY.unpack_from(listed, at)
        crc, size, length, mode = fields[7], fields[8], fields[10], fields[15] >> 16
        at += _ENTRY.size
        yield Member(listed[at : at + length].decode(), crc, size, executable=bool(mode & 0o100))
        at += length


def _check(members: Sequence[Member]) -> None:
    """Refuses what a packer never writes, though the digest is right."""
    if len(members) > FILES:
        raise _WrongError(f"has more than {FILES:,} files")
    if sum(member.size for member in members) > TOTAL:
        raise _WrongError("is too large")
    names = [member.name for member in members]
    for name in names:
        if why := bad_name(name):
            raise _WrongError(f"has a file that is refused, {name[:100]!r}: {why}")
    if names != sorted(names):
        raise _WrongError("has files that are not in order")
    if two := clash(names):
        raise _WrongError(f"has names that exclude each other, {two[0][:100]!r} and {two[1][:100]!r}")


def _lay_out(file: BinaryIO, members: Sequence[Member], digest: str, folder: str, *, durable: bool) -> None:
    """Writes every file below a new folder; what is read for it must have the digest once more."""
    hasher = hashlib.sha256()
    os.mkdir(folder, 0o700)
    made = dict.fromkeys([folder])
    file.seek(0)
    for member in members:
        for above in _above(member.name):
            if f"{folder}/{above}" not in made:
                os.mkdir(f"{folder}/{above}", 0o700)
                made[f"{folder}/{above}"] = None
        before = header(member)
        if _exactly(file, len(before)) != before:
            raise _WrongError(_STRANGE)
        hasher.update(before)
        _write(file, member, f"{folder}/{member.name}", hasher.update, durable=durable)
    hasher.update(file.read())
    if hasher.hexdigest() != digest:
        raise _WrongError("was changed while it was read")
    for place in reversed(made):
        os.chmod(place, _FOLDER)
        if durable:
            sync(place)


def _write(file: BinaryIO, member: Member, path: str, watch: Callable[[bytes], object], *, durable: bool) -> None:
    writer = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    try:
        left, crc = member.size, 0
        while left:
            chunk = _exactly(file, min(left, CHUNK))
            left, crc = left - len(chunk), crc32(chunk, crc)
            watch(chunk)
            write_all(writer, chunk)
        if crc != member.crc:
            raise _WrongError(_STRANGE)
        os.fchmod(writer, _MODES[member.executable] & 0o555)
        if durable:
            os.fsync(writer)
    finally:
        os.close(writer)


def _publish(beside: str, target: str, *, durable: bool) -> None:
    """Gives the folder its name, unless another process has done so."""
    try:
        DISK.rename(beside, target)
    except OSError:
        if not os.path.isdir(target):
            raise
    if durable:
        sync(os.path.dirname(target))


def _exactly(file: BinaryIO, size: int) -> bytes:
    parts = []
    while size:
        chunk = file.read(min(size, CHUNK))
        if not chunk:
            raise _WrongError("was changed while it was read")
        parts.append(chunk)
        size -= len(chunk)
    return b"".join(parts)
