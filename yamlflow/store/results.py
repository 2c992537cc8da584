"""The cache table: what a task made, by the key of all that it was made from.

A row stands on its own: it outlives the run that wrote it, until nobody has used it
for long. What many rows share (the sources of a step) is kept once. Rows and uses are
written in the commit of the event they come from. Must never decide what a key is, nor whether a row still holds.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from yamlflow.core.records import dump

MOST = 900
"""Values that one statement may name (SQLite allows 999 everywhere)."""

FEW = 5
"""Rows of one task that `latest` gives."""

TABLES = """
CREATE TABLE IF NOT EXISTS cache (
    key BLOB PRIMARY KEY,
    step TEXT NOT NULL,
    name TEXT NOT NULL,
    run TEXT NOT NULL,
    created REAL NOT NULL,
    source BLOB NOT NULL,
    given TEXT NOT NULL,
    outcome TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cache_by_task ON cache (step, name, created);
CREATE TABLE IF NOT EXISTS sources (
    digest BLOB PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;
"""

USES = """
CREATE TABLE IF NOT EXISTS uses (
    key BLOB PRIMARY KEY,
    at REAL NOT NULL
) WITHOUT ROWID;
"""
"""When a row last stood for a task of a later run."""

_STALE = "SELECT cache.* FROM cache LEFT JOIN uses ON uses.key = cache.key WHERE max(created, coalesce(at, 0)) < ?"
_USELESS = "DELETE FROM uses WHERE key NOT IN (SELECT key FROM cache)"

Read = Callable[[str, Sequence[Any]], list[sqlite3.Row]]
Writing = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Cached(NamedTuple):
    """A result: of which task (`name`: the keys of its items), made when and by which run, from what.

    `source` is the digest of the step's own components, `given` are those of the
    task, `outcome` the frame of what it made.
    """

    key: bytes
    step: str
    name: str
    run: str
    created: float
    source: bytes
    given: Mapping[str, str]
    outcome: Mapping[str, Any]


class Results:
    """The cached results of one state folder; part of its State."""

    def __init__(self, read: Read, writing: Writing) -> None:
        self._read = read
        self._writing = writing

    def write(self, connection: sqlite3.Connection, rows: Sequence[Cached]) -> None:
        """Puts rows down, inside a transaction that is open; a newer one replaces that of the same key."""
        values = [(*row[:6], dump(row.given), dump(row.outcome)) for row in rows]
        connection.executemany("INSERT OR REPLACE INTO cache VALUES (?,?,?,?,?,?,?,?)", values)

    def use(self, connection: sqlite3.Connection, keys: Iterable[bytes], at: float) -> None:
        """Notes that rows stood for tasks of a run, inside a transaction that is open."""
        connection.executemany("INSERT OR REPLACE INTO uses VALUES (?,?)", [(key, at) for key in keys])

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Cached]:
        """The rows that have these keys."""
        found: dict[bytes, Cached] = {}
        for start in range(0, len(keys), MOST):
            some = keys[start : start + MOST]
            rows = self._read(f"SELECT * FROM cache WHERE key IN ({_marks(some)})", some)  # noqa: S608 - question marks
            found.update((row["key"], _cached(row)) for row in rows)
        return found

    def latest(self, step: str, names: Sequence[str]) -> dict[str, list[Cached]]:
        """A few rows of each of these tasks by name, the newest first."""
        found: dict[str, list[Cached]] = {}
        for start in range(0, len(names), MOST):
            some = names[start : start + MOST]
            ranked = "SELECT *, row_number() OVER (PARTITION BY name ORDER BY created DESC) AS place FROM cache"
            where = f"WHERE step = ? AND name IN ({_marks(some)})"
            text = f"SELECT * FROM ({ranked} {where}) WHERE place <= ? ORDER BY place"  # noqa: S608 - question marks
            for row in self._read(text, (step, *some, FEW)):
                found.setdefault(row["name"], []).append(_cached(row))
        return found

    def all(self, step: str | None = None) -> Iterator[Cached]:
        """Every row, the newest first; of one step, if it is named."""
        where, values = ("", ()) if step is None else ("WHERE step = ?", (step,))
        rows = self._read(f"SELECT * FROM cache {where} ORDER BY created DESC, key", values)  # noqa: S608 - a literal
        return (_cached(row) for row in rows)

    def clear(self, step: str | None = None) -> int:
        """Forgets every result, or those of one step; says how many there were."""
        where, values = ("", ()) if step is None else ("WHERE step = ?", (step,))
        with self._writing() as connection:
            number = connection.execute(f"DELETE FROM cache {where}", values).rowcount  # noqa: S608 - a literal
            connection.execute(_USELESS)
        return number

    # --- what nobody has used for long ---

    def stale(self, before: float) -> list[Cached]:
        """Rows that were made, and last used, before this moment."""
        return [_cached(row) for row in self._read(_STALE, (before,))]

    def forget_stale(self, before: float) -> list[Cached]:
        """Forgets them, and gives what was forgotten."""
        with self._writing() as connection:
            rows = [_cached(row) for row in connection.execute(_STALE, (before,))]
            connection.executemany("DELETE FROM cache WHERE key = ?", [(row.key,) for row in rows])
            connection.execute(_USELESS)
        return rows

    def drop_sources(self, needed: Collection[bytes]) -> None:
        """Forgets components that no row has, but these."""
        rows = self._read("SELECT digest FROM sources WHERE digest NOT IN (SELECT source FROM cache)", ())
        gone = [(row["digest"],) for row in rows if row["digest"] not in needed]
        if gone:
            with self._writing() as connection:
                connection.executemany("DELETE FROM sources WHERE digest = ?", gone)

    # --- what results share ---

    def put_sources(self, sources: Mapping[bytes, Mapping[str, str]]) -> None:
        """Keeps components under their digests; those that are there already stay."""
        known = self._known(list(sources))
        rows = [(digest, zlib.compress(dump(body).encode())) for digest, body in sources.items() if digest not in known]
        if rows:
            with self._writing() as connection:
                connection.executemany("INSERT OR IGNORE INTO sources VALUES (?,?)", rows)

    def _known(self, digests: Sequence[bytes]) -> set[bytes]:
        found: set[bytes] = set()
        for start in range(0, len(digests), MOST):
            some = digests[start : start + MOST]
            text = f"SELECT digest FROM sources WHERE digest IN ({_marks(some)})"  # noqa: S608 - question marks
            found.update(row["digest"] for row in self._read(text, some))
        return found

    def source(self, digest: bytes) -> Mapping[str, str] | None:
        """The components of a digest; None when they are no longer kept."""
        rows = self._read("SELECT body FROM sources WHERE digest = ?", (digest,))
        return json.loads(zlib.decompress(rows[0]["body"])) if rows else None


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def _cached(row: sqlite3.Row) -> Cached:
    given, outcome = json.loads(row["given"]), json.loads(row["outcome"])
    return Cached(row["key"], row["step"], row["name"], row["run"], row["created"], row["source"], given, outcome)
