"""After a power cut at any moment: what was stored is whole, and nothing is half of itself.

`kill -9` keeps what the kernel has in memory; only a disk that forgets shows a missing fsync.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.store.powercut import KilledError, Recorder, leave
from yamlflow.core.values import ArtifactRef
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.worker.storage import ArtifactLostError, LocalStorage

MASKS = 8
LONG = bytes(range(256)) * 20


@dataclass(frozen=True)
class Stored:
    """A reference, and what must be read through it: bytes, or bytes by name."""

    ref: ArtifactRef
    content: bytes | dict[str, bytes]


class Work:
    """A few tasks' results on their way into a store, each promised once it is acknowledged."""

    def __init__(self, recorder: Recorder, root: Path, scratch: Path) -> None:
        self.recorder = recorder
        self.storage = LocalStorage(root, recorder)
        self.scratch = scratch

    def do(self) -> None:
        self._values()
        self._files()
        self._folders()

    def _promise(self, stored: Stored) -> None:
        self.recorder.promise(stored)

    def _values(self) -> None:
        for content in (b"1", b"22", b"1", LONG):
            digest, size = self.storage.put_bytes([content[:1], content[1:]])
            self._promise(Stored(ArtifactRef(digest, "json", size), content))

    def _files(self) -> None:
        folder = self.scratch / "files"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content, mine in (("copied.txt", b"copied", ""), ("moved.bin", LONG[1:], str(folder))):
            (folder / name).write_bytes(content)
            digest, size = self.storage.put_file(folder / name, take_from=mine)
            stored = Stored(ArtifactRef(digest, "file", size, name=name), content)
            self._promise(stored)
            assert self.storage.path(stored.ref).read_bytes() == content

    def _folders(self) -> None:
        folder = self.scratch / "out"
        shutil.rmtree(folder, ignore_errors=True)
        content = {"a": b"a", "run.sh": b"#!/bin/sh", "deep/b": b"bb", "deep/c": b"22"}
        for name, data in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        (folder / "run.sh").chmod(0o755)
        digest, size = self.storage.put_tree(folder, take_from=str(folder))
        stored = Stored(ArtifactRef(digest, "dir", size, name="out"), content)
        self._promise(stored)
        assert read(self.storage, stored) == content


def read(storage, stored):
    if stored.ref.format == "json":
        return bytes(storage.read(stored.ref))
    path = storage.path(stored.ref)
    if stored.ref.format == "file":
        return path.read_bytes()
    return {str(found.relative_to(path)): found.read_bytes() for found in path.rglob("*") if found.is_file()}


def check(recorder: Recorder, length: int, seed: int, place: Path, store: str = "") -> None:
    """One state of the disk: every promise holds, nothing lies under a digest that is not its own, work can go on."""
    leave(recorder, length, Random(f"{length}/{seed}"), place)
    storage = LocalStorage(place / store)
    said = f"cut after {length} calls, seed {seed}"
    for path in (place / store / "objects").glob("*/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.parent.name + path.name, f"{said}: {path}"
    for stored in recorder.promised(length):
        assert read(storage, stored) == stored.content, f"{said}: {stored.ref}"
    for _, stored in recorder.promises:
        try:
            assert read(storage, stored) == stored.content, f"{said}: {stored.ref}, which nobody was promised"
        except ArtifactLostError:
            continue
    shutil.rmtree(place)


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no links"])
def test_what_was_stored_survives_a_power_cut_after_any_call(tmp_path, store, links):
    recorder = Recorder(store, links=links)
    Work(recorder, store, tmp_path / "scratch").do()
    for length in range(recorder.length + 1):
        for seed in range(MASKS):
            check(recorder, length, seed, tmp_path / "after")


@pytest.mark.slow
def test_what_was_acknowledged_again_after_a_kill_survives_a_power_cut(tmp_path, store):
    """The second process finds what the first had put in place, but not made durable."""
    calls = _calls(tmp_path / "whole")
    for dies_at in range(calls):
        shutil.rmtree(store)
        store.mkdir()
        recorder = Recorder(store, dies_at=dies_at)
        with pytest.raises(KilledError):
            Work(recorder, store, tmp_path / "scratch").do()
        recorder.revive()
        Work(recorder, store, tmp_path / "scratch").do()
        times = [time for time, _ in recorder.promises]
        for length in (recorder.length, times[dies_at % len(times)]):
            for seed in range(MASKS // 2):
                check(recorder, length, seed, tmp_path / "after")


def test_a_new_state_folder_is_durable_before_anything_is_in_it(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    for dies_at in (None, *range(8)):
        shutil.rmtree(project)
        project.mkdir()
        recorder = Recorder(project, dies_at=dies_at)
        folder = StateFolder(project / ".yamlflow", recorder)
        try:
            folder.make().close()
        except KilledError:
            recorder.revive()
            folder.make().close()
        digest, size = LocalStorage(folder.store, recorder).put_bytes([b"x"])
        recorder.promise(Stored(ArtifactRef(digest, "json", size), b"x"))
        for seed in range(MASKS):
            check(recorder, recorder.length, seed, tmp_path / "after", ".yamlflow/store")


def test_the_recorder_sees_every_change_that_the_store_makes(tmp_path, store):
    recorder = Recorder(store)
    Work(recorder, store, tmp_path / "scratch").do()
    leave(recorder, recorder.length, None, tmp_path / "after")
    assert _content(tmp_path / "after") == _content(store)


def _content(folder: Path) -> dict[str, bytes | None]:
    found = folder.rglob("*")
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


def _calls(place: Path) -> int:
    place.mkdir(parents=True)
    recorder = Recorder(place)
    Work(recorder, place, place.parent / "whole-scratch").do()
    return recorder.length
