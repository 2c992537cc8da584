"""Cached results that nobody has used for long are forgotten, and nothing that is still needed goes with them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.engine.bench import Bench, action, bench, graph, ok, step
from yamlflow.core.graph import Cache, PythonTarget
from yamlflow.core.values import ArtifactRef, encode_ref
from yamlflow.engine.housekeeping import Swept, sweep
from yamlflow.engine.runs.opening import RunOptions, open_run
from yamlflow.worker.storage import LocalStorage

PLAN = graph(step("a", cache=Cache()))
OTHER = graph(step("b", action=action(target=PythonTarget("m:g")), cache=Cache()), name="other")


@pytest.fixture
def at(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def put(at: Bench, content: bytes) -> ArtifactRef:
    digest, size = LocalStorage(at.folder.store).put_bytes([content])
    return ArtifactRef(digest, "file", size, name="n")


def there(at: Bench, ref: ArtifactRef) -> bool:
    return LocalStorage(at.folder.store).has(ref.digest)


def clean(at: Bench, after: float, older_than: float = 60.0, *, dry: bool = False) -> Swept:
    with at.folder.look() as state:
        return sweep(at.folder, state, time.time() + after, older_than=older_than, dry=dry)


def kept(at: Bench) -> list[str]:
    with at.folder.look() as state:
        return sorted(row.step for row in state.results.all())


def sources(at: Bench) -> int:
    with at.folder.look() as state:
        return len(state._read("SELECT digest FROM sources", ()))


def move_back(at: Bench, seconds: float) -> None:
    """Everything that was kept or used was so that much earlier."""
    with at.folder.make() as state, state._writing() as connection:
        connection.execute("UPDATE cache SET created = created - ?", (seconds,))
        connection.execute("UPDATE uses SET at = at - ?", (seconds,))


def test_a_result_and_its_value_go_when_neither_made_nor_used_for_so_long(at: Bench) -> None:
    value = put(at, b"of a")
    at.run(PLAN, {"a": ok(encode_ref(value))})
    assert clean(at, after=30.0).results == 0
    would = clean(at, after=100.0, dry=True)
    assert (kept(at), there(at, value)) == (["a"], True)
    did = clean(at, after=100.0)
    assert (kept(at), there(at, value)) == ([], False)
    assert (would.results, would.objects, would.runs) == (did.results, did.objects, did.runs)
    assert did.results == 1


def test_a_result_that_a_later_run_used_stays(at: Bench) -> None:
    value = put(at, b"of a")
    at.run(PLAN, {"a": ok(encode_ref(value))})
    move_back(at, 1000.0)
    at.run(PLAN, {})
    assert clean(at, after=30.0).results == 0
    assert (kept(at), there(at, value)) == (["a"], True)
    assert clean(at, after=100.0).results == 1


def test_without_an_age_no_result_is_forgotten(at: Bench) -> None:
    at.run(PLAN, {"a": ok(1)})
    move_back(at, 1e9)
    with at.folder.look() as state:
        assert sweep(at.folder, state, time.time() + 5).results == 0
    assert kept(at) == ["a"]


def test_the_value_of_a_forgotten_result_stays_while_a_kept_run_refers_to_it(at: Bench) -> None:
    value = put(at, b"of a")
    at.run(PLAN, {"a": ok(encode_ref(value))})
    move_back(at, 1000.0)
    assert clean(at, after=30.0).results == 1
    assert there(at, value)


def test_the_value_of_a_forgotten_result_outlives_a_run_that_may_have_taken_it_up(at: Bench) -> None:
    value = put(at, b"of a")
    first = at.run(PLAN, {"a": ok(encode_ref(value))})
    with at.folder.look() as state:
        state.remove_run(first.run_id)
    run = open_run(OTHER, at.folder, RunOptions(), file="pipeline.yaml")
    try:
        assert clean(at, after=100.0).results == 1
        assert there(at, value)
    finally:
        run.close()
    clean(at, after=100.0)
    assert not there(at, value)


def test_what_results_share_goes_with_the_last_of_them_and_stays_for_a_run_that_compares(at: Bench) -> None:
    at.run(PLAN, {"a": ok(1)})
    at.run(OTHER, {"b": ok(1)})
    assert sources(at) == 2
    move_back(at, 1000.0)
    assert clean(at, after=30.0).results == 2
    assert sources(at) == 2, "a resume of either run compares its code"
    clean(at, after=1000.0)
    assert sources(at) == 0


def test_a_result_that_was_cleared_leaves_no_use_behind(at: Bench) -> None:
    at.run(PLAN, {"a": ok(1)})
    at.run(PLAN, {})
    with at.folder.look() as state:
        assert len(state._read("SELECT key FROM uses", ())) == 1
        state.results.clear()
        assert state._read("SELECT key FROM uses", ()) == []
