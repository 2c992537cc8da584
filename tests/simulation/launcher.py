"""A launcher that may die: the engine's own parts, each with the points at which it can.

Nothing of the engine is replaced but what waits, what writes and what leaves;
the scheduler is the real one, watched.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.simulation.options import Crash
from tests.simulation.world import CPU, World
from yamlflow.core.commands import Command, Evaluate
from yamlflow.core.errors import StateError
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import UNSTARTED, Job, JobBatch
from yamlflow.core.messages import (
    TERMINAL,
    ArtifactLost,
    Event,
    Lost,
    Marked,
    Restored,
    RunEnded,
    RunStarted,
    State,
    Submitted,
    Succeeded,
)
from yamlflow.core.values import references
from yamlflow.engine.inbox import Inbox, Item
from yamlflow.store import database
from yamlflow.store.results import Cached
from yamlflow.store.state import Entry
from yamlflow.store.state import State as Database

_WORDS = {"LookUp": "look up", "SetTimer": "set timer", "StartHooks": "start hooks"}


class KilledError(BaseException):
    """The launcher dies here."""


class Doom:
    """Where this launch dies."""

    def __init__(self, crash: Crash | None, happened: Counter[str]) -> None:
        self._point = crash.point if crash else ""
        self._left = crash.nth if crash else 0
        self._happened = happened

    def meet(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left < 0:
                self._happened[f"crash: {point}"] += 1
                raise KilledError(point)


def point_of(command: Command) -> str:
    name = type(command).__name__
    word = _WORDS.get(name, name.lower())
    return f"command {word} {command.what}" if isinstance(command, Evaluate) else f"command {word}"


class Ledger:
    """What has been committed, over all launches, and what may never be committed."""

    def __init__(self, stored: Collection[str]) -> None:
        self._stored = stored  # digests of what lies in the store now
        self.launches: list[list[Event]] = []
        self.states: dict[TaskId, State] = {}
        self.submitted: set[tuple[TaskId, int]] = set()
        self.tried: dict[TaskId, int] = {}  # the newest attempts
        self.given: dict[tuple[TaskId, int], object] = {}  # to the attempts of this launch
        self.done: dict[TaskId, object] = {}  # what was made, over all launches
        self.made_of: dict[TaskId, object] = {}  # what its attempt was given
        self.caught_of: dict[TaskId, object] = {}  # what the attempt was given whose failure was caught
        self.remade: set[TaskId] = set()
        self.rerun: list[TaskId] = []  # committed twice, in different launches
        self.state = ""

    def take(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._take(entry.event, entry.outcome or {})
            self.launches[-1].append(entry.event)

    def _take(self, event: Event, recorded: Mapping[str, Any]) -> None:
        match event:
            case RunStarted():
                self.launches.append([])
                self.states, self.submitted, self.given, self.remade = {}, set(), {}, set()
            case Submitted(task=task, attempt=attempt):
                assert (task, attempt) not in self.submitted, f"{task}: attempt {attempt} was submitted twice"
                self.submitted.add((task, attempt))
                self.tried[task] = attempt
            case Succeeded(task=task, attempt=attempt, outcome=outcome):
                self._end(task, State.SKIPPED if outcome.state == "skipped" else State.SUCCEEDED)
                if task in self.done and task not in self.remade:
                    self.rerun.append(task)
                self.done[task] = outcome.value
                self.made_of[task] = self.given.get((task, attempt))
            case Lost(task=task, attempt=attempt, reason=reason) if reason == UNSTARTED:
                self.submitted.discard((task, attempt))
            case Restored(task=task, end=end):
                self._end(task, end)
                self._restore(task, recorded.get("value"))
            case Marked(task=task, state=state) if state in TERMINAL:
                self._end(task, state)
                if state is State.CAUGHT:
                    self.caught_of[task] = self.given.get((task, self.tried.get(task, 0)))
            case ArtifactLost(task=task):
                self.remade.add(task)
            case RunEnded(state=end):
                self.state = end
            case _:
                pass

    def _restore(self, task: TaskId, value: object) -> None:
        lost = [ref.digest for ref in references(value) if ref.digest not in self._stored]
        assert not lost, f"{task} is taken for done, and its value is not there any more"
        if task in self.done:
            self.done[task] = value

    def _end(self, task: TaskId, state: State) -> None:
        before = self.states.get(task)
        rescued = before is State.SUCCEEDED and state is State.CAUGHT
        assert before in (None, state) or rescued or task in self.remade, f"{task} is {before}, and then {state}"
        self.states[task] = state


class MortalState(Database):
    """The database: writes or refuses, tells the ledger what is durable, and may be where the launcher dies."""

    def __init__(self, connection: sqlite3.Connection, path: Path, world: World, ledger: Ledger, doom: Doom) -> None:
        super().__init__(connection, path)
        self._world, self._ledger, self._doom = world, ledger, doom
        self.shared = str(path) == ":memory:"

    def append(
        self, run_id: str, entries: Sequence[Entry], results: Sequence[Cached] = (), used: Collection[bytes] = ()
    ) -> None:
        if not entries:
            return
        self._doom.meet("before commit")
        fault = self._world.commits.pop() if self._world.commits else ""
        if fault:
            self._world.note(fault)
        if fault == "commit refused":
            raise StateError("simulated: the disk is full")
        super().append(run_id, entries, results, used)
        self._ledger.take(entries)
        self._doom.meet("after commit")
        if fault:
            raise StateError("simulated: an error after the write")

    def end_run(self, run_id: str, state: str, at: float, body: Mapping[str, Any]) -> None:
        self._doom.meet("before end")
        super().end_run(run_id, state, at, body)
        self._doom.meet("after end")

    def close(self) -> None:
        if not self.shared:
            super().close()


def memory(folder: Path) -> sqlite3.Connection:
    """A database in memory with our tables; `folder` is for a moment."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    path = folder / "tables.db"
    made = database.connect(path, "rwc")
    made.backup(connection)
    made.close()
    path.unlink()
    return connection


