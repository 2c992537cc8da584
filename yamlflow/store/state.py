"""Runs, their events and the requests of other terminals, in one SQLite database.

What `append` has returned from survives a crash and a power cut. One writer per
run (its lock, see locks), any number of readers. Must never interpret events:
it stores rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Any, NamedTuple, Self

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import StateError, UsageError
from yamlflow.core.messages import Event
from yamlflow.core.records import Row, dump, from_row, to_row
from yamlflow.store.database import connect, explain
from yamlflow.store.results import Cached, Results


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as it stands in the database; `body` is what the engine wants to find again.

    `state` is running, succeeded, failed or cancelled; a `running` run whose
    lock nobody holds was interrupted. Times are seconds since the epoch.
    """

    id: str
    pipeline: str
    file: str
    state: str
    created: float
    name: str = ""
    ended: float | None = None
    launches: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)


class Entry(NamedTuple):
    """An event to be stored, with the digest of what its task was given."""

    event: Event
    digest: bytes | None = None
    outcome: Mapping[str, Any] | None = None


class Stored(NamedTuple):
    """An event as it stands: its place in the run's order, and what came with it."""

    seq: int
    row: Row
    digest: bytes | None

    @property
    def event(self) -> Event:
        try:
            return from_row(self.row)
        except (KeyError, ValueError, TypeError) as error:
            raise StateError(
                f"event {self.seq} of a run cannot be read: {self.row.kind}",
                hint="the database was changed by hand, or written by a newer yamlflow",
            ) from error


class Control(NamedTuple):
    """A request from another terminal."""

    id: int
    at: float
    kind: str
    body: Mapping[str, Any]


