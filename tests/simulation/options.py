"""What a seed expands to: a plan, the faults of its world, the deaths of its launchers.

Everything random about a simulated run is drawn here, or by the one generator
that is seeded here, so that a seed says all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from tests.simulation.files import to_yaml
from tests.simulation.naive import Naive
from tests.simulation.plans import Input, LevelRef, Plan, Ref, Step, make, mix
from yamlflow.core.graph import Graph
from yamlflow.engine.runs.selection import with_last_values
from yamlflow.schema.diagnostics import Severity
from yamlflow.schema.loader import load_text

SHARED = 50
"""Seeds that have one plan: reading a file costs more than running it."""

LEVELS = (1, 2, 3)
"""What the pipeline's parameter may be."""

FAULTS = (
    "duplicate",  # the end is said twice
    "early end",  # the end before the start
    "lost end",  # the end is never said; later: no trace of it
    "false gone",  # no trace of it is left; later it ends well
    "fake success",  # ended well, without an outcome
    "replaced",  # the backend starts it anew
    "given back",  # it never began; whoever waits for slots gets its own
    "slow",  # takes minutes
    "hang",  # does not even start
    "stranger",  # a word about an attempt that is not ours
    "stop refused",  # a stop is not heard; it ends when it ends
    "down",  # the executor cannot be reached for a while
    "long down",  # for longer than the launcher waits
    "commit refused",  # the state cannot be written
    "commit doubtful",  # it was written, and yet an error is returned
    "clock jump",  # people's clock jumps between two launches
    "artifact gone",  # a stored value disappears
    "artifact gone between",  # the same, between two launches
)
PLENTY = ("duplicate", "early end", "lost end", "false gone", "fake success", "replaced", "stranger", "artifact gone")
COMMANDS = (
    "evaluate when", "evaluate foreach", "evaluate start", "evaluate until", "evaluate outputs",
    "look up", "submit", "cancel", "set timer", "mark", "start hooks", "finish",
)  # fmt: skip
CRASHES = (
    "before commit",
    "after commit",
    "before submit",
    "between submits",
    "before cancel",
    "after leaving",
    "hooks",
    "launch",
    "before end",
    "after end",
    *(f"command {name}" for name in COMMANDS),
)
USUAL = ("before commit", "after commit", "before submit", "between submits", "after leaving")


@dataclass(frozen=True)
class Crash:
    """The launcher dies when it comes to `point` for the `nth` time (from 0)."""

    point: str
    nth: int


@dataclass(frozen=True)
class Edit:
    """From this launch on (or after the end, when there are fewer) the parameter is another."""

    launch: int
    level: int


@dataclass(frozen=True)
class Options:
    """All of it. `faults` maps the n-th submit, or the n-th commit, to what goes wrong there.

    `loose`: the run may be stopped, time limits may pass, failures stop the rest;
    what it comes to is then not in the plan alone.
    """

    seed: int
    plan: Plan
    crashes: tuple[Crash, ...]
    faults: tuple[tuple[int, str], ...]
    loose: bool
    keep_going: bool
    stop_after: int | None  # submits until somebody wants the run to end
    stop_kind: str
    max_workers: int | None
    ghosts: float  # how often an old word is heard again
    window: float  # seconds of reports that one turn hears
    edit: Edit | None
    disk: bool  # on a real state folder

    def lines(self) -> Iterator[str]:
        """For people: what the seed expands to."""
        for name in (
            "loose",
            "keep_going",
            "stop_after",
            "stop_kind",
            "max_workers",
            "ghosts",
            "window",
            "edit",
            "disk",
        ):
            yield f"{name}: {getattr(self, name)}"
        yield f"crashes: {', '.join(f'{crash.point}#{crash.nth}' for crash in self.crashes)}"
        yield f"faults: {', '.join(f'{kind}@{at}' for at, kind in self.faults)}"
        yield to_yaml(self.plan, shuffle=False)


