"""A project's code as one archive: the same files are the same bytes, and what comes out is what went in."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from yamlflow.core.errors import AccessError, SetupError, TemporaryError
from yamlflow.store import package
from yamlflow.store.local import LocalStore
from yamlflow.store.package import pack, roots_inside, store_code, store_worker, worker_package
from yamlflow.worker.package import clash, unpack
from yamlflow.worker.seals import digest_of

SEGMENT = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\"), min_size=1, max_size=8)
NAME = st.lists(SEGMENT.filter(lambda part: part not in (".", "..")), min_size=1, max_size=3).map("/".join)


def made(folder: Path, files: dict[str, bytes]) -> dict[str, Path]:
    """Files on the disk, by their names; each lies under a number of its own."""
    found = {}
    for number, (name, content) in enumerate(files.items()):
        found[name] = folder / str(number)
        found[name].write_bytes(content)
    return found


def tree(folder: str) -> dict[str, bytes]:
    """What lies below a folder, by name."""
    paths = (path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def packed(tmp_path, files: dict[str, Path], name: str = "code.zip") -> tuple[str, Path]:
    archive = tmp_path / name
    return pack(files, archive), archive


def test_the_same_files_are_the_same_bytes_whenever_and_in_whatever_order(tmp_path):
    files = made(tmp_path, {"b.py": b"2", "a/c.py": b"3", "a.py": b"1"})
    first, archive = packed(tmp_path, files)
    for path in files.values():
        os.utime(path, (1, 1))
    second, other = packed(tmp_path, dict(reversed(files.items())), "again.zip")
    assert first == second == digest_of(str(archive))
    assert archive.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("change", ["content", "name", "mode"])
def test_other_files_are_another_digest(tmp_path, change):
    files = made(tmp_path, {"a.py": b"1"})
    first, _ = packed(tmp_path, files)
    if change == "content":
        files["a.py"].write_bytes(b"2")
    if change == "mode":
        files["a.py"].chmod(0o755)
    if change == "name":
        files["b.py"] = files.pop("a.py")
    assert packed(tmp_path, files, "again.zip")[0] != first


def test_only_the_owners_right_to_run_it_is_kept_of_a_files_mode(tmp_path):
    files = made(tmp_path, {"run.sh": b"1", "a.py": b"2"})
    files["run.sh"].chmod(0o700)
    files["a.py"].chmod(0o666)
    digest, archive = packed(tmp_path, files)
    folder = Path(unpack(str(archive), digest, str(tmp_path / "out")))
    assert [oct(folder.joinpath(name).stat().st_mode & 0o777) for name in ("run.sh", "a.py")] == ["0o555", "0o444"]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAME, st.binary(max_size=200), max_size=6))
def test_what_comes_out_is_what_went_in(tmp_path_factory, files):
    tmp_path = tmp_path_factory.mktemp("round")
    (tmp_path / "in").mkdir()
    assume(clash(files) is None)
    digest, archive = packed(tmp_path, made(tmp_path / "in", files))
    assert tree(unpack(str(archive), digest, str(tmp_path / "out"), durable=False)) == files


def test_an_archive_is_an_ordinary_zip(tmp_path):
    files = {"pkg/__init__.py": b"VALUE = 7", "data ünïcode.txt": b"x" * 3_000_000, "empty": b""}
    _, archive = packed(tmp_path, made(tmp_path, files))
    with zipfile.ZipFile(archive) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == files
    command = [sys.executable, "-c", "import pkg; print(pkg.VALUE)"]
    said = subprocess.run(command, env={"PYTHONPATH": str(archive)}, capture_output=True, check=True)
    assert said.stdout == b"7\n"


# -------------------------------------------------------------------- limits


def test_a_package_that_is_too_large_names_the_largest_files(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "TOTAL", 1 << 20)
    files = made(tmp_path, {"small": b"1", "data/large": b"x" * (1 << 20), "data/larger": b"x" * (2 << 20)})
    with pytest.raises(SetupError, match=r"data/larger \(2 MiB\), data/large \(1 MiB\)") as refused:
        packed(tmp_path, files)
    assert "exclude: [/data/larger]" in refused.value.hint


def test_a_package_of_too_many_files_names_the_fullest_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "FILES", 2)
    with pytest.raises(SetupError, match=r"many \(3\), a \(1\)"):
        packed(tmp_path, made(tmp_path, {"a": b"", "many/1": b"", "many/2": b"", "many/3": b""}))


def test_a_file_that_grows_while_it_is_read_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "TOTAL", 100)
    monkeypatch.setattr(package, "sizes", lambda files: dict.fromkeys(files, 0))
    with pytest.raises(SetupError, match="at most"):
        package.pack({"zero": Path("/dev/zero")}, tmp_path / "code.zip")


@pytest.mark.parametrize("before", [True, False])
def test_a_file_that_goes_away_is_worth_another_try(tmp_path, monkeypatch, before):
    if not before:
        monkeypatch.setattr(package, "sizes", lambda files: dict.fromkeys(files, 0))
    with pytest.raises(TemporaryError, match=r"gone\.py went away"):
        package.pack({"gone.py": tmp_path / "gone.py"}, tmp_path / "code.zip")


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    files = made(tmp_path, {"a.py": b"1"})
    monkeypatch.setattr(os, "access", lambda *_: False)  # root reads everything
    with pytest.raises(AccessError, match="cannot be read"):
        packed(tmp_path, files)


@pytest.mark.parametrize("names", [("Readme", "README"), ("a", "a/b"), ("A", "a/b")])
def test_names_that_exclude_each_other_are_refused(tmp_path, names):
    with pytest.raises(SetupError, match="cannot lie in one folder"):
        packed(tmp_path, made(tmp_path, dict.fromkeys(names, b"")))


# -------------------------------------------------------------------- store


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store").mkdir()
    return LocalStore(tmp_path / "store")


def test_a_package_is_stored_once(tmp_path, store):
    files = made(tmp_path, {"a.py": b"1"})
    ref = store_code(files, store)
    assert store_code(files, store) == ref
    assert list(store.digests()) == [(ref.digest, ref.size)]
    assert tree(unpack(str(store.path(ref)), ref.digest, str(tmp_path / "out"))) == {"a.py": b"1"}


def test_import_roots_are_found_in_the_package():
    roots = ("/home/me/flows", "/home/me/flows/src", "/home/me", "/elsewhere")
    assert roots_inside(roots, "/home/me", "/code/ab") == ("/code/ab/flows", "/code/ab/flows/src", "/code/ab")
    assert roots_inside(("/elsewhere",), "/home/me", "/code/ab") == ("/code/ab",)


# -------------------------------------------------------------------- the worker's own

EVERYTHING = """
import sys, pkgutil, importlib
sys.path[:] = [path for path in sys.path if "site-packages" not in path and "dist-packages" not in path]
sys.path.insert(0, sys.argv[1])
import yamlflow
names = [found.name for layer in ("core", "worker") for found in pkgutil.walk_packages(
    importlib.import_module(f"yamlflow.{layer}").__path__, f"yamlflow.{layer}.")]
for name in names:
    module = importlib.import_module(name)
    assert module.__spec__.origin.startswith(sys.argv[1]), module
print(len(names), yamlflow.__version__)
"""


@pytest.mark.parametrize("form", ["archive", "folder"])
def test_the_worker_runs_on_a_bare_python_with_nothing_but_its_package(tmp_path, store, form):
    ref = store_worker(store)
    place = str(store.path(ref))
    if form == "folder":
        place = unpack(place, ref.digest, str(tmp_path / "out"))
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [sys.executable, "-S", "-I", "-c", EVERYTHING, place]
    done = subprocess.run(command, cwd=empty, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    import yamlflow

    number, version = done.stdout.split()
    assert (int(number) > 50, version) == (True, yamlflow.__version__)


def test_the_workers_package_is_the_layers_that_travel_and_its_digest_is_theirs():
    import hashlib

    digest, content = worker_package()
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        tops = {"/".join(name.split("/")[:2]) for name in found.namelist()}
    assert tops == {"yamlflow/__init__.py", "yamlflow/core", "yamlflow/worker"}
    assert hashlib.sha256(content).hexdigest() == digest
