"""The world of a simulated run: virtual time, an executor with its faults, stored values.

One thread, no sleep: whoever waits for reports makes time pass. The world
outlives launchers; what it knows of attempts is the truth, what it says may be
late, lost, doubled or wrong.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import count
from pathlib import Path

from tests.simulation.options import Options, every_step
from tests.simulation.plans import Step, blob, blob_content, digest, fate, mix, rescue_fate
from tests.simulation.shuffling import plain
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import ARTIFACT_LOST, UNSTARTED, Failure, Job, JobBatch, Outcome, Report
from yamlflow.core.values import references
from yamlflow.engine.clock import Clock
from yamlflow.engine.inbox import Item
from yamlflow.engine.pump import Reports
from yamlflow.executors.base import Traits
from yamlflow.worker.storage import LocalStorage

CPU = 4.0
CANCELLED = Outcome("failed", failure=Failure("cancelled", "was cancelled"))
RESCUE = "tests.simulation.work:rescue"

Said = Callable[[], Iterator[Report]]
"""What is said when its time has come."""


class World:
    """Time, attempts and stored values; everything that happens is drawn from one generator."""

    def __init__(self, options: Options, store: Path, happened: Counter[str]) -> None:
        self.options = options
        self.happened = happened
        self.order = random.Random(mix("world", options.seed))
        self.storage = LocalStorage(store)
        self.traits = Traits(depth=8, chain=4)
        self.clock = Clock(lambda: 1.8e9 + self.now + self.jump, lambda: self.now)
        self.now = 0.0
        self.jump = 0.0
        self.submits = 0
        self.quiet = 0  # turns since the last fault or launch
        self.most_quiet = 0
        self.plots: dict[int, list[str]] = {}
        for at, kind in options.faults:
            self.plots.setdefault(at, []).append(kind)
        self.between: list[str] = []  # faults for the time between two launches
        self.commits: list[str] = []  # faults for the next commits
        self.steps = {step.name: step for step in every_step(options.plan.steps)}
        self.made: dict[str, str] = {}  # paths of stored values by digest
        self.past: list[str] = []  # attempts of earlier launches
        self.flying: dict[str, Job] = {}
        self.stop: Callable[[str], None] = lambda _kind: None
        self.stop_after = options.stop_after
        self._numbers = count()
        self.begin()

    def begin(self) -> None:
        """A launcher starts: what was in flight died with the one before it."""
        self.past += self.flying
        self.flying = {}
        self.believed: dict[str, Job] = {}  # what the launcher must take for running
        self.stubborn: set[str] = set()  # attempts that do not hear a stop
        self.begun: set[str] = set()
        self.unlucky: set[TaskId] = set()  # tasks whose every attempt is lost, until the scheduler gives up
        self.tries: Counter[TaskId] = Counter()
        self.agenda: list[tuple[float, int, Said]] = []
        self.idle = 0
        self.quiet = 0
        for kind in self.between:
            if kind == "clock jump":
                self.jump += self.order.choice([-86400.0, 86400.0, 3600.0])
                self.happened[kind] += 1
            else:
                self.lose_value(kind)
        self.between = []

    def calm(self) -> None:
        """Nothing goes wrong any more, and nobody wants the run to end."""
        self.plots, self.commits, self.between = {}, [], []
        self.stop_after = None

    # --- time

    def pass_time(self, alarm: float | None, deliver: Callable[[Item], None]) -> None:
        """Time goes on to the next thing that happens, which is heard; or to the alarm."""
        self.quiet += 1
        self.most_quiet = max(self.most_quiet, self.quiet)
        due = self.agenda[0][0] if self.agenda else None
        if due is None and alarm is None:
            self.idle += 1
            assert self.idle < 20, "nothing runs, nothing waits, and yet the run does not end"
            self.now += 0.25
        elif due is None or (alarm is not None and alarm < due):
            self.now = max(self.now, alarm or 0.0)
        else:
            self.idle = 0
            self.now = max(self.now, due)
            deliver(Reports("local", self._hear(self.now + self.options.window * self.order.random())))

    def _hear(self, until: float) -> list[Report]:
        heard: list[Report] = []
        while self.agenda and self.agenda[0][0] <= until:
            heard.extend(heapq.heappop(self.agenda)[2]())
        for report in heard:
            if report.kind in ("ended", "gone"):
                self.believed.pop(report.attempt_id, None)
        return heard

    def later(self, delay: float, said: Said) -> None:
        heapq.heappush(self.agenda, (self.now + delay, next(self._numbers), said))

    def say(self, delay: float, report: Report) -> None:
        self.later(delay, lambda: iter((report,)))

    def note(self, kind: str) -> None:
        """A fault has happened."""
        self.happened[kind] += 1
        self.quiet = 0

    # --- the executor

    def submit(self, batch: JobBatch) -> None:
        for job in batch.jobs():
            assert job.attempt_id not in self.flying, "an attempt was started twice"
            self.flying[job.attempt_id] = self.believed[job.attempt_id] = job
            kinds = self.plots.pop(self.submits, [])
            self.submits += 1
            if self.submits == self.stop_after:
                self.stop(self.options.stop_kind)
            for kind in kinds:
                if kind not in _JOBS:
                    self.go_wrong(kind)
            self.go([kind for kind in kinds if kind in _JOBS], job)

    def go(self, kinds: list[str], job: Job) -> None:
        """The attempt goes one way; what else is to go wrong does so with the next."""
        kind = kinds.pop() if kinds else "fine"
        if kinds:
            self.plots.setdefault(self.submits, []).extend(kinds)
        if kind != "fine":
            self.note(kind)
        if kind in _LOSSES and self.options.loose and self.order.random() < 0.5:
            self.unlucky.add(job.task)
        elif job.task in self.unlucky:
            kind = "lost end"
        _JOBS[kind](self, job)

    def go_wrong(self, kind: str) -> None:
        """A fault that is not about one attempt."""
        match kind:
            case "down" | "long down":
                self.note(kind)
                self.say(0.0, Report("down", "", message="simulated"))
                self.say(
                    self.order.choice([700.0, 2000.0] if kind == "long down" else [0.0, 5.0, 300.0]), Report("up", "")
                )
            case "commit refused" | "commit doubtful":
                self.commits.append(kind)
            case "artifact gone":
                self.lose_value(kind)
            case _:
                self.between.append(kind)

    def cancel(self, names: Collection[str], *, force: bool = False) -> None:
        for name in names:
            if name in self.stubborn and not force:
                continue
            if self.flying.pop(name, None) is not None:
                self.say(self.order.random(), Report("ended", name, CANCELLED))
            else:
                self.say(self.order.random(), Report("gone", name))

    def withdraw(self, names: Collection[str]) -> None:
        """What has not begun never will; some have begun, and nobody has heard of it."""
        for name in names:
            waits = name in self.flying and name not in self.begun and self.order.random() < 0.7
            if waits:
                del self.flying[name]
                self.happened["withdrawn"] += 1
                self.say(self.order.random(), Report("gone", name, message=UNSTARTED))

    # --- attempts

    def pace(self) -> tuple[float, float]:
        """Seconds until an attempt starts, and that it runs."""
        return self.order.random() * 0.5, self.order.choice([0.01, 0.3, 3.0]) * self.order.random()

    def starting(self, job: Job) -> Said:
        def said() -> Iterator[Report]:
            if job.attempt_id in self.flying:
                self.begun.add(job.attempt_id)
                yield Report("started", job.attempt_id)

        return said

    def ending(self, job: Job, *, more: Callable[[Report], None] = lambda _report: None) -> Said:
        """The attempt ends by itself, if it still runs; `more` is told its report."""

        def said() -> Iterator[Report]:
            if self.flying.pop(job.attempt_id, None) is None:
                return
            outcome = self.outcome(job)
            report = Report("gone" if outcome is None else "ended", job.attempt_id, outcome)
            yield report
            more(report)

        return said

    def vanishing(self, job: Job, *reports: Report) -> Said:
        """The attempt is no more, if it still ran, and this is said of it."""

        def said() -> Iterator[Report]:
            if self.flying.pop(job.attempt_id, None) is not None:
                yield from reports

        return said

    def outcome(self, job: Job, *, counts: bool = True) -> Outcome | None:
        """What the attempt comes to. Those that a fault spoilt do not count as tries of the work."""
        lost = [ref.digest for ref in references(job.inputs) if not self.storage.has(ref.digest)]
        if lost:
            return Outcome("failed", failure=Failure(ARTIFACT_LOST, "a value is missing", lost=(lost[0],), final=True))
        attempt = self.tries[job.task] + 1
        if counts:
            self.tries[job.task] = attempt
        step = self.steps.get(job.task.node.rpartition(".")[2])
        if step is None:
            return Outcome("succeeded", 1)  # a hook
        rescue = job.target["callable"] == RESCUE
        ending = (rescue_fate if rescue else fate)(self.options.plan.seed, job.task.node, job.task.path, attempt)
        if ending == "lost":
            return None
        if ending == "error":
            return Outcome("failed", failure=Failure("error", "scripted"))
        if ending == "skip":
            return Outcome("skipped")
        return Outcome("succeeded", self.value(step, job, rescue=rescue))

    def value(self, step: Step, job: Job, *, rescue: bool) -> object:
        number = digest("rescue" if rescue else step.name, plain(job.inputs))
        return self.store(number) if step.blob and not rescue else number

    # --- stored values

    def store(self, number: int) -> dict[str, object]:
        document = blob(number)
        name = str(document["$artifact"]["digest"])  # type: ignore[index]
        path = Path(self.storage.object_path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # an earlier seed may have left it; to write it again waits for the disk
            path.write_bytes(blob_content(number))
        self.made[name] = str(path)
        return document

    def lose_value(self, kind: str) -> None:
        if self.made:
            name = self.order.choice(sorted(self.made))
            Path(self.made.pop(name)).unlink()
            self.note(kind)


# --- how attempts go ------------------------------------------------------------


def go_fine(world: World, job: Job) -> None:
    start, run = world.pace()
    world.later(start, world.starting(job))
    world.later(start + run, world.ending(job))


def say_twice(world: World, job: Job) -> None:
    start, run = world.pace()
    world.later(start, world.starting(job))
    world.later(
        start + run, world.ending(job, more=lambda report: world.say(world.order.choice([0.0, 1.0, 60.0]), report))
    )


def end_early(world: World, job: Job) -> None:
    start, run = world.pace()
    world.later(start, world.ending(job))
    world.say(start + run, Report("started", job.attempt_id))


def lose_end(world: World, job: Job) -> None:
    start, run = world.pace()
    world.later(start, world.starting(job))
    world.later(
        start + run + world.order.choice([1.0, 30.0, 300.0]), world.vanishing(job, Report("gone", job.attempt_id))
    )


def say_gone(world: World, job: Job) -> None:
    """It is said to be gone, and yet it ends well."""
    start, run = world.pace()
    world.later(start, world.starting(job))
    world.later(start + run, world.vanishing(job, Report("gone", job.attempt_id)))
    late = Report("ended", job.attempt_id, Outcome("succeeded", -1))
    world.say(start + run + world.order.choice([0.0, 1.0, 60.0]), late)


def fake_success(world: World, job: Job) -> None:
    start, run = world.pace()
    world.later(start, world.starting(job))
    world.later(start + run, world.vanishing(job, Report("ended", job.attempt_id)))


def replace_it(world: World, job: Job) -> None:
    start, run = world.pace()
    if world.order.random() < 0.7:
        world.later(start, world.starting(job))
    world.say(start + run, Report("waiting", job.attempt_id, message="for a machine"))
    world.say(start + run, Report("replaced", job.attempt_id, message="spot"))
    world.later(start + 2 * run, world.starting(job))
    world.say(start + 2 * run, Report("progress", job.attempt_id, message="half", fraction=0.5))
    world.later(start + 3 * run, world.ending(job))


def give_back(world: World, job: Job) -> None:
    gone = Report("gone", job.attempt_id, message=UNSTARTED)
    world.later(world.order.choice([0.0, 0.3, 20.0]), world.vanishing(job, gone))


def go_slowly(world: World, job: Job) -> None:
    start, run = world.pace()
    world.later(start, world.starting(job))
    world.later(start + world.order.choice([20.0, 100.0, 400.0]) + run, world.ending(job))


def hang(world: World, job: Job) -> None:
    world.later(500.0, world.vanishing(job, Report("gone", job.attempt_id)))


def hear_strangers(world: World, job: Job) -> None:
    kinds = ("started", "replaced", "ended", "gone")
    names = [*world.past[-5:], "nobody-knows-me-a1"]
    for _ in range(3):
        kind = world.order.choice(kinds)
        world.say(world.order.random(), Report(kind, world.order.choice(names), Outcome("succeeded", -2)))  # type: ignore[arg-type]
    go_fine(world, job)


def refuse_to_stop(world: World, job: Job) -> None:
    world.stubborn.add(job.attempt_id)
    go_slowly(world, job)


_LOSSES = ("lost end", "false gone", "fake success", "hang")
_JOBS: dict[str, Callable[[World, Job], None]] = {
    "fine": go_fine,
    "duplicate": say_twice,
    "early end": end_early,
    "lost end": lose_end,
    "false gone": say_gone,
    "fake success": fake_success,
    "replaced": replace_it,
    "given back": give_back,
    "slow": go_slowly,
    "hang": hang,
    "stranger": hear_strangers,
    "stop refused": refuse_to_stop,
}
