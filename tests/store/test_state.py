from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from yamlflow.core.errors import AccessError, SetupError, StateError, TemporaryError, UsageError
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Outcome, Usage
from yamlflow.core.messages import (
    ArtifactLost,
    CacheMissed,
    CancelRequested,
    CodeChanged,
    Evaluated,
    ExecutorDown,
    ExecutorTraits,
    ExecutorUp,
    Failed,
    ItemsKnown,
    Lost,
    Machine,
    Marked,
    Progressed,
    Replaced,
    Restored,
    RunEnded,
    RunStarted,
    Started,
    State,
    Submitted,
    Succeeded,
    Timer,
    TimerFired,
    Waiting,
)
from yamlflow.store import database, locks
from yamlflow.store.state import Entry, RunRecord, look_at_state, open_state

TASK = TaskId("by.fit", (0, 5))
FAILURE = Failure("error", "bröke\ud800", exception="m.E", names=("E", "Exception"), traceback="t", final=True)

EVENTS = [
    RunStarted(
        1.5,
        Machine(2.5, 1 << 30, {"0": ("A100", 40)}),
        {"local": ExecutorTraits(max_parallel=3)},
        7,
        4,
        True,
        True,
        frozenset({"a"}),
    ),
    Evaluated(2.0, TASK, "when", False),
    Evaluated(2.0, TASK, "foreach", error=FAILURE),
    ItemsKnown(2.0, TaskId("a", ()), 2, ("eu", "us")),
    ItemsKnown(2.0, TaskId("a", ()), 100_000),
    CacheMissed(2.0, (TASK,), "with.lr 1 -> 2"),
    CodeChanged(2.0, "fit", ("tasks.py: fit() changed",)),
    CodeChanged(2.0, "fit", ("tasks.py changed",), 12),
    Restored(2.0, TASK, State.SKIPPED),
    Submitted(3.0, TASK, 1),
    Submitted(3.0, TASK, 2, rescue=True),
    Started(3.0, TASK, 1),
    Waiting(3.0, TASK, 1, "image"),
    Replaced(3.0, TASK, 2, "spot"),
    Succeeded(
        4.0,
        TASK,
        1,
        Outcome("succeeded", {"x": [1, None, {"$float": "nan"}]}, usage=Usage(1.5, 1.0, 77), metrics={"auc": 0.5}),
    ),
    Failed(4.0, TASK, 2, Outcome("failed", failure=FAILURE)),
    Lost(4.0, TASK, 2, "spot"),
    ArtifactLost(4.0, TASK, 2, TaskId("reader", (1,)), digest="ab", why="missing"),
    ArtifactLost(4.0, TASK, 0, TaskId("reader", ()), "foreach", "ab", "damaged"),
    Failed(4.0, TASK, 2, Outcome("failed", failure=Failure("artifact_lost", "is missing", lost=("ab", "cd")))),
    ExecutorDown(5.0, "aws", "no route"),
    ExecutorUp(5.0, "aws"),
    TimerFired(5.0, Timer("retry", TASK, 3)),
    CancelRequested(6.0, "ctrl-c", drain=True),
    Marked(6.0, TASK, State.CAUGHT, "oom"),
    Progressed(6.0, TASK, "epoch 4/10", 0.4),
    RunEnded(9.0, "failed"),
]


@pytest.fixture
def state(tmp_path):
    with open_state(tmp_path / "state.db") as opened:
        yield opened


def record(run_id="r1", **fields):
    return RunRecord(run_id, "demo", "/p.yaml", "running", 1.0, **fields)


def test_every_kind_of_event_comes_back_equal(state):
    state.create_run(record())
    state.append("r1", [Entry(event) for event in EVENTS])
    assert [stored.event for stored in state.events("r1")] == EVENTS


def test_events_are_read_from_where_one_stopped_and_by_kind(state):
    state.create_run(record())
    state.append("r1", [Entry(event) for event in EVENTS[:3]])
    state.append("r1", [Entry(event) for event in EVENTS[3:]])
    last = len(EVENTS)
    assert [stored.seq for stored in state.events("r1", after=last - 3)] == [last - 2, last - 1, last]
    kinds = [stored.row.kind for stored in state.events("r1", kinds=("Succeeded", "Lost"))]
    assert kinds == ["Succeeded", "Lost"]