class State:
    """The database of one state folder. Not for several threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._numbers: dict[str, int] = {}
        self._next: dict[str, int] = {}
        self.results = Results(self._read, self._writing)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- runs ---

    def create_run(self, record: RunRecord) -> bool:
        """Adds a run; False when its id is taken."""
        values = (record.id, record.name, record.pipeline, record.file, record.state, record.created, dump(record.body))
        with self._writing() as connection:
            done = connection.execute(
                "INSERT OR IGNORE INTO runs (id, name, pipeline, file, state, created, body) VALUES (?,?,?,?,?,?,?)",
                values,
            )
        return done.rowcount == 1

    def start_launch(self, run_id: str, body: Mapping[str, Any]) -> int:
        """A launcher takes the run up: running again, with this body. Returns how many there were before."""
        number = self._number(run_id)
        with self._writing() as connection:
            (before,) = connection.execute("SELECT launches FROM runs WHERE number = ?", (number,)).fetchone()
            connection.execute(
                "UPDATE runs SET state = 'running', ended = NULL, launches = launches + 1, body = ? WHERE number = ?",
                (dump(body), number),
            )
        return int(before)

    def end_run(self, run_id: str, state: str, at: float, body: Mapping[str, Any]) -> None:
        """The run has ended in this state."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE runs SET state = ?, ended = ?, body = ? WHERE number = ?",
                (state, at, dump(body), self._number(run_id)),
            )

    def runs(self, *, pipeline: str | None = None, limit: int | None = None) -> list[RunRecord]:
        """Runs, the newest first."""
        where = "" if pipeline is None else "WHERE pipeline = ?"
        values = () if pipeline is None else (pipeline,)
        rows = self._read(f"SELECT * FROM runs {where} ORDER BY number DESC LIMIT ?", (*values, limit or -1))  # noqa: S608 - `where` is one of two literals
        return [_run(row) for row in rows]

    def find_run(self, text: str = "last", *, pipeline: str | None = None) -> RunRecord:
        """The run that a person means: an id, `last`, a --name (the newest), or a unique prefix of an id."""
        found = self._candidates(text, pipeline)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"no run {text!r}" if text != "last" else "there is no run yet", hint=self._known())
        shown = ", ".join(record.id for record in found[:5])
        raise UsageError(f"{text!r} means several runs: {shown}", hint="write more of the id")

    def _candidates(self, text: str, pipeline: str | None) -> list[RunRecord]:
        if text == "last":
            return self.runs(pipeline=pipeline, limit=1)
        for condition, limit in (("id = ?", 1), ("name = ?", 1), ("substr(id, 1, length(?)) = ?", -1)):
            values = [text] * condition.count("?")
            rows = self._read(f"SELECT * FROM runs WHERE {condition} ORDER BY number DESC LIMIT ?", (*values, limit))  # noqa: S608 - literals
            if rows:
                return [_run(row) for row in rows]
        return []

    def _known(self) -> str:
        known = ", ".join(record.id for record in self.runs(limit=3))
        return f"the newest are {known}" if known else "start one: yamlflow run"

    def remove_run(self, run_id: str) -> None:
        """Forgets a run and its events."""
        number = self._number(run_id)
        with self._writing() as connection:
            for table, column in (("events", "run"), ("controls", "run"), ("runs", "number")):
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))  # noqa: S608 - literals
        self._numbers.pop(run_id, None)
        self._next.pop(run_id, None)

    def _number(self, run_id: str) -> int:
        if run_id not in self._numbers:
            rows = self._read("SELECT number FROM runs WHERE id = ?", (run_id,))
            if not rows:
                raise UsageError(f"no run {run_id!r}", hint=self._known())
            self._numbers[run_id] = int(rows[0]["number"])
        return self._numbers[run_id]

    # --- events ---

    def append(
        self, run_id: str, entries: Sequence[Entry], results: Sequence[Cached] = (), used: Collection[bytes] = ()
    ) -> None:
        """Stores events in this order, the results they give the cache and those they used: all or none, durable."""
        if not entries:
            return
        number = self._number(run_id)
        first = self._next_seq(run_id, number)
        rows = [_event_row(number, first + offset, entry) for offset, entry in enumerate(entries)]
        with self._writing() as connection:
            connection.executemany("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?)", rows)
            if results:
                self.results.write(connection, results)
            if used:
                self.results.use(connection, used, entries[-1].event.at)
        self._next[run_id] = first + len(rows)

    def _next_seq(self, run_id: str, number: int) -> int:
        if run_id not in self._next:
            rows = self._read("SELECT coalesce(max(seq), 0) AS seq FROM events WHERE run = ?", (number,))
            self._next[run_id] = int(rows[0]["seq"]) + 1
        return self._next[run_id]

    def events(self, run_id: str, after: int = 0, kinds: Iterable[str] = ()) -> Iterator[Stored]:
        """The events of a run after `seq`, in order; only these kinds, when any are named."""
        wanted = tuple(kinds)
        marks = f"AND kind IN ({','.join('?' * len(wanted))})" if wanted else ""
        with self._guarded():
            cursor = self._connection.execute(
                f"SELECT * FROM events WHERE run = ? AND seq > ? {marks} ORDER BY seq",  # noqa: S608 - question marks
                (self._number(run_id), after, *wanted),
            )
            while rows := cursor.fetchmany(512):
                yield from (_stored(row) for row in rows)

    def event(self, run_id: str, seq: int) -> Stored:
        """One event by its place."""
        rows = self._read("SELECT * FROM events WHERE run = ? AND seq = ?", (self._number(run_id), seq))
        if not rows:
            raise StateError(f"event {seq} of run {run_id} is missing", hint="the database was changed by hand")
        return _stored(rows[0])

    def documents(self, without: Iterable[str] = (), forgotten: Collection[bytes] = ()) -> Iterator[Any]:
        """Every document that may refer to stored values, as of one moment: of runs and cached results but these."""
        numbers = ",".join(str(self._number(run_id)) for run_id in without)
        with self._guarded():
            self._connection.execute("BEGIN")
            try:
                for text in (
                    f"SELECT body FROM runs WHERE number NOT IN ({numbers})",  # noqa: S608 - numbers of ours
                    f"SELECT body FROM events WHERE body LIKE '%$artifact%' AND run NOT IN ({numbers})",  # noqa: S608
                ):
                    yield from (_json(row["body"]) for row in self._connection.execute(text))
                for key, body in self._connection.execute("SELECT key, outcome FROM cache"):
                    if key not in forgotten:
                        yield _json(body)
            finally:
                self._roll_back()

    # --- controls ---

    def request(self, run_id: str, kind: str, at: float, body: Mapping[str, Any]) -> None:
        """Leaves a request for the launcher of a run."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO controls (run, at, kind, body) VALUES (?,?,?,?)",
                (self._number(run_id), at, kind, dump(body)),
            )

    def requests(self, run_id: str, after: int = 0) -> list[Control]:
        """Requests for a run, newer than the one with this id."""
        rows = self._read("SELECT * FROM controls WHERE run = ? AND id > ? ORDER BY id", (self._number(run_id), after))
        return [Control(row["id"], row["at"], row["kind"], _json(row["body"])) for row in rows]

    def newest_request(self, run_id: str) -> int:
        """The id of the last request for a run so far; 0 when there was none."""
        rows = self._read("SELECT coalesce(max(id), 0) AS id FROM controls WHERE run = ?", (self._number(run_id),))
        return int(rows[0]["id"])

    # --- below ---

    def _read(self, text: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        with self._guarded():
            return self._connection.execute(text, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # the first error says more

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self._path) from error


def _run(row: sqlite3.Row) -> RunRecord:
    return RunRecord(
        id=row["id"],
        pipeline=row["pipeline"],
        file=row["file"],
        state=row["state"],
        created=row["created"],
        name=row["name"],
        ended=row["ended"],
        launches=row["launches"],
        body=_json(row["body"]),
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError as error:
        raise StateError("a record of a run cannot be read", hint="the database was changed by hand") from error


def _event_row(number: int, seq: int, entry: Entry) -> tuple[Any, ...]:
    row = to_row(entry.event)
    body = dump({**_json(row.body), "outcome": entry.outcome}) if entry.outcome is not None else row.body
    return (number, seq, row.at, row.kind, row.node, row.path, row.attempt, entry.digest, body)


def _stored(row: sqlite3.Row) -> Stored:
    _, seq, at, kind, node, path, attempt, digest, body = row
    return Stored(seq, Row(at, kind, node, path, attempt, body), digest)


def open_state(path: Path) -> State:
    """The database at `path`, made when it is not there; its folder must exist."""
    return State(connect(path, "rwc"), path)


def look_at_state(path: Path) -> State | None:
    """The database at `path`, or None when there is none; never creates one."""
    return State(connect(path, "rw"), path) if path.exists() else None
