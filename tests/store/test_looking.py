"""Who only looks writes nothing, however old the database is; what its version lacks is empty."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from yamlflow.core.messages import RunEnded
from yamlflow.store.database import _ADDED, _TABLES, APPLICATION, VERSION
from yamlflow.store.state import Entry, look_at_state, open_state


def made_by(path, version: int) -> None:
    """A database as that version left it, with one run."""
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        for number, tables in {1: _TABLES, **_ADDED}.items():
            for statement in filter(str.strip, tables.split(";") if number <= version else ()):
                old.execute(statement)
        old.execute(f"PRAGMA application_id = {APPLICATION}")
        old.execute(f"PRAGMA user_version = {version}")
        old.execute("INSERT INTO runs (id, pipeline, file, state, created, body) VALUES ('r1', 'p', 'f', 'x', 0, '')")


def contents(path) -> list[object]:
    with closing(sqlite3.connect(path)) as database:
        version = database.execute("PRAGMA user_version").fetchone()
        return [version, *database.execute("SELECT name, sql FROM sqlite_master ORDER BY name")]


@pytest.mark.parametrize("version", range(1, VERSION))
def test_looking_at_an_old_database_leaves_it_as_old_as_it_is(tmp_path, version):
    path = tmp_path / "state.db"
    made_by(path, version)
    before = contents(path)
    with look_at_state(path) as state:
        assert [record.id for record in state.runs()] == ["r1"]
        assert list(state.results.all()) == []
        assert (state.results.find([b"k"]), state.results.latest("a", ["a"])) == ({}, {})
        assert state.results.source(b"s") is None
        assert list(state.documents()) == [{}]
        state.request("r1", "cancel", 1.0, {})
        assert state.results.clear() == 0
    assert contents(path) == before
    with open_state(path) as state:
        assert [record.id for record in state.runs()] == ["r1"]
    assert contents(path) != before, "who runs brings it up"


def test_a_database_that_is_being_made_is_empty_for_who_looks(tmp_path):
    path = tmp_path / "state.db"
    path.touch()
    with look_at_state(path) as state:
        assert state.runs() == []
    assert path.stat().st_size == 0


def test_who_looks_sees_what_is_written_meanwhile(tmp_path):
    path = tmp_path / "state.db"
    made_by(path, VERSION)
    with look_at_state(path) as looker, open_state(path) as writer:
        writer.append("r1", [Entry(RunEnded(1.0, "succeeded"))])
        assert len(list(looker.events("r1"))) == 1
