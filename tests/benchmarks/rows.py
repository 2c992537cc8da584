"""Every row of the bar that concerns one machine: the same work for yamlflow and its peers, in one run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from tests.benchmarks import workloads
from tests.benchmarks.bars import Bar
from tests.benchmarks.floors import FORK, floors
from tests.benchmarks.measuring import Build, CommandFailedError, Measured, left_behind, race, scratch, timed

Rows = Callable[["Plan"], Iterator[Bar]]


@dataclass(frozen=True)
class Plan:
    """How much is measured: `tasks` of W1, `growth` tasks on the fake executor, each command `repeat` times.

    `peers` are those that are here: the name, and the interpreter or program it takes.
    """

    repeat: int
    tasks: int
    growth: int
    peers: Mapping[str, str]

    def slow(self, limit: int) -> int:
        """The N that a slow peer is asked for."""
        return min(self.tasks, limit)

    def peer(self, name: str, build: Build) -> float | None:
        """Seconds of a peer's command, once; None where the peer is missing."""
        return race({name: build}, 1)[name].seconds if name in self.peers else None


def ours(work: str, count: int, **options: str) -> Build:
    return lambda folder: workloads.yamlflow(folder, work, count, **options)


def beside(**seconds: float | None) -> str:
    """Peers and their seconds; one that is not here is named."""
    return ", ".join(
        f"{name.replace('_', ' ')} {'missing' if one is None else f'{one:.2f} s'}" for name, one in seconds.items()
    )


# ---------------------------------------------------------------- W1


def own_process(plan: Plan) -> Iterator[Bar]:
    count = plan.tasks
    found = race(
        {"yamlflow": ours("W1", count), "loop": partial(workloads.fork_loop, work="W1", count=count)}, plan.repeat
    )
    mine, loop = found["yamlflow"], found["loop"]
    what = f"W1: {count} tasks, a process each"
    each = f"yamlflow {mine.seconds / count * 1000:.2f} ms/task, launcher {mine.megabytes:.0f} MB"
    each += f"; fork loop {loop.seconds / count * 1000:.2f} ms/task, {FORK} {floors(1)[FORK]:.2f} ms"
    yield Bar(f"{what}: times the bare fork loop", mine.seconds / loop.seconds, 1.5, "x", beside=each)
    yield _faster("Metaflow", 100, mine.seconds / count, _metaflow_task(plan), what)
    make = plan.peer("make", partial(workloads.make, work="W1", count=plan.slow(1000)))
    yield _faster("make -j2", 5, mine.seconds / count, make and make / plan.slow(1000), what)


def _faster(name: str, limit: float, mine: float, theirs: float | None, what: str) -> Bar:
    if theirs is None:
        return Bar(f"{what}: times faster than {name}", None, limit, "x", at_least=True, missing=f"{name} is missing")
    said = f"{name} {theirs * 1000:.3g} ms/task"
    return Bar(f"{what}: times faster than {name}", theirs / mine, limit, "x", at_least=True, beside=said)


def _metaflow_task(plan: Plan) -> float | None:
    """Seconds a task, its own start left out."""
    if "metaflow" not in plan.peers:
        return None
    count = plan.slow(100)
    whole = plan.peer("metaflow", partial(_metaflow, plan, "W1", count))
    start = plan.peer("metaflow", partial(_metaflow, plan, "W2", 1))
    assert whole is not None and start is not None
    return (whole - start) / count


def _metaflow(plan: Plan, work: str, count: int, folder: Path) -> list[str]:
    return workloads.metaflow(folder, work, count, plan.peers["metaflow"])


def shared_process(plan: Plan) -> Iterator[Bar]:
    count = plan.tasks
    what = f"W1: {count} tasks, isolation: shared, a task"
    joblib = plan.peer("joblib", partial(workloads.joblib, work="W1", count=count))
    try:
        found = race({"many": ours("W1", count, isolation="shared"), "one": ours("W2", 1)}, plan.repeat)
    except CommandFailedError as failed:
        if failed.code != 2:
            raise
        yield Bar(what, None, 0.2, "ms", missing="`isolation: shared` is not there yet")
        return
    each = (found["many"].seconds - found["one"].seconds) / count * 1000
    yield Bar(what, each, 0.2, "ms", clock=True, beside=beside(joblib_and_Memory=joblib))


