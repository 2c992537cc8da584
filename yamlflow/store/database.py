"""The database file itself: opening it, its tables and version, what SQLite's errors mean.

WAL with synchronous=FULL: what was committed survives a crash and a power cut.
A newer version is refused, never rewritten. Must never let an error of SQLite
reach a person as it is.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from yamlflow.core.errors import AccessError, SetupError, StateError, TemporaryError, YamlflowError

VERSION = 1
APPLICATION = 0x79666C77  # "yflw" in the file's header

_TABLES = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL DEFAULT '',
    pipeline TEXT NOT NULL,
    file TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    ended REAL,
    launches INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL
);
CREATE TABLE events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    digest BLOB,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE TABLE controls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
"""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection to the database at `path`, ready for use; `mode` is rw or rwc (make it when it is not there)."""
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10.0, isolation_level=None
        )
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        connection.row_factory = sqlite3.Row
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except YamlflowError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA busy_timeout = 10000")
    _check_version(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 2000")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        _create(connection)


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise SetupError(
            f"{path} was written by a newer yamlflow (version {version} of its format; this one knows {VERSION})",
            hint="upgrade yamlflow, or choose another folder with --state-dir",
        )
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if tables and application != APPLICATION:
        raise StateError(f"{path} is not a database of yamlflow", hint="choose another folder with --state-dir")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:  # else another process was first
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def explain(error: sqlite3.Error, path: Path) -> YamlflowError:
    """What an error of SQLite means for a person."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TemporaryError(f"{path} is busy: {error}", hint="another process writes for long; try again")
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return AccessError(f"{path} cannot be written: {error}", hint="check its owner and mode, or use --state-dir")
    if name.startswith("SQLITE_CANTOPEN"):
        return AccessError(f"{path} cannot be opened: {error}", hint="check its owner and mode, or use --state-dir")
    if name.startswith("SQLITE_FULL"):
        return StateError(f"the disk is full: {path}", hint="free some space, then: yamlflow resume")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StateError(
            f"{path} is damaged: {error}",
            hint="move it away (its runs are lost, stored values stay), or restore a copy",
        )
    return StateError(f"{path}: {error}", hint="check the disk, then: yamlflow resume")