def test_a_digest_and_a_recorded_outcome_stay_with_their_event(state):
    state.create_run(record())
    state.append("r1", [Entry(Restored(1.0, TASK), b"12345678", {"state": "succeeded", "value": 5})])
    (stored,) = state.events("r1")
    assert (stored.digest, stored.event, '"value":5' in stored.row.body) == (b"12345678", Restored(1.0, TASK), True)


def test_what_was_appended_survives_the_process_being_killed(tmp_path):
    script = f"""
import os, signal
from yamlflow.store.state import *
from yamlflow.core.messages import Started
from yamlflow.core.graph import TaskId
from pathlib import Path
state = open_state(Path({str(tmp_path / "state.db")!r}))
state.create_run(RunRecord("r1", "demo", "/p", "running", 1.0))
for number in range(50):
    state.append("r1", [Entry(Started(1.0, TaskId("a", (number,)), 1))])
print("written", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-9, "written\n"), done.stderr
    with open_state(tmp_path / "state.db") as state:
        assert [stored.event.task.path for stored in state.events("r1")] == [(number,) for number in range(50)]


def test_a_run_is_found_by_id_name_prefix_and_last(state):
    state.create_run(record("20260101-aaaa", name="nightly"))
    state.create_run(record("20260102-bbbb"))
    for text, wanted in [
        ("20260101-aaaa", "20260101-aaaa"),
        ("nightly", "20260101-aaaa"),
        ("20260102", "20260102-bbbb"),
        ("last", "20260102-bbbb"),
    ]:
        assert state.find_run(text).id == wanted


def test_an_ambiguous_or_unknown_run_is_an_error_that_says_more(state):
    with pytest.raises(UsageError, match="there is no run yet"):
        state.find_run("last")
    state.create_run(record("20260101-aaaa"))
    state.create_run(record("20260102-bbbb"))
    with pytest.raises(UsageError, match="means several runs: 20260102-bbbb, 20260101-aaaa"):
        state.find_run("2026")
    with pytest.raises(UsageError, match="no run 'x'") as unknown:
        state.find_run("x")
    assert "20260102-bbbb" in unknown.value.hint


def test_the_same_id_is_given_to_one_run_only(state):
    assert state.create_run(record())
    assert not state.create_run(record())


def test_a_launch_and_an_end_are_written_down(state):
    state.create_run(record())
    assert [state.start_launch("r1", {"n": 1}), state.start_launch("r1", {"n": 2})] == [0, 1]
    assert (state.find_run("r1").launches, state.find_run("r1").body) == (2, {"n": 2})
    state.end_run("r1", "failed", 9.0, {"n": 3})
    assert (state.find_run("r1").state, state.find_run("r1").ended, state.find_run("r1").body) == (
        "failed",
        9.0,
        {"n": 3},
    )


def test_a_removed_run_leaves_nothing(state):
    state.create_run(record())
    state.append("r1", [Entry(EVENTS[0])])
    state.remove_run("r1")
    assert state.runs() == []
    state.create_run(record())
    assert list(state.events("r1")) == []


def test_another_process_reads_while_one_writes_and_leaves_requests(state, tmp_path):
    state.create_run(record())
    state.append("r1", [Entry(EVENTS[0])])
    with look_at_state(tmp_path / "state.db") as other:
        assert len(list(other.events("r1"))) == 1
        other.request("r1", "cancel", 5.0, {"force": True})
    (request,) = state.requests("r1")
    assert (request.kind, request.body) == ("cancel", {"force": True})
    assert state.requests("r1", after=request.id) == []


def test_who_only_looks_makes_no_database(tmp_path):
    assert look_at_state(tmp_path / "state.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_newer_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "state.db"
    open_state(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {database.VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(SetupError, match="written by a newer yamlflow"):
        open_state(path)
    assert path.read_bytes() == before


def test_a_database_of_someone_else_is_refused(tmp_path):
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StateError, match="not a database of yamlflow"):
        open_state(path)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 2000])
def test_damage_is_said_in_words(tmp_path, content):
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"damaged|state\.db") as damaged:
        open_state(path)
    assert damaged.value.exit_code == 74


def test_damage_in_the_middle_never_gives_a_traceback(tmp_path):
    path = tmp_path / "state.db"
    with open_state(path) as state:
        state.create_run(record())
        state.append("r1", [Entry(Started(1.0, TaskId("a" * 200, (number,)), 1)) for number in range(2000)])
    whole = path.read_bytes()
    damaged = 0
    for place in range(4096, len(whole) - 4096, len(whole) // 20):
        path.write_bytes(whole[:place] + b"\xa5" * 2048 + whole[place + 2048 :])
        try:
            with open_state(path) as state:
                state.find_run("last")
                events = [stored.event for stored in state.events("r1")]
                assert len(events) <= 2000
        except (StateError, UsageError):
            damaged += 1
    assert damaged > 0


def test_an_event_of_an_unknown_kind_is_damage(state, tmp_path):
    state.create_run(record())
    state.append("r1", [Entry(EVENTS[0])])
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.execute("UPDATE events SET kind = 'Teleported'")
    (stored,) = state.events("r1")
    with pytest.raises(StateError, match="cannot be read: Teleported"):
        stored.event  # noqa: B018


def test_a_place_that_cannot_be_opened_is_said_in_words(tmp_path):
    with pytest.raises(AccessError, match="cannot be opened"):
        open_state(tmp_path / "missing" / "state.db")


def test_a_full_disk_and_a_busy_database_have_their_own_codes(tmp_path):
    def error(name):
        made = sqlite3.OperationalError("said")
        made.sqlite_errorname = name
        return database.explain(made, tmp_path)

    assert (error("SQLITE_FULL").exit_code, "disk is full" in error("SQLITE_FULL").message) == (74, True)
    assert isinstance(error("SQLITE_BUSY"), TemporaryError)
    assert isinstance(error("SQLITE_IOERR_FSYNC"), StateError)
    assert isinstance(error("SQLITE_READONLY_DIRECTORY"), AccessError)


def test_a_task_takes_well_under_two_kilobytes(tmp_path):
    path = tmp_path / "state.db"
    with open_state(path) as state:
        state.create_run(record())
        outcome = Outcome("succeeded", {"auc": 0.5}, usage=Usage(0.123, 0.1, 10_000_000))
        tasks = [TaskId("by_region.fit", (number // 10, number % 10)) for number in range(1000)]
        for task in tasks:
            events = [
                Entry(Submitted(1.0, task, 1)),
                Entry(Started(1.0, task, 1)),
                Entry(Succeeded(2.0, task, 1, outcome), b"1" * 16),
            ]
            state.append("r1", events)
    assert path.stat().st_size < 600 * 1000


def test_a_held_lock_names_its_holder_and_a_killed_holder_frees_it(tmp_path):
    path = tmp_path / "locks" / "x.lock"
    script = f"""
