"""What is read by path is compared with its digest, and no more often than something may have changed it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from yamlflow.core.values import ArtifactRef
from yamlflow.worker import storage as storage_module
from yamlflow.worker.seals import moment_of
from yamlflow.worker.storage import ArtifactLostError, LocalStorage


@pytest.fixture
def store(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "s")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read to compare them with their digest."""
    seen: list[str] = []
    real = storage_module.digest_of

    def watched(path: str) -> str:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(storage_module, "digest_of", watched)
    return seen


def file(store: LocalStorage, text: str = "content") -> ArtifactRef:
    digest, size = store.put_bytes([text.encode()])
    return ArtifactRef(digest, "file", size, name="f.txt")


def folder(store: LocalStorage, tmp_path: Path) -> ArtifactRef:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "a").write_text("aaa")
    (tmp_path / "d" / "sub" / "run").write_text("bbb")
    (tmp_path / "d" / "sub" / "run").chmod(0o755)
    digest, size = store.put_tree(tmp_path / "d")
    return ArtifactRef(digest, "dir", size, name="d")


def change(path: Path, text: str) -> None:
    path.chmod(0o600)
    path.write_text(text)


def set_aside(store: LocalStorage) -> list[str]:
    place = Path(store.root) / "damaged"
    return [path.read_text() for path in place.iterdir()] if place.exists() else []


def test_what_we_wrote_ourselves_is_never_read_again_to_compare_it(store, tmp_path, read):
    refs = file(store), folder(store, tmp_path)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "moved").write_text("moved")
    digest, size = store.put_file(tmp_path / "scratch" / "moved", take_from=str(tmp_path / "scratch"))
    read.clear()
    for _ in range(3):
        for ref in (*refs, ArtifactRef(digest, "file", size, name="moved")):
            assert store.path(ref).exists()
            assert store.first_lost([ref]) is None
    assert read == []


@pytest.mark.parametrize("view", ["object", "name"])
def test_an_edit_of_the_same_size_is_noticed_and_the_damaged_object_set_aside(store, view):
    ref = file(store)
    path = store.path(ref) if view == "name" else Path(store.object_path(ref.digest))
    change(path, "CONTENT")
    with pytest.raises(ArtifactLostError, match=r"is damaged \(sha256 differs\)") as caught:
        store.path(ref)
    assert caught.value.digests == [ref.digest]
    assert set_aside(store) == ["CONTENT"]
    with pytest.raises(ArtifactLostError, match="is missing"):
        store.path(ref)
    file(store)
    assert store.path(ref).read_text() == "content"


def test_an_edit_of_a_folders_member_is_noticed(store, tmp_path):
    ref = folder(store, tmp_path)
    change(store.path(ref) / "a", "xxx")
    with pytest.raises(ArtifactLostError, match=r"d/a .* is damaged") as caught:
        store.path(ref)
    assert caught.value.digests[1:] == [ref.digest]
    assert store.first_lost([ref]) is not None


def test_an_edit_of_a_copy_in_a_folder_costs_only_the_copy(store, tmp_path):
    ref = folder(store, tmp_path)
    change(store.path(ref) / "sub" / "run", "xxx")  # executable: not the object itself
    again = store.path(ref) / "sub" / "run"
    assert again.read_text() == "bbb"
    assert os.access(again, os.X_OK)
    assert store.first_lost([ref]) is None


def test_a_touched_file_is_compared_once_and_then_trusted_again(store, read):
    ref = file(store)
    os.utime(store.path(ref))
    for _ in range(3):
        assert store.path(ref).read_text() == "content"
    assert len(read) == 1


def test_a_store_of_a_version_without_seals_is_compared_once(store, read):
    ref = file(store)
    os.utime(store.object_path(ref.digest), (1e9, 1.7e9))
    for _ in range(3):
        assert store.path(ref).read_text() == "content"
    assert len(read) == 1


def test_what_is_put_again_replaces_a_damaged_object_of_its_size(store):
    ref = file(store)
    change(Path(store.object_path(ref.digest)), "CONTENT")
    assert file(store) == ref
    assert store.read(ref) == b"content"
    assert set_aside(store) == ["CONTENT"]


def test_a_damage_that_hides_behind_a_whole_seal_is_found_by_who_reads_it_all(store):
    ref = file(store)
    path = Path(store.object_path(ref.digest))
    change(path, "CONTENT")
    os.utime(path, ns=(0, moment_of(ref.digest)))
    with pytest.raises(ArtifactLostError, match="is damaged"):
        store.read(ref)
    assert set_aside(store) == ["CONTENT"]


def test_an_object_that_was_made_anew_meanwhile_is_not_set_aside(store):
    ref = file(store)
    path = Path(store.object_path(ref.digest))
    change(path, "CONTENT")
    before = path.stat()
    path.rename(path.with_suffix(".old"))
    file(store)
    store._set_aside(ref.digest, before)
    assert store.read(ref) == b"content"


def test_a_file_that_somebody_still_writes_to_is_copied(store, tmp_path, monkeypatch):
    source = tmp_path / "scratch" / "log"
    source.parent.mkdir()
    source.write_text("one")
    real = storage_module.digest_of

    def slow(path: str) -> str:
        digest = real(path)
        if path == str(source):
            source.write_text("two")
        return digest

    monkeypatch.setattr(storage_module, "digest_of", slow)
    digest, size = store.put_file(source, take_from=str(source.parent))
    assert store.read(ArtifactRef(digest, "file", size)) == b"two"


def test_a_put_tells_who_cleans_up_that_somebody_counts_on_it(store):
    ref = file(store)
    path = Path(store.object_path(ref.digest))
    os.utime(path, ns=(0, moment_of(ref.digest)))
    before = time.time()
    file(store)
    assert path.stat().st_atime >= before - 1
    assert path.stat().st_mtime_ns == moment_of(ref.digest)


def test_seals_are_whole_even_seconds_which_every_file_system_keeps():
    moments = [moment_of(f"{number:064x}") for number in (0, 1, 16**63)]
    assert all(moment % 2_000_000_000 == 0 for moment in moments)