def disk(plan: Plan) -> Iterator[Bar]:
    few, many = min(10, plan.tasks // 2), plan.tasks
    (files, size), (more_files, more_size) = _left(few), _left(many)
    tasks = many - few
    yield Bar("disk: files a task", (more_files - files) / tasks, 1, "files")
    yield Bar("disk: kB a task", (more_size - size) / tasks / 1000, 2, "kB")


def _left(count: int) -> tuple[int, int]:
    with scratch() as folder:
        timed(workloads.yamlflow(folder, "W1", count), folder)
        return left_behind(folder / ".yamlflow")


# ---------------------------------------------------------------- W2, W3, W4


def one_step(plan: Plan) -> Iterator[Bar]:
    yield from _short(plan, "W2", 1, "W2: one step, start to exit", 0.35)


def chain(plan: Plan) -> Iterator[Bar]:
    yield from _short(plan, "W3", workloads.CHAIN, "W3: 20 steps in a row", 0.45)


def arrays(plan: Plan) -> Iterator[Bar]:
    yield from _short(plan, "W4", 20, "W4: 20 arrays of 20 MB, foreach to join", 1.3, launcher=80)


def _short(plan: Plan, work: str, count: int, what: str, limit: float, launcher: float = 0) -> Iterator[Bar]:
    loop = partial(workloads.fork_loop, work=work, count=count)
    found = race({"yamlflow": ours(work, count), "loop": loop}, plan.repeat)
    peers = {
        "fork_loop": found["loop"].seconds,
        "make": plan.peer("make", partial(workloads.make, work=work, count=count)),
        "Metaflow": plan.peer("metaflow", partial(_metaflow, plan, work, count)),
    }
    if work == "W4":
        peers["joblib"] = plan.peer("joblib", partial(workloads.joblib, work=work, count=count))
    yield Bar(what, found["yamlflow"].seconds, limit, "s", clock=True, beside=beside(**peers))
    if launcher:
        yield Bar(f"{work}: memory of the launcher", found["yamlflow"].megabytes, launcher, "MB")


# ---------------------------------------------------------------- commands that run nothing


def looking(plan: Plan) -> Iterator[Bar]:
    found = race(
        {"validate": workloads.validate, "help": workloads.help_text, "bare": workloads.bare_help},
        plan.repeat * 2 - 1,
    )
    what = f"validate: a file of {workloads.STEPS} steps"
    yield Bar(what, found["validate"].seconds, 0.25, "s", clock=True)
    said = f"--help {found['help'].seconds * 1000:.0f} ms, bare {found['bare'].seconds * 1000:.0f} ms"
    times = found["help"].seconds / found["bare"].seconds
    yield Bar("--help: times a bare typer program of as many commands", times, 1.2, "x", beside=said)


def nothing_new(plan: Plan) -> Iterator[Bar]:
    count = plan.slow(1000)
    what = f"the same run again: {count} cached tasks"
    first, again = _twice(ours("W1", count, cache="true", json="yes"), plan.repeat)
    if f'"cached": {count}' not in again.printed:
        yield Bar(what, None, 0.5, "s", missing="the cache is not there yet")
        return
    peers = {
        "first_run": first.seconds,
        "make": _second(plan, "make", partial(workloads.make, work="W1", count=count)),
        "joblib": _second(plan, "joblib", partial(workloads.joblib, work="W1", count=count)),
    }
    yield Bar(what, again.seconds, 0.5, "s", clock=True, beside=beside(**peers))


def _second(plan: Plan, name: str, build: Build) -> float | None:
    return _twice(build, 1)[1].seconds if name in plan.peers else None


def _twice(build: Build, repeat: int) -> tuple[Measured, Measured]:
    """A command in one folder, and the median of the times it is run there again."""
    with scratch() as folder:
        command = build(folder)
        first = timed(command, folder)
        again = [timed(command, folder) for _ in range(repeat)]
    return first, Measured(median(one.seconds for one in again), again[-1].megabytes, again[-1].printed)


# ---------------------------------------------------------------- growth and the view


def growth(plan: Plan) -> Iterator[Bar]:
    many, few = plan.growth, plan.growth // 10
    small = [_grown(few) for _ in range(plan.repeat)]
    large = [_grown(many) for _ in range(plan.repeat)]
    seconds = median(one for one, _ in large)
    each = seconds / many
    said = f"{each * 1000:.3f} ms/task"
    yield Bar(f"growth: {many} tasks on the fake executor", seconds, 60, "s", clock=True, beside=said)
    yield Bar(f"growth: memory of the launcher, {many} tasks", max(peak for _, peak in large), 400, "MB")
    before = median(one for one, _ in small) / few
    said = f"{before * 1000:.3f} ms/task with {few}"
    yield Bar(f"growth: a task of {many}, times one of {few}", each / before, 1.3, "x", beside=said)


def _grown(count: int) -> tuple[float, float]:
    with scratch() as folder:
        found = timed([sys.executable, "-m", "tests.benchmarks.growth", str(count), str(folder)], folder)
    return float(found.printed), found.megabytes


def live_view(plan: Plan) -> Iterator[Bar]:
    with scratch() as folder:
        command = [sys.executable, "-m", "tests.benchmarks.liveview", str(plan.tasks), str(folder)]
        share = float(timed(command, folder).printed)
    yield Bar(f"live view: share of a core, {plan.tasks} tasks running", share * 100, 2, "%")


ROWS: Mapping[str, Rows] = {
    "W1": own_process,
    "shared": shared_process,
    "disk": disk,
    "W2": one_step,
    "looking": looking,
    "W3": chain,
    "W4": arrays,
    "again": nothing_new,
    "growth": growth,
    "view": live_view,
}