class WaitingInbox(Inbox):
    """Waiting for something makes time pass in the world."""

    def __init__(self, world: World, doom: Doom, check: Callable[[], None]) -> None:
        super().__init__(world.clock)
        self._world, self._doom, self._check = world, doom, check
        self.left = 0  # orders that left in this turn

    def _next(self, patience: float) -> Iterator[Item]:
        self._check()
        if self.left:
            self._doom.meet("after leaving")
        self.left = 0
        self._world.pass_time(self._timers[0][0] if self._timers else None, self.put)
        return iter(())


class Hand:
    """In the place of a pump: gives orders to the world at once, and checks each."""

    def __init__(self, world: World, doom: Doom, inbox: WaitingInbox, ledger: Ledger, checks: Checks) -> None:
        self._world, self._doom, self._inbox, self._ledger, self._checks = world, doom, inbox, ledger, checks

    def submit(self, batch: JobBatch) -> None:
        self._doom.meet("between submits" if self._inbox.left else "before submit")
        self._inbox.left += 1
        for job in batch.jobs():
            self._checks.before_start(job, self._world, self._ledger)
        self._world.submit(batch)
        self._checks.slots(self._world)

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        self._doom.meet("before cancel")
        self._inbox.left += 1
        if begun:
            self._world.cancel(names, force=force)
        else:
            self._world.withdraw(names)

    def close(self, *, detach: bool = False, timeout: float | None = None) -> None:
        pass


class Checks:
    """What must hold at every start."""

    def __init__(self, graph: Any, limit: int) -> None:
        self._graph = graph
        self._limit = limit

    def before_start(self, job: Job, world: World, ledger: Ledger) -> None:
        assert (job.task, job.attempt) in ledger.submitted, f"{job.task} starts before that is durable"
        twins = [other for other in world.believed.values() if other.task == job.task]
        assert not twins, f"{job.task} has two attempts at a time"
        given = {name: value for name, value in job.inputs.items() if name != "error"}, job.each
        ledger.given[job.task, job.attempt] = given
        if job.task in ledger.done and job.task not in ledger.remade:
            assert self.may_again(job, world, ledger), f"{job.task} has been made and starts again"
        elif job.task in ledger.caught_of and job.task not in ledger.done:
            assert ledger.caught_of[job.task] != given, f"{job.task} has been caught and starts again"
        for source in self.sources(job.task):
            assert ledger.states.get(source) in TERMINAL, f"{job.task} starts before {source} has ended"

    def may_again(self, job: Job, world: World, ledger: Ledger) -> bool:
        """Its stored value is not there any more, or it is a hook, or it is given something else now."""
        lost = any(ref.digest not in world.made for ref in references(ledger.done[job.task]))
        other = ledger.made_of[job.task] != ledger.given[job.task, job.attempt]
        return lost or other or bool(self._graph.nodes[job.task.node].hook)

    def sources(self, task: TaskId) -> Iterator[TaskId]:
        node = self._graph.nodes[task.node]
        for edge in node.edges:
            source = self._graph.nodes[edge.source]
            prefix = task.path[: source.depth]
            yield TaskId(source.id, (*prefix, task.path[node.depth]) if edge.kind == "elementwise" else prefix)

    def slots(self, world: World) -> None:
        jobs = {job.shares or job.attempt_id: job for job in world.believed.values()}.values()
        assert sum(job.grant.cpu for job in jobs) <= CPU, "more cores than there are"
        narrow = sum(self._graph.nodes[job.task.node].limit is not None for job in jobs)
        assert narrow <= self._limit, "more than the limit admits"
        most = world.options.max_workers
        assert most is None or len(jobs) <= most, "more workers than --max-workers"
