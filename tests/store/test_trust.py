"""What the state stands on: locks that are enforced, a database that forgets nothing, and words when one cannot be."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from yamlflow.core.errors import AccessError, SetupError, StateError, TemporaryError, YamlflowError
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import Progressed
from yamlflow.store import database, locks
from yamlflow.store.database import connect, explain
from yamlflow.store.state import Entry, RunRecord, open_state

RUN = RunRecord("r-1", "p", "/x/p.yaml", "running", 1.0)


def test_the_database_is_opened_so_that_a_commit_survives_a_power_cut(tmp_path):
    for _ in range(2):  # made, and found
        connection = connect(tmp_path / "state.db", "rwc")
        said = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "busy_timeout", "wal_autocheckpoint", "application_id")
        }
        connection.close()
        assert said == {
            "journal_mode": "wal",
            "synchronous": 2,
            "busy_timeout": 10000,
            "wal_autocheckpoint": 2000,
            "application_id": database.APPLICATION,
        }


def test_a_database_that_cannot_have_a_log_is_refused(tmp_path):
    """SQLite would stay in another mode without a word: here, because it is in memory."""
    path = tmp_path / "state.db"
    memory = sqlite3.connect(":memory:")
    with pytest.raises(StateError, match="cannot keep a write-ahead log") as caught:
        database._prepare(memory, path)
    memory.close()
    assert caught.value.exit_code == 74
    assert "--state-dir" in caught.value.hint


def test_a_database_that_may_not_grow_stops_the_run_and_keeps_what_it_has(tmp_path):
    """At every size: an append is there as a whole, or it is a StateError and nothing of it is there."""
    entries = [Entry(Progressed(1.0, TaskId("a", (n,)), "x" * 400)) for n in range(10)]
    sizes = set()
    for spare in range(40):
        path = tmp_path / f"{spare}.db"
        with open_state(path) as state:
            state.create_run(RUN)
            pages = state._connection.execute("PRAGMA page_count").fetchone()[0]
            state._connection.execute(f"PRAGMA max_page_count = {pages + spare}")
            stored = 0
            said = None
            while stored < 12 and said is None:
                said = refused(lambda: state.append(RUN.id, entries))
                stored += said is None
        with open_state(path) as state:
            assert len(list(state.events(RUN.id))) == stored * len(entries)
            state.append(RUN.id, entries)
            assert len(list(state.events(RUN.id))) == (stored + 1) * len(entries)
        assert said is None or (said.exit_code, "disk is full" in said.message, said.hint) == (74, 1, "free some space")
        sizes.add(stored)
    assert {0, 12} < sizes, sizes


def refused(action):
    try:
        action()
    except StateError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("name", "code"),
    [("SQLITE_FULL", 74), ("SQLITE_IOERR_FSYNC", 74), ("SQLITE_IOERR_WRITE", 74), ("SQLITE_CORRUPT", 74),
     ("SQLITE_NOTADB", 74), ("SQLITE_READONLY", 74), ("SQLITE_PERM", 77), ("SQLITE_BUSY", 75)],
)  # fmt: skip
def test_each_error_of_the_database_has_its_exit_code_and_says_what_to_do(tmp_path, name, code):
    error = sqlite3.OperationalError("as it is")
    error.sqlite_errorname = name
    said = explain(error, tmp_path / "state.db")
    assert isinstance(said, YamlflowError) and said.exit_code == code
    assert str(tmp_path / "state.db") in said.message
    assert said.hint


@pytest.mark.parametrize("name", ["SQLITE_CANTOPEN", "SQLITE_READONLY"])
def test_a_database_that_cannot_be_opened_is_about_rights_only_if_rights_are_missing(tmp_path, monkeypatch, name):
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorname = name
    assert isinstance(explain(error, tmp_path / "state.db"), StateError)
    monkeypatch.setattr(database.os, "access", lambda *_: False)
    assert isinstance(explain(error, tmp_path / "state.db"), AccessError)


def test_a_connection_beside_an_open_one_leaves_its_locks_alone(tmp_path):
    """Closing any descriptor of a database takes this process's locks on it away: SQLite's own, too."""
    path = tmp_path / "state.db"
    with open_state(path) as first:
        first.create_run(RUN)
        held = _locks_of(os.getpid(), path)
        open_state(path).close()
        assert held and _locks_of(os.getpid(), path) == held


def _locks_of(pid, path):
    inode = f":{path.stat().st_ino}"
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return sorted(words[1:4] + words[6:] for words in lines if words[4] == str(pid) and words[5].endswith(inode))


# ------------------------------------------------------------------ locks


def test_a_file_system_that_grants_a_lock_twice_is_refused_with_two_ways_out(tmp_path, monkeypatch):
    monkeypatch.setattr(locks.fcntl, "flock", lambda *_: None)
    with pytest.raises(SetupError, match="grants a lock twice") as caught:
        locks.take(tmp_path / "lock", "run r", since="now")
    assert caught.value.exit_code == 78
    assert "--state-dir" in caught.value.hint and "nolock" in caught.value.hint


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch, error):
    def fail(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(locks.fcntl, "flock", fail)
    with pytest.raises(SetupError, match="knows no locks") as caught:
        locks.take(tmp_path / "lock", "run r", since="now")
    assert caught.value.exit_code == 78


def test_the_test_of_a_lock_leaves_it_held(tmp_path):
    held = locks.take(tmp_path / "lock", "run r", since="now")
    assert locks.is_held(tmp_path / "lock")
    with pytest.raises(TemporaryError, match="run r is held by pid"):
        locks.take(tmp_path / "lock", "run r", since="now")
    held.release()
    assert not locks.is_held(tmp_path / "lock")
