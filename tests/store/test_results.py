"""The cache table: rows by key, the newest by task, sources kept once, and databases from before it."""

from __future__ import annotations

import sqlite3

import pytest

from yamlflow.core.messages import RunEnded
from yamlflow.store.database import _TABLES, APPLICATION
from yamlflow.store.results import Cached
from yamlflow.store.state import Entry, RunRecord, open_state


@pytest.fixture
def state(tmp_path):
    with open_state(tmp_path / "state.db") as made:
        made.create_run(RunRecord("r1", "p", "p.yaml", "running", 0.0))
        yield made


def row(key: str, step: str = "fit", name: str = "fit[0]", created: float = 1.0, value: object = 1) -> Cached:
    given = {"with.x": "1"}
    return Cached(key.encode(), step, name, "r1", created, b"code", given, {"state": "succeeded", "value": value})


def keep(state, *rows: Cached) -> None:
    state.append("r1", [Entry(RunEnded(1.0, "succeeded"))], rows)


def test_a_result_is_found_by_its_key_and_by_nothing_else(state):
    keep(state, row("a"), row("b"))
    assert state.results.find([b"a", b"c"]) == {b"a": row("a")}
    assert state.results.find([]) == {}


def test_more_keys_than_a_statement_takes_are_found(state):
    rows = [row(f"k{number}", name=f"fit[{number}]") for number in range(2500)]
    keep(state, *rows)
    assert len(state.results.find([one.key for one in rows])) == 2500
    assert len(state.results.latest("fit", [one.name for one in rows])) == 2500


def test_a_newer_result_of_the_same_key_replaces_the_older(state):
    keep(state, row("a", value=1))
    keep(state, row("a", created=2.0, value=2))
    assert [one.outcome["value"] for one in state.results.all()] == [2]


def test_the_latest_of_a_task_come_newest_first_and_are_few(state):
    keep(state, *(row(str(number), created=float(number)) for number in range(10)), row("d", step="other"))
    found = state.results.latest("fit", ["fit[0]", "fit[9]"])
    assert [one.created for one in found["fit[0]"]] == [9.0, 8.0, 7.0, 6.0, 5.0]
    assert set(found) == {"fit[0]"}


def test_results_and_the_events_they_come_from_are_kept_together_or_not_at_all(state, tmp_path):
    broken = row("b")._replace(given={"x": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        keep(state, row("a"), broken)
    assert list(state.results.all()) == []
    assert list(state.events("r1")) == []


def test_results_outlive_their_run(state):
    keep(state, row("a"))
    state.remove_run("r1")
    assert state.results.find([b"a"])


def test_clearing_a_step_leaves_the_others(state):
    keep(state, row("a"), row("b", step="prep"))
    assert state.results.clear("fit") == 1
    assert [one.step for one in state.results.all()] == ["prep"]
    assert state.results.clear() == 1


def test_sources_are_kept_once_and_found_again(state):
    state.results.put_sources({b"x": {"tasks.py": "#1"}})
    state.results.put_sources({b"x": {"tasks.py": "#other"}, b"y": {}})
    assert state.results.source(b"x") == {"tasks.py": "#1"}
    assert state.results.source(b"z") is None


def test_a_database_from_before_the_cache_gets_its_table(tmp_path):
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as old:
        for statement in filter(str.strip, _TABLES.split(";")):
            old.execute(statement)
        old.execute(f"PRAGMA application_id = {APPLICATION}")
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO runs (id, pipeline, file, state, created, body) VALUES ('r1', 'p', 'f', 'x', 0, '')")
    old.close()
    for _ in range(2):
        with open_state(path) as state:
            assert state.find_run("r1").pipeline == "p"
            keep(state, row("a"))
            assert state.results.find([b"a"])
