"""The local store: whole or not at all, once per content, read-only, and the user's files untouched."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.disks import SHORT, Faulty
from yamlflow.core.errors import StateError
from yamlflow.core.values import ArtifactRef
from yamlflow.store.local import LocalStore
from yamlflow.worker.storage import ArtifactLostError, LocalStorage, StorageError


def objects(root):
    return [path for path in Path(root, "objects").rglob("*") if path.is_file()]


def test_equal_content_is_one_object_read_only_in_private_folders(tmp_path):
    store = LocalStorage(tmp_path / "s")
    assert store.put_bytes([b"ab", b"c"]) == store.put_bytes([bytearray(b"abc")])
    (path,) = objects(store.root)
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert Path(store.root).stat().st_mode & 0o777 == 0o700
    assert list(Path(store.root, "tmp").iterdir()) == []


def test_an_object_that_was_cut_short_is_written_again(tmp_path):
    store = LocalStorage(tmp_path)
    digest, size = store.put_bytes([b"content"])
    path = Path(store.object_path(digest))
    path.chmod(0o600)
    path.write_bytes(b"con")
    assert store.put_bytes([b"content"]) == (digest, size)
    assert store.read(ArtifactRef(digest, "json", size)) == b"content"


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "open", "mkdir"])
def test_a_disk_that_fails_at_any_call_leaves_no_object_and_no_rest_of_one(tmp_path, call):
    store = LocalStorage(tmp_path / "s", Faulty(fault=errno.ENOSPC, calls={call}))
    with pytest.raises(StorageError, match=r"cannot write to the artifact store .*/s: No space left") as caught:
        store.put_bytes([b"content"])
    assert caught.value.errno == errno.ENOSPC
    assert [path for path in Path(tmp_path, "s").rglob("*") if path.is_file()] == []
    digest, size = store.put_bytes([b"content"])
    assert store.read(ArtifactRef(digest, "json", size)) == b"content"


def test_a_short_write_is_continued(tmp_path):
    disk = Faulty(fault=SHORT, calls={"write"}, always=True)
    store = LocalStorage(tmp_path, disk)
    digest, size = store.put_bytes([b"more than one"])
    assert store.read(ArtifactRef(digest, "json", size)) == b"more than one"
    assert disk.count == len(b"more than one")


def test_without_hard_links_files_are_copied(tmp_path):
    store = LocalStorage(tmp_path / "s", Faulty(fault=errno.EPERM, calls={"link"}, always=True))
    folder = tmp_path / "scratch"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "f").write_text("f")
    digest, size = store.put_file(folder / "sub" / "f", take_from=str(folder))
    assert store.path(ArtifactRef(digest, "file", size, name="f")).read_text() == "f"
    digest, size = store.put_tree(folder, take_from=str(folder))
    assert (store.path(ArtifactRef(digest, "dir", size, name="out")) / "sub" / "f").read_text() == "f"


def test_the_views_of_a_file_and_a_folder_are_rebuilt_when_they_are_gone(tmp_path):
    import shutil

    store = LocalStorage(tmp_path / "s")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("f")
    file = ArtifactRef(*_order(store.put_file(tmp_path / "d" / "f"), "file"), name="f")
    tree = ArtifactRef(*_order(store.put_tree(tmp_path / "d"), "dir"), name="d")
    for _ in range(2):
        assert store.path(file).read_text() == "f"
        assert (store.path(tree) / "f").read_text() == "f"
        shutil.rmtree(tmp_path / "s" / "names")
        shutil.rmtree(tmp_path / "s" / "trees")


def test_a_folder_that_a_task_changed_is_laid_out_anew_elsewhere(tmp_path):
    store = LocalStorage(tmp_path / "s")
    (tmp_path / "d" / "sub").mkdir(parents=True)
    for name in ("b", "sub/a"):
        (tmp_path / "d" / name).write_text(name)
    ref = ArtifactRef(*_order(store.put_tree(tmp_path / "d"), "dir"), name="d")
    first = store.path(ref)
    (first / "b").unlink()
    (first / "cache").write_text("left by a task")
    second = store.path(ref)
    assert second.name == "d"
    assert sorted(path.name for path in second.rglob("*")) == ["a", "b", "sub"]
    assert (first / "cache").exists(), "a task may still be reading it"
    assert store.path(ref) == second


def test_a_file_that_was_written_to_under_its_name_is_linked_again(tmp_path):
    store = LocalStorage(tmp_path / "s")
    (tmp_path / "f").write_text("f")
    ref = ArtifactRef(*_order(store.put_file(tmp_path / "f"), "file"), name="f")
    named = store.path(ref)
    store.put_file(tmp_path / "f")  # another task returns it: the object is a new file
    named.chmod(0o600)
    named.write_text("f, and more")
    assert store.path(ref).read_text() == "f"


def _order(stored, form):
    digest, size = stored
    return digest, form, size


def test_equal_folders_are_one_whatever_their_order_and_times(tmp_path):
    store = LocalStorage(tmp_path / "s")
    for name, order in (("a", ["x", "y"]), ("b", ["y", "x"])):
        (tmp_path / name).mkdir()
        for file in order:
            (tmp_path / name / file).write_text(file)
    assert store.put_tree(tmp_path / "a") == store.put_tree(tmp_path / "b")


def test_a_member_of_a_folder_that_is_gone_is_named(tmp_path):
    store = LocalStorage(tmp_path / "s")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("f")
    digest, size = store.put_tree(tmp_path / "d")
    member, _ = store.put_bytes([b"f"])
    Path(store.object_path(member)).unlink()
    with pytest.raises(ArtifactLostError, match=r"d/f .* is missing"):
        store.path(ArtifactRef(digest, "dir", size, name="d"))


# ------------------------------------------------------------------ the launcher's side


def test_the_launchers_store_lists_and_removes_with_all_views(tmp_path):
    store = LocalStore(tmp_path / "s")
    digest, size = store.put_bytes([b"content"])
    ref = ArtifactRef(digest, "file", size, name="n.txt")
    assert store.path(ref).read_text() == "content"
    assert store.read(ref) == b"content"
    assert list(store.digests()) == [(digest, size)]
    assert store.remove(digest) == size
    assert store.remove(digest) == 0
    assert not store.has(digest)
    assert list(store.digests()) == []
    with pytest.raises(ArtifactLostError):
        store.path(ref)


def test_the_launchers_store_copies_unless_it_is_told_to_move(tmp_path):
    store = LocalStore(tmp_path / "s")
    (tmp_path / "f").write_text("f")
    store.put_file(tmp_path / "f")
    assert (tmp_path / "f").stat().st_mode & 0o200
    (tmp_path / "g").write_text("g")
    digest, _ = store.put_file(tmp_path / "g", move=True)
    assert Path(tmp_path / "s" / "objects" / digest[:2] / digest[2:]).stat().st_ino == (tmp_path / "g").stat().st_ino


def test_a_store_that_cannot_be_written_is_a_state_error(tmp_path):
    (tmp_path / "s").write_text("a file")
    store = LocalStore(tmp_path / "s")
    with pytest.raises(StateError) as caught:
        store.put_bytes([b"x"])
    assert caught.value.exit_code == 74
    assert str(tmp_path / "s") in caught.value.message
    assert caught.value.hint