class Planned:
    """A plan, its graph, and what it comes to, for each value of the parameter."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._naive = {level: Naive(replace(plan, level=level)).run() for level in LEVELS}
        self._graphs: dict[int, Graph] = {}

    def naive(self, level: int) -> Naive:
        return self._naive[level]

    def sizes(self) -> list[int]:
        return [len(naive.attempts) for naive in self._naive.values()]

    def graph(self, level: int) -> Graph:
        """The graph as a file with this value gives it."""
        if level not in self._graphs:
            read = self._graphs[self.plan.level]
            level_now = replace(read.params["level"], value=level)
            self._graphs[level] = replace(read, params={**read.params, "level": level_now})
        return self._graphs[level]

    def load(self) -> bool:
        """Reads the file; False when the product refuses it for what may be skipped."""
        loaded = load_text(to_yaml(self.plan))
        wrong = {one.code for one in loaded.diagnostics if one.severity is Severity.ERROR}
        assert wrong <= {"may-be-skipped"}, (self.plan.seed, loaded.diagnostics)
        if loaded.graph is not None and not wrong:
            self._graphs[self.plan.level] = with_last_values(loaded.graph)
        return bool(self._graphs)


@lru_cache(maxsize=64)
def planned(family: int, *, loose: bool) -> Planned:
    """The plan that a family of seeds shares: most have 20 to 40 tasks, each has 10 to 60."""
    least, most = (10, 60) if family % 5 == 0 else (20, 40)
    for number in range(1000):
        seed = mix("plan", family, loose, number)
        found = Planned(dress(make(seed, hasty=loose), loose=loose))
        if least <= min(found.sizes()) and max(found.sizes()) <= most and found.load():
            return found
    raise AssertionError("no plan in a thousand")


def expand(seed: int) -> Options:
    """The options of a seed."""
    family = seed // SHARED
    loose = family % 3 == 0
    plan = planned(family, loose=loose).plan
    order = random.Random(mix("options", seed))
    tasks = len(planned(family, loose=loose).naive(plan.level).attempts)
    return Options(
        seed=seed,
        plan=plan,
        crashes=tuple(crash(order, tasks) for _ in range(order.choice(_DEATHS))),
        faults=tuple(sorted((order.randrange(tasks + tasks // 2), fault(order)) for _ in range(order.randrange(13)))),
        loose=loose,
        keep_going=not loose or order.random() < 0.5,
        stop_after=order.randrange(tasks) if loose and order.random() < 0.4 else None,
        stop_kind=order.choice(["stop", "drain", "force", "request", "twice"]),
        max_workers=order.choice([None, None, 1, 3]),
        ghosts=order.choice([0.0, 0.05, 0.1]),
        window=order.choice([0.0, 0.1, 1.0, 10.0]),
        edit=edit(order, plan) if order.random() < 0.25 else None,
        disk=seed % 47 == 0,
    )


def edit(order: random.Random, plan: Plan) -> Edit:
    return Edit(order.randrange(1, 5), order.choice([level for level in LEVELS if level != plan.level]))


_DEATHS = (1, 3, 4, 4, 5, 5, 6, 8)


def crash(order: random.Random, tasks: int) -> Crash:
    if order.random() < 0.7:
        return Crash(order.choice(USUAL), order.randrange(max(1, tasks // 5)))
    point = order.choice(CRASHES)
    often = point in ("command mark", "command submit", "command look up", "command set timer", "hooks")
    return Crash(point, order.randrange(6 if often else 1))


def fault(order: random.Random) -> str:
    return order.choice(PLENTY if order.random() < 0.4 else FAULTS)


# --- plans for these runs -----------------------------------------------------


def dress(plan: Plan, *, loose: bool) -> Plan:
    """The plan with delays, time limits, shares of the machine, stored values and hooks."""
    order = random.Random(plan.seed + 3)
    stored = storable(plan.steps) if order.random() < 0.8 else frozenset()
    steps = tuple(_dressed(step, order, stored, loose) for step in plan.steps)
    deadline = order.choice([0, 0, 0, 0, 300]) if loose else 0
    hooks = order.random() < 0.5
    return replace(plan, steps=steps, hooks=hooks, deadline=deadline, level=order.choice(LEVELS))


def _dressed(step: Step, order: random.Random, stored: frozenset[str], loose: bool) -> Step:
    task = not step.children
    return replace(
        step,
        children=tuple(_dressed(child, order, stored, loose) for child in step.children),
        pause=order.choice([0, 0, 5]) if step.rounds else 0,
        delay=order.choice([0, 0, 3, 60]) if step.attempts > 1 else 0,
        cpu=order.choice([1, 1, 1, 2, 4]) if task else 1,
        start_timeout=order.choice([0, 0, 40]) if task else 0,
        deadline=order.choice([0, 0, 0, 2, 90]) if task and loose else 0,
        inputs={name: _leveled(value, order) for name, value in step.inputs.items()},
        loop=replace(step.loop, counted=order.random() < 0.3) if step.loop and len(step.loop.lists) == 1 else step.loop,
        policy="all_done" if _counts_on(step) and order.random() < 0.25 else step.policy,
        shared=task and step.loop is not None and order.random() < (0.6 if loose else 0.3),
        blob=step.name in stored and order.random() < 0.5,
    )


def _counts_on(step: Step) -> bool:
    """Whether the number of its items is what another step made: an error where that made nothing."""
    return step.loop is not None and bool(step.loop.source) and not step.loop.elementwise


def _leveled(value: Input, order: random.Random) -> Input:
    return LevelRef() if isinstance(value, int) and order.random() < 0.2 else value


def storable(steps: tuple[Step, ...]) -> frozenset[str]:
    """Tasks that are read whole or not at all."""
    everything = list(every_step(steps))
    read = {step.output for step in everything}
    for step in everything:
        read |= {
            value.name for value in step.inputs.values() if isinstance(value, Ref) and (value.guarded or value.total)
        }
        read.add(step.when.removeprefix("odd:"))
        if step.loop is not None:
            read.add(step.loop.source)
    return frozenset(step.name for step in everything if not step.children and step.loop is None) - read


def every_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from every_step(step.children)