import sys, time
from pathlib import Path
from yamlflow.store.locks import take
lock = take(Path({str(path)!r}), "run x", since="2026-01-01 10:00:00", run="r7")
print("held", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert locks.is_held(path)
        with pytest.raises(
            TemporaryError, match=rf"run x is held by pid {other.pid} on host .* since 2026-01-01 10:00:00 \(run r7\)"
        ):
            locks.take(path, "run x", since="now")
        with pytest.raises(TemporaryError, match=r"run r7 is held by pid \d+ on host .* since 2026-01-01 10:00:00$"):
            locks.take(path, "run r7", since="now")  # its name is said once
        other.kill()
    assert not locks.is_held(path)
    locks.take(path, "run x", since="now").release()


def test_a_child_does_not_keep_the_lock_of_its_parent(tmp_path):
    path = tmp_path / "x.lock"
    lock = locks.take(path, "x", since="now")
    with subprocess.Popen(["sleep", "30"]) as child:
        lock.release()
        assert not locks.is_held(path)
        child.kill()


def test_a_lock_file_is_private_and_its_content_is_never_believed(tmp_path):
    path = tmp_path / "x.lock"
    path.write_text('{"pid": 1, "host": "h", "since": "s"}')
    assert not locks.is_held(path)
    locks.take(path, "x", since="now").release()
    path.write_text("\xff garbage")
    assert str(locks.holder(path)) == "another process"
