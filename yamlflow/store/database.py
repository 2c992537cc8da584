"""The database file itself: opening it, its tables and version, what SQLite's errors mean.

WAL with synchronous=FULL: what was committed survives a crash and a power cut.
A newer version is refused, never rewritten; an older one is brought up by who
runs something, and left as it is by who only looks. Must never let an error of SQLite
reach a person as it is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from yamlflow.core.errors import AccessError, SetupError, StateError, TemporaryError, YamlflowError
from yamlflow.store import results

VERSION = 3
APPLICATION = 0x79666C77  # "yflw" in the file's header
_PAGES = 64 << 10
"""Bytes that the database's shared memory and a first page need."""
_ELSEWHERE = "check the disk, or put the state on a local one: --state-dir DIR"

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
_ADDED = {2: results.TABLES, 3: results.USES}
"""What each later version adds; nothing of an earlier one is ever changed."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection to the database at `path`, ready for use.

    `mode` is rwc, which makes it when it is not there and brings it up when it is old, or rw for who
    looks: what a newer version has is empty then.
    """
    try:
        if mode == "rwc":
            _make_private(path)
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10.0, isolation_level=None
        )
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        connection.row_factory = sqlite3.Row
        _prepare(connection, path, looks=mode == "rw")
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except YamlflowError:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """SQLite would let everybody read what it makes; what it cannot make it says itself.

    A file that is there is not opened: closing it would take away the locks that SQLite has on it in this process.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _prepare(connection: sqlite3.Connection, path: Path, *, looks: bool = False) -> None:
    connection.execute("PRAGMA busy_timeout = 10000")
    _check_version(connection, path)
    if not looks:
        _keep_log(connection, path)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 2000")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < VERSION:
        _stand_in(connection, version) if looks else _bring_up(connection)


def _keep_log(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":  # SQLite stays in another mode and says nothing
        raise StateError(f"{path} cannot keep a write-ahead log (it is in mode {mode})", hint=_ELSEWHERE)


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


def _bring_up(connection: sqlite3.Connection) -> None:
    """Makes the tables, or those that an older version did not have."""
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have been first
    if version == 0:
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    for statement in _missing(version):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {max(version, VERSION)}")
    connection.execute("COMMIT")


def _stand_in(connection: sqlite3.Connection, version: int) -> None:
    """The tables that are not there yet, empty, in the memory of this connection alone."""
    connection.execute("PRAGMA temp_store = MEMORY")
    for statement in _missing(version):
        if "CREATE TABLE" in statement:
            connection.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE"))


def _missing(version: int) -> Iterator[str]:
    """The statements that make what this version does not have."""
    for number, tables in {1: _TABLES, **_ADDED}.items():
        yield from filter(str.strip, tables.split(";") if number > version else ())


def explain(error: sqlite3.Error, path: Path) -> YamlflowError:
    """What an error of SQLite means for a person."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TemporaryError(f"{path} is busy: {error}", hint="another process writes for long; try again")
    if name == "SQLITE_READONLY" or name.startswith("SQLITE_CANTOPEN"):
        return _unopened(path, error)
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return AccessError(f"{path} cannot be written: {error}", hint="check its owner and mode, or use --state-dir")
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _is_full(path.parent)):
        return StateError(f"the disk is full: {path}", hint="free some space")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StateError(
            f"{path} is damaged: {error}",
            hint="move it away (its runs are lost, stored values stay), or restore a copy",
        )
    return StateError(f"{path}: {error}", hint="check the disk")


def _is_full(folder: Path) -> bool:
    """Whether no page fits any more: SQLite calls that an I/O error where it cannot tell."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_blocks > 0 and disk.f_bavail * disk.f_frsize < _PAGES


def _unopened(path: Path, error: sqlite3.Error) -> YamlflowError:
    """SQLite does not say why it cannot open a file, or only for reading; whether it may can be asked."""
    for place in (path.parent, *path.parent.glob(f"{path.name}*")):
        if not os.access(place, os.R_OK | os.W_OK):
            return AccessError(f"{place} cannot be opened", hint="check its owner and mode, or use --state-dir")
    return StateError(f"{path}: {error}", hint="free some space or check the disk")
