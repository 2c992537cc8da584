"""Unpacking code: nothing but what the digest says, nothing outside of its folder, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import stat
import zipfile
from binascii import crc32
from pathlib import Path

import pytest

from yamlflow.worker import package
from yamlflow.worker.package import BadPackageError, Member, directory, header, unpack

CONTENT = {"a.py": b"VALUE = 1\n", "deep/er/b.txt": b"x" * 5000, "run.sh": b"#!/bin/sh\n"}


def archive_of(files: dict[str, bytes], *, order: bool = True) -> bytes:
    """The archive that a packer would write, whatever the names are."""
    names = sorted(files) if order else list(files)
    members = [Member(name, crc32(files[name]), len(files[name]), executable=name.endswith(".sh")) for name in names]
    return b"".join(header(member) + files[member.name] for member in members) + directory(members)


class Place:
    """A folder to unpack into, and what is around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.into = folder / "code"

    def unpack(self, content: bytes, digest: str | None = None, *, durable: bool = False) -> Path:
        archive = self.folder / "archive"
        archive.write_bytes(content)
        return Path(
            unpack(str(archive), digest or hashlib.sha256(content).hexdigest(), str(self.into), durable=durable)
        )

    def refuses(self, content: bytes, why: str, digest: str | None = None) -> None:
        before = set(self.folder.rglob("*")) | {self.folder / "archive", self.into}
        with pytest.raises(BadPackageError, match=why):
            self.unpack(content, digest)
        assert set(self.folder.rglob("*")) <= before, "something is left"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -------------------------------------------------------------------- what comes out


@pytest.mark.parametrize("durable", [True, False])
def test_files_lie_under_their_digest_as_they_were(place, durable):
    content = archive_of(CONTENT)
    folder = place.unpack(content, durable=durable)
    assert (folder.name, tree(folder)) == (hashlib.sha256(content).hexdigest(), CONTENT)
    assert list(place.into.iterdir()) == [folder]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_everybody_reads_and_nobody_writes_whatever_the_umask_is(place, umask):
    place.into.mkdir()
    (place.folder / "archive").touch()
    before = os.umask(umask)
    try:
        folder = place.unpack(archive_of(CONTENT))
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    folders = {folder.name: 0o755, "deep": 0o755, "er": 0o755}
    assert modes == {**folders, "a.py": 0o444, "b.txt": 0o444, "run.sh": 0o555}


def test_an_empty_package_is_an_empty_folder(place):
    assert tree(place.unpack(archive_of({}))) == {}


def test_what_is_there_is_not_unpacked_again(place):
    content = archive_of(CONTENT)
    first = place.unpack(content)
    mark = first.stat().st_ino
    (place.folder / "archive").unlink()
    digest = hashlib.sha256(content).hexdigest()
    assert unpack("/nowhere", digest, str(place.into)) == str(first)
    assert first.stat().st_ino == mark


def test_many_processes_at_once_get_one_folder_and_leave_nothing_else(place):
    content = archive_of({f"pkg/m{number}.py": b"x" * 2000 for number in range(200)})
    archive = place.folder / "archive"
    archive.write_bytes(content)
    arguments = (str(archive), hashlib.sha256(content).hexdigest(), str(place.into))
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.starmap(unpack, [arguments] * 8)
    assert len(set(found)) == 1
    assert [path.name for path in place.into.iterdir()] == [arguments[1]]
    assert len(tree(Path(found[0]))) == 200


def test_a_process_that_comes_second_takes_what_the_first_made(place, monkeypatch):
    content = archive_of(CONTENT)
    lay_out = package._lay_out

    def overtaken(*arguments, **options):
        monkeypatch.setattr(package, "_lay_out", lay_out)
        place.unpack(content)
        lay_out(*arguments, **options)

    monkeypatch.setattr(package, "_lay_out", overtaken)
    assert tree(place.unpack(content)) == CONTENT
    assert len(list(place.into.iterdir())) == 1


# -------------------------------------------------------------------- not what the digest says


def test_another_digest_is_refused_before_anything_is_looked_at(place):
    place.refuses(archive_of(CONTENT), "damaged", hashlib.sha256(b"other").hexdigest())


def test_any_byte_that_differs_is_noticed(place):
    content = archive_of({"a.py": b"VALUE = 1\n", "b/c": b""})
    digest = hashlib.sha256(content).hexdigest()
    for at in range(len(content)):
        place.refuses(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :], "damaged", digest)
        place.refuses(content[:at], "damaged", digest)


@pytest.mark.parametrize("digest", ["../evil", "", "A" * 64, "ab" * 31, "/etc/passwd", "0" * 64 + "\n"])
def test_a_digest_that_is_none_names_no_folder(place, digest):
    with pytest.raises(BadPackageError, match="no SHA-256"):
        unpack(str(place.folder / "archive"), digest, str(place.into))


@pytest.mark.parametrize("what", [b"VALUE", b"PK\1\2", b"PK\5\6"])
def test_an_archive_that_changes_while_it_is_unpacked_leaves_nothing(place, monkeypatch, what):
    content = archive_of(CONTENT)
    lay_out = package._lay_out

    def changed(*arguments, **options):
        with (place.folder / "archive").open("r+b") as file:
            file.seek(content.index(what))
            file.write(b"EVIL")
        lay_out(*arguments, **options)

    monkeypatch.setattr(package, "_lay_out", changed)
    place.refuses(content, "archive of ours|changed")


