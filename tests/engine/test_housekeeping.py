"""Cleaning up: what is needed stays whatever it lies in, what is not goes, and nobody who works is disturbed."""

from __future__ import annotations

import json
import os
import pickle
import time
from pathlib import Path

import pytest

from tests.engine.bench import Bench, bench, graph, ok, step
from yamlflow.core.errors import TemporaryError, UsageError
from yamlflow.core.values import ArtifactRef, encode_ref
from yamlflow.engine.housekeeping import Swept, remove_run, sweep
from yamlflow.engine.runs.opening import RunOptions, open_run
from yamlflow.store.locks import take
from yamlflow.worker.disk import remove_tree
from yamlflow.worker.storage import LocalStorage

PLAN = graph(step("a"))


@pytest.fixture
def at(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def store(at: Bench) -> LocalStorage:
    return LocalStorage(at.folder.store)


def clean(at: Bench, *, after: float = 5.0, **options: object) -> Swept:
    """A sweep some seconds from now: what lies there was put there before."""
    with at.folder.look() as state:
        return sweep(at.folder, state, time.time() + after, **options)  # type: ignore[arg-type]


def put(at: Bench, content: bytes, form: str = "file") -> ArtifactRef:
    digest, size = store(at).put_bytes([content])
    return ArtifactRef(digest, form, size, name="n")


def run_with(at: Bench, *refs: ArtifactRef) -> str:
    return at.run(PLAN, {"a": ok([encode_ref(ref) for ref in refs])}).run_id


def there(at: Bench, *refs: ArtifactRef) -> list[bool]:
    return [store(at).has(ref.digest) for ref in refs]


def test_what_a_run_refers_to_stays_and_what_nothing_refers_to_goes(at: Bench) -> None:
    kept, gone = put(at, b"kept"), put(at, b"gone")
    run_with(at, kept)
    store(at).path(gone)
    swept = clean(at)
    assert there(at, kept, gone) == [True, False]
    assert (swept.objects, swept.freed, swept.kept, swept.kept_size) == (1, 4, 1, 4)
    assert not any((at.folder.store / "names").rglob("n"))


def test_what_lies_in_a_value_that_is_needed_is_needed(at: Bench, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("member")
    digest, size = store(at).put_tree(tmp_path / "d")
    folder = ArtifactRef(digest, "dir", size, name="d")
    in_folder = put(at, b"member")
    in_json, in_pickle, deep = put(at, b"in json"), put(at, b"in pickle"), put(at, b"deep")
    inner = put(at, json.dumps([encode_ref(deep)]).encode(), "json")
    outer = put(at, json.dumps({"x": encode_ref(in_json), "y": encode_ref(inner)}).encode(), "json")
    pickled = put(at, pickle.dumps({"path": encode_ref(in_pickle)}), "pickle")
    run_with(at, folder, outer, pickled)
    swept = clean(at)
    assert there(at, folder, in_folder, outer, inner, deep, in_json, pickled, in_pickle) == [True] * 8
    assert swept.objects == 0


def test_a_dry_run_says_the_same_and_removes_nothing(at: Bench) -> None:
    lost, kept = put(at, b"lost"), put(at, b"kept")
    run_with(at, kept)
    would = clean(at, older_than=0.0, dry=True)
    assert there(at, lost, kept) == [True, True]
    did = clean(at, older_than=0.0)
    assert there(at, lost, kept) == [False, False]
    assert (would.runs, would.objects, would.freed) == (did.runs, did.objects, did.freed)


def test_runs_that_ended_long_ago_are_forgotten_with_all_they_have(at: Bench) -> None:
    old = put(at, b"old")
    run_id = run_with(at, old)
    (at.folder.run(run_id) / "logs").mkdir(exist_ok=True)
    assert clean(at, older_than=60.0).runs == []
    assert there(at, old) == [True]
    assert clean(at, after=100.0, older_than=60.0).runs == [run_id]
    assert there(at, old) == [False]
    assert not at.folder.run(run_id).exists()
    with at.folder.look() as state:
        assert state.runs() == []


def test_what_a_run_in_progress_has_put_down_stays_though_nothing_refers_to_it_yet(at: Bench) -> None:
    before = put(at, b"of long ago")
    os.utime(store(at).object_path(before.digest), (1, 1))
    shared = put(at, b"made before, and again by the run")
    os.utime(store(at).object_path(shared.digest), (1, 1))
    run = open_run(PLAN, at.folder, RunOptions(), file="pipeline.yaml")
    try:
        fresh, again = put(at, b"fresh"), put(at, b"made before, and again by the run")
        (at.folder.store / "tmp").mkdir(exist_ok=True)
        writing = at.folder.store / "tmp" / "1-2-3"
        writing.write_text("half")
        swept = clean(at, after=1000.0, older_than=0.0)
        assert there(at, fresh, again, before) == [True, True, False]
        assert writing.exists()
        assert swept.runs == []
        assert at.folder.run(run.id).exists()
    finally:
        run.close()


def test_an_interrupted_run_can_still_be_resumed(at: Bench) -> None:
    run = open_run(PLAN, at.folder, RunOptions(), file="pipeline.yaml")
    run.close()
    left = at.folder.run(run.id) / "scratch" / "task"
    left.mkdir(parents=True)
    (left / "big").write_text("x" * 100)
    swept = clean(at, after=1000.0, older_than=0.0)
    assert swept.runs == []
    assert (swept.leftovers, swept.freed) == (1, 100)
    assert not left.exists()
    assert at.resume(PLAN, run.id, {"a": ok(1)}).state == "succeeded"


def test_leftovers_of_the_dead_are_swept(at: Bench) -> None:
    kept = put(at, b"kept")
    run_with(at, kept)
    named = store(at).path(kept)
    (at.folder.store / "tmp").mkdir(exist_ok=True)
    (at.folder.store / "tmp" / "1-2-3").write_text("half")
    stale = at.folder.store / "names" / "ab" / ("c" * 62)
    stale.mkdir(parents=True)
    forgotten = at.folder.path / "runs" / "forgotten" / "logs"
    forgotten.mkdir(parents=True)
    assert clean(at).leftovers == 3
    assert not stale.exists()
    assert not forgotten.exists()
    assert named.exists()


def test_damaged_values_are_kept_and_counted_until_they_are_old(at: Bench) -> None:
    kept = put(at, b"kept")
    run_with(at, kept)
    folder = at.folder.store / "damaged"
    folder.mkdir()
    (folder / "x").write_text("damaged")
    assert clean(at).damaged == 1
    assert clean(at, after=5.0, older_than=1000.0).damaged == 1
    assert (folder / "x").exists()
    assert clean(at, after=2000.0, older_than=1000.0).damaged == 0
    assert not (folder / "x").exists()


def test_two_at_once_are_refused(at: Bench) -> None:
    run_with(at)
    lock = take(at.folder.path / "locks" / "gc.lock", "gc", since="now")
    try:
        with pytest.raises(TemporaryError, match="gc is held by"):
            clean(at)
    finally:
        lock.release()


def test_a_run_that_goes_on_cannot_be_removed_and_one_that_has_ended_can(at: Bench) -> None:
    run = open_run(PLAN, at.folder, RunOptions(), file="pipeline.yaml")
    with at.folder.look() as state:
        with pytest.raises(UsageError, match="is going on"):
            remove_run(at.folder, state, state.find_run(run.id), time.time())
        run.close()
        remove_run(at.folder, state, state.find_run(run.id), time.time())
        assert state.runs() == []
    assert not at.folder.run(run.id).exists()


def test_a_value_that_is_put_while_it_goes_away_comes_back(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run_with(at)
    ref = put(at, b"wanted again")
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        if "objects" in self.parts:
            os.utime(self, (time.time() + 1000, self.stat().st_mtime))  # a task puts it at this very moment
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert clean(at).objects == 0
    assert there(at, ref) == [True]


def test_a_sweep_that_is_killed_at_any_deletion_leaves_what_a_run_needs(at: Bench, tmp_path: Path) -> None:
    """Killed before the nth change of the file system, for every n; then what is kept is read in full."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("member")
    n = 0
    while True:
        n += 1
        digest, size = store(at).put_tree(tmp_path / "d")
        folder, file = ArtifactRef(digest, "dir", size, name="d"), put(at, b"file")
        needed = run_with(at, folder, file)
        old = run_with(at, put(at, b"other"), put(at, str(n).encode()))
        with at.folder.look() as state:
            state.remove_run(old)
        child = os.fork()
        if child == 0:
            _die_at(n)
            try:
                clean(at)
            except BaseException:  # noqa: BLE001 - the child must not return
                os._exit(3)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, 9), "the child broke"
        assert store(at).first_lost([folder, file]) is None
        assert (store(at).path(folder) / "f").read_text() == "member"
        if status == 0:
            break
        clean(at)
        assert store(at).first_lost([folder, file]) is None
        with at.folder.look() as state:
            state.remove_run(needed)
        remove_tree(str(at.folder.path / "runs"))
    assert n > 4


def _die_at(number: int) -> None:
    """The process ends before its nth unlink, rmdir or rename."""
    left = [number]

    def doomed(call):
        def dying(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return call(*arguments, **options)

        return dying

    os.unlink, os.rmdir, os.rename = doomed(os.unlink), doomed(os.rmdir), doomed(os.rename)
