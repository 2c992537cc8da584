"""State machines: the scheduler, the pools, the database with its lock, each against a model of few lines."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.dialogue import OK, SKIP, failed, graph, step
from yamlflow.core.commands import Cancel, Command, Evaluate, Finish, LookUp, SetTimer, Submit
from yamlflow.core.errors import TemporaryError
from yamlflow.core.graph import Catch, Gpu, Loop, Policy, Repeat, Resources, Retry, TaskId
from yamlflow.core.jobs import Grant
from yamlflow.core.messages import (
    CacheMissed,
    CancelRequested,
    Evaluated,
    Event,
    ExecutorDown,
    ExecutorTraits,
    ExecutorUp,
    Failed,
    ItemsKnown,
    Lost,
    Machine,
    Replaced,
    Restored,
    RunStarted,
    Started,
    State,
    Submitted,
    Succeeded,
    Timer,
    TimerFired,
)
from yamlflow.core.pools import Ask, Pools
from yamlflow.core.scheduler import Scheduler
from yamlflow.store.locks import Lock, is_held, take
from yamlflow.store.state import Entry, RunRecord, open_state

FEW = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
number = st.integers(0, 1 << 20)


def shapes() -> list[list[object]]:
    """Graphs that have every kind of node between them."""
    tries = {"retry": Retry(attempts=2, delay=1.0, infra=2)}
    body = {"parent": "g", "depth": 1}
    return [
        [step("a", **tries), step("b", "a"), step("c", "needs:a", policy=Policy.ALL_DONE)],
        [step("a", loop=Loop(()), **tries), step("b", "each:a", loop=Loop((), elementwise="a")), step("c", "b")],
        [step("a", loop=Loop((), max_parallel=1, fail_fast=True), isolation="shared"), step("b", "a", limit="one")],
        [step("a", catch=Catch(callable="m:rescue"), deadline=9.0, start_timeout=3.0), step("b", "a", when="x")],
        [
            step("g", children=("g.a", "g.b"), repeat=Repeat({}, "x", 3, 2.0, accept_max=True), outputs={"v": "x"}),
            step("a", parent="g", depth=1, **tries),
            step("b", "g.a", **body),
        ],
        [step("g", children=("g.a",), loop=Loop((), min_success=0.5)), step("a", **body, when="x", when_item=False)],
        [step("a"), step("h", "a", when="x", when_item=True, loop=Loop(())), step("z", "h", policy=Policy.ANY_FAILED)],
    ]


class SchedulerMachine(RuleBasedStateMachine):
    """Any order of answers, reports, old words, timers and stops ends in one Finish with nothing held."""

    @initialize(shape=st.integers(0, 6), lookup=st.booleans(), keep=st.booleans(), cpu=st.sampled_from([1.0, 3.0]))
    def begin(self, shape: int, lookup: bool, keep: bool, cpu: float) -> None:
        self.scheduler = Scheduler(graph(*shapes()[shape], limits={"one": 1}))  # type: ignore[arg-type]
        self.questions: list[Evaluate | LookUp] = []
        self.flying: dict[TaskId, int] = {}
        self.seen: list[TaskId] = []
        self.timers: list[Timer] = []
        self.ends: list[str] = []
        self.counts: dict[TaskId, int] = {}
        self.down = False
        traits = {"local": ExecutorTraits(depth=4)}
        self.tell(RunStarted(0.0, Machine(cpu, 1 << 34), traits, keep_going=keep, lookup=lookup))

    def tell(self, event: Event) -> None:
        for command in self.scheduler.handle(event):
            self.obey(command)

    def obey(self, command: Command) -> None:
        match command:
            case Evaluate() | LookUp():
                self.questions.append(command)
            case Submit(tasks=tasks, attempt=attempt):
                assert not self.down
                for task in tasks:
                    assert task not in self.flying, "one attempt at a time"
                    self.flying[task] = attempt
                self.seen.extend(tasks)
            case SetTimer(timer=timer):
                self.timers.append(timer)
            case Cancel(tasks=tasks):
                assert set(tasks) <= set(self.flying.items())
            case Finish(state=state):
                self.ends.append(state)
            case _:
                pass

    def pick(self, found: list[TaskId], at: int) -> TaskId:
        return found[at % len(found)]

    @precondition(lambda self: self.questions)
    @rule(at=number, good=st.booleans(), count=st.integers(0, 3))
    def answer(self, at: int, good: bool, count: int) -> None:
        question = self.questions.pop(at % len(self.questions))
        if isinstance(question, LookUp):
            found = question.tasks[: count if good else 0]
            for place, task in enumerate(found, at):
                self.tell(Restored(0.0, task, (State.SUCCEEDED, State.SKIPPED, State.CACHED)[place % 3]))
            if question.tasks[len(found) :]:
                self.tell(CacheMissed(0.0, question.tasks[len(found) :]))
        elif question.what == "foreach":
            node = self.scheduler._node(question.task.node)
            if node.loop is not None and node.loop.elementwise:  # as many as its source has
                count = self.counts[TaskId(node.loop.elementwise, question.task.path)]
            self.counts[question.task] = count
            self.tell(ItemsKnown(0.0, question.task, count))
        else:
            self.tell(Evaluated(0.0, question.task, question.what, good))

    @precondition(lambda self: self.flying)
    @rule(at=number, how=st.sampled_from(["started", "ok", "skip", "error", "oom", "lost", "cancelled", "replaced"]))
    def report(self, at: int, how: str) -> None:
        task = self.pick(list(self.flying), at)
        attempt = self.flying[task]
        if how in ("started", "replaced"):
            self.tell(Started(0.0, task, attempt) if how == "started" else Replaced(0.0, task, attempt, "spot"))
            return
        del self.flying[task]
        if how in ("ok", "skip"):
            self.tell(Succeeded(0.0, task, attempt, OK if how == "ok" else SKIP))
        else:
            self.tell(Lost(0.0, task, attempt) if how == "lost" else Failed(0.0, task, attempt, failed(how)))

    @precondition(lambda self: self.seen)
    @rule(at=number, kind=st.sampled_from([Started, Succeeded, Failed, Lost]), off=st.sampled_from([-1, 0, 1]))
    def old_word(self, at: int, kind: type, off: int) -> None:
        task = self.pick(self.seen, at)
        attempt = self.flying.get(task, 1) + (off or (task in self.flying))
        extra = {Succeeded: (OK,), Failed: (failed(),)}.get(kind, ())
        before = self.books()
        assert self.scheduler.handle(kind(0.0, task, attempt, *extra)) == []
        assert self.books() == before

    def books(self) -> tuple[object, ...]:
        pools = self.scheduler._pools
        assert pools is not None
        return pools.running, pools.cpu, [(task, live.attempt) for task, live in self.scheduler._live.items()]

    @precondition(lambda self: self.timers)
    @rule(at=number)
    def ring(self, at: int) -> None:
        self.tell(TimerFired(0.0, self.timers.pop(at % len(self.timers))))

    @rule(drain=st.booleans(), really=st.integers(0, 5))
    def stop(self, drain: bool, really: int) -> None:
        if not really:
            self.tell(CancelRequested(0.0, "stop", drain))

    @rule()
    def turn_down_or_up(self) -> None:
        self.down = not self.down
        self.tell(ExecutorDown(0.0, "local", "away") if self.down else ExecutorUp(0.0, "local"))

    @invariant()
    def books_add_up(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        pools = self.scheduler._pools
        assert pools is not None
        assert 0 <= pools.cpu <= pools.machine.cpu
        assert pools.per_limit.get("one", 0) <= 1
        assert len(self.ends) <= 1
        assert not self.ends or not self.flying

    def teardown(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        if self.down:
            self.turn_down_or_up()
        for _ in range(2000):
            if self.ends:
                break
            if self.questions:
                self.answer(0, good=True, count=1)
            elif self.flying:
                self.report(0, "ok")
            elif self.timers:
                self.ring(0)
            else:
                raise AssertionError("nothing is left to do, and the run has not ended")
        assert len(self.ends) == 1
        assert self.books() == (0, 0, [])


class PoolsMachine(RuleBasedStateMachine):
    """What is out never exceeds what there is; what lacks nothing is granted, unless somebody was first in line."""

    def __init__(self) -> None:
        super().__init__()
        gpus = {"0": ("A100", 80), "1": ("A100", 80), "2": ("T4", 16)}
        self.machine = Machine(4.0, 100, gpus)
        traits = {"local": ExecutorTraits(max_parallel=4), "far": ExecutorTraits(machine=False)}
        self.pools = Pools(self.machine, traits, {"one": 2}, max_workers=6)
        self.out: list[tuple[Ask, Grant]] = []

    @rule(
        executor=st.sampled_from(["local", "local", "far"]),
        cpu=st.sampled_from([0.0, 0.5, 1.0, 4.0]),
        memory=st.sampled_from([0, 10, 60]),
        gpu=st.sampled_from([Gpu(), Gpu(1), Gpu(2, ("A100",)), Gpu(1, (), 40)]),
        limit=st.sampled_from([None, "one"]),
        anew=st.booleans(),
    )
    def ask(self, executor: str, cpu: float, memory: int, gpu: Gpu, limit: str | None, anew: bool) -> None:
        if anew:
            self.pools.new_pass()
        ask = Ask(executor, Resources(cpu, memory, gpu), limit)
        free = self.fits(ask)
        grant = self.pools.take(ask)
        assert grant is None or free
        if anew:
            assert (grant is not None) == free
        if grant is not None:
            self.out.append((ask, grant))

    def fits(self, ask: Ask) -> bool:
        """A second opinion."""
        local = [grant for one, grant in self.out if one.executor == "local"]
        limits = ask.limit is None or sum(one.limit == ask.limit for one, _ in self.out) < 2
        if len(self.out) >= 6 or not limits:
            return False
        if ask.executor != "local":
            return True
        wants = ask.resources
        busy = {device for grant in local for device in grant.gpus}
        fitting = [
            name
            for name, (kind, memory) in self.machine.gpus.items()
            if name not in busy and memory >= wants.gpu.memory and (not wants.gpu.types or kind in wants.gpu.types)
        ]
        return (
            len(local) < 4
            and sum(grant.cpu for grant in local) + wants.cpu <= 4.0
            and sum(grant.memory for grant in local) + wants.memory <= 100
            and len(fitting) >= wants.gpu.count
        )

    @precondition(lambda self: self.out)
    @rule(at=number)
    def give_back(self, at: int) -> None:
        self.pools.give_back(*self.out.pop(at % len(self.out)))

    @invariant()
    def nothing_is_handed_out_twice(self) -> None:
        devices = [device for _, grant in self.out for device in grant.gpus]
        assert len(devices) == len(set(devices))
        assert self.pools.running == len(self.out)

    def teardown(self) -> None:
        while self.out:
            self.give_back(0)
        assert (self.pools.cpu, self.pools.memory, self.pools.busy) == (0, 0, {})


class StateMachine(RuleBasedStateMachine):
    """What append has returned from is there: for who reopens, for who looks, and of a torn copy a whole prefix."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="yamlflow-machine-"))
        self.path = self.folder / "state.db"
        self.state = open_state(self.path)
        assert self.state.create_run(RunRecord("r", "p", "f", "running", 0.0))
        self.commits: list[int] = [0]  # events after each commit
        self.asked = 0
        self.locks: list[Lock] = []

    def read(self, path: Path) -> list[int]:
        with open_state(path) as state:
            return [stored.event.attempt for stored in state.events("r")]  # type: ignore[union-attr]

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        first = self.commits[-1]
        self.state.append("r", [Entry(Submitted(0.0, TaskId("a", ()), first + at)) for at in range(count)])
        self.commits.append(first + count)

    @rule()
    def reopen(self) -> None:
        self.state.close()
        self.state = open_state(self.path)

    @rule()
    def ask(self) -> None:
        self.state.request("r", "cancel", 0.0, {"n": self.asked})
        self.asked += 1

    @rule(after=st.integers(0, 5))
    def requests_come_in_order(self, after: int) -> None:
        found = self.state.requests("r", after)
        assert [control.body["n"] for control in found] == list(range(min(after, self.asked), self.asked))
        assert self.state.newest_request("r") == self.asked

    @rule(cut=number)
    def tear(self, cut: int) -> None:
        """The machine dies: a copy has lost the end of what was not yet in the main file."""
        copy = Path(tempfile.mkdtemp(prefix="torn-", dir=self.folder)) / "state.db"
        shutil.copy(self.path, copy)
        wal = Path(f"{self.path}-wal")
        if wal.exists():
            body = wal.read_bytes()
            Path(f"{copy}-wal").write_bytes(body[: cut % (len(body) + 1)])
        with suppress(Exception):  # a cut before the run itself was written
            found = self.read(copy)
            assert found == list(range(len(found)))
            assert len(found) in self.commits, "half a commit"
        shutil.rmtree(copy.parent)

    @rule()
    def lock(self) -> None:
        try:
            lock = take(self.folder / "lock", "run r", since="now")
        except TemporaryError:
            assert self.locks
        else:
            assert not self.locks, "two have the lock"
            self.locks.append(lock)

    @precondition(lambda self: self.locks)
    @rule()
    def release(self) -> None:
        self.locks.pop().release()

    @invariant()
    def all_is_there(self) -> None:
        assert [stored.seq for stored in self.state.events("r")] == list(range(1, self.commits[-1] + 1))
        assert is_held(self.folder / "lock") == bool(self.locks)

    def teardown(self) -> None:
        self.state.close()
        for lock in self.locks:
            lock.release()
        shutil.rmtree(self.folder)


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(FEW, max_examples=400)
TestPools = PoolsMachine.TestCase
TestPools.settings = FEW
TestState = StateMachine.TestCase
TestState.settings = settings(FEW, max_examples=20, stateful_step_count=25)