def test_an_archive_that_is_cut_while_it_is_unpacked_leaves_nothing(place, monkeypatch):
    lay_out = package._lay_out

    def cut(*arguments, **options):
        os.truncate(place.folder / "archive", 60)
        lay_out(*arguments, **options)

    monkeypatch.setattr(package, "_lay_out", cut)
    place.refuses(archive_of(CONTENT), "changed while")


# -------------------------------------------------------------------- refused though the digest is right

LEAVING = [
    "/etc/x",
    "../x",
    "a/../../x",
    "a/./x",
    "a//x",
    "x/",
    ".",
    "..",
    "",
    "a\\..\\x",
    "nul\0",
    "line\nend",
    "\x7f",
]


@pytest.mark.parametrize("name", LEAVING)
def test_a_name_that_could_leave_the_folder_is_refused(place, name):
    place.refuses(archive_of({name: b"x"}), "refused")


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128, "/".join(["abc"] * 300)])
def test_a_name_that_is_too_long_is_refused(place, name):
    place.refuses(archive_of({name: b""}), "too long")


@pytest.mark.parametrize("names", [("a", "A"), ("a", "a/b"), ("deep/X/y", "deep/x"), ("straße", "STRASSE")])
def test_names_that_exclude_each_other_are_refused(place, names):
    place.refuses(archive_of(dict.fromkeys(names, b"")), "exclude each other")


def test_a_name_twice_is_refused(place):
    member = Member("a", 0, 0)
    place.refuses(header(member) * 2 + directory([member, member]), "exclude each other")


def test_files_that_are_not_in_order_are_refused(place):
    place.refuses(archive_of({"b": b"", "a": b""}, order=False), "not in order")


def test_more_files_or_bytes_than_a_package_has_are_refused(place, monkeypatch):
    monkeypatch.setattr(package, "FILES", 2)
    place.refuses(archive_of(CONTENT), "more than 2 files")
    monkeypatch.setattr(package, "FILES", 3)
    monkeypatch.setattr(package, "TOTAL", 5000)
    place.refuses(archive_of(CONTENT), "too large")


def test_an_archive_that_is_larger_than_any_package_is_not_even_read(place, monkeypatch):
    monkeypatch.setattr(package, "_LARGEST", 100)
    place.refuses(archive_of(CONTENT), "too large", "0" * 64)


def test_a_size_that_is_only_said_is_refused(place):
    """Of what an archive says of itself nothing is believed: no bombs."""
    member = Member("a", 0, 1 << 29)
    place.refuses(header(member) + directory([member]), "no archive of ours")


def test_a_checksum_that_differs_is_refused(place):
    member = Member("a", 1, 1)
    place.refuses(header(member) + b"x" + directory([member]), "no archive of ours")


def test_two_lists_that_disagree_are_refused(place):
    """What a directory shows to who looks, and what stands before the bytes, are the same."""
    shown, real = Member("good", crc32(b"x"), 1), Member("evil", crc32(b"x"), 1)
    place.refuses(header(real) + b"x" + directory([shown]), "no archive of ours")


@pytest.mark.parametrize("around", [(b"MZ", b""), (b"", b"more"), (b"PK\3\4", b"PK\5\6")])
def test_bytes_before_or_behind_are_refused(place, around):
    place.refuses(around[0] + archive_of(CONTENT) + around[1], "no archive of ours")


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\5\6" + b"\1" * 18, b"\0" * 22, b"\xff" * 300, b"\x1f\x8b" + b"x" * 99]
)
def test_what_is_no_archive_is_refused(place, content):
    place.refuses(content, "no archive of ours")


def zipped(name: str, mode: int, content: bytes = b"x", *, method: int = zipfile.ZIP_STORED, **more: object) -> bytes:
    """What another program makes of one file."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = method
    for key, value in more.items():
        setattr(info, key, value)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(info, content)
    return out.getvalue()


KINDS = {
    "a link": zipped("link", stat.S_IFLNK | 0o777, b"/etc/passwd"),
    "a device": zipped("device", stat.S_IFCHR | 0o666),
    "a pipe": zipped("pipe", stat.S_IFIFO | 0o666),
    "a socket": zipped("socket", stat.S_IFSOCK | 0o666),
    "a folder": zipped("folder/", stat.S_IFDIR | 0o755, b""),
    "a program of root's": zipped("su", stat.S_IFREG | 0o4755),
    "compressed": zipped("a", stat.S_IFREG | 0o644, b"0" * 100_000, method=zipfile.ZIP_DEFLATED),
    "with a comment": zipped("a", stat.S_IFREG | 0o644, comment=b"hello"),
    "with more fields": zipped("a", stat.S_IFREG | 0o644, extra=b"\x01\x00\x02\x00ab"),
    "of another time": zipped("a", stat.S_IFREG | 0o644, date_time=(2020, 1, 1, 0, 0, 0)),
    "in another encoding": zipped("a", stat.S_IFREG | 0o644),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_packer_of_ours_writes_is_refused(place, kind):
    place.refuses(KINDS[kind], "no archive of ours")


def test_a_link_in_its_way_is_not_followed(place):
    """What is written goes into a new folder: nothing that somebody put there is in its way."""
    content = archive_of(CONTENT)
    digest = hashlib.sha256(content).hexdigest()
    place.into.mkdir()
    (place.into / digest).symlink_to(place.folder / "elsewhere")
    with pytest.raises(OSError):
        place.unpack(content)
    assert not (place.folder / "elsewhere").exists()


def test_a_disk_that_fails_leaves_nothing(place, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(package, "write_all", full)
    with pytest.raises(OSError, match="No space left"):
        place.unpack(archive_of(CONTENT))
    assert list(place.into.iterdir()) == []
