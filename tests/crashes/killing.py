"""Runs of the real command that are killed again and again until they are done.

A `Siege` is one series of kills, reproducible by its seed as far as the
machine's timing allows. After each death of a launcher it waits until no
process of the run is left and no lock is held, then resumes. Nothing is ever
repaired by hand.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy

from tests.crashes.ledger import complaints, in_flight, names, parse, read
from tests.leaks import MARK, held_locks, marked, scratch, until
from yamlflow.engine.chaos import VARIABLE
from yamlflow.worker.processes.kernel import START_METHOD

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 90.0
MOMENTS = ("expansion", "submit", "commit", "join", "hooks")
"""The moments that every siege must have struck, while a task was in flight."""
OTHERS = ("ended", "submitted", "committed", "start", "end")
REACH = {"expansion": 3, "submit": 12, "commit": 12, "hooks": 12, "ended": 10, "submitted": 12, "committed": 12}
"""How far into a launch a moment may be chosen; the others have their first."""
LATE = {"join": 0.5, "hooks": 1.0, "end": 1.2}
"""What comes late in a run comes late in a plan, most of the time: fewer runs are needed."""


def full_plan() -> list[str]:
    """Fifteen kills: at every moment that has a name, and five times anywhen."""
    return [*MOMENTS, *OTHERS, *["anywhen"] * 5]


@dataclass
class Tally:
    """What a siege came to."""

    kills: Counter[str] = field(default_factory=Counter)
    flying: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    again: int = 0
    slowest_end: float = 0.0

    def add(self, other: Tally) -> None:
        self.kills += other.kills
        self.flying += other.flying
        self.hits += other.hits
        self.runs += other.runs
        self.again += other.again
        self.slowest_end = max(self.slowest_end, other.slowest_end)

    def table(self) -> str:
        rows = [f"  {'launcher killed at':<20}{'kills':>6}{'tasks in flight':>17}"]
        rows += [f"  {moment:<20}{self.kills[moment]:>6}{self.flying[moment]:>17}" for moment in sorted(self.kills)]
        rows += [f"  {'all':<20}{self.kills.total():>6}{self.flying.total():>17}"]
        rows += [f"  besides killed: {', '.join(f'{count} {what}' for what, count in sorted(self.hits.items()))}"]
        rows += [f"  runs finished {self.runs}, lost 0, kept twice 0, started again {self.again} (all in flight)"]
        return "\n".join([*rows, f"  the last process was gone {self.slowest_end:.2f} s after its launcher"])


class Siege:
    """`kills` launchers are killed in `folder`; the runs between must end as the undisturbed one did."""

    def __init__(self, folder: Path, seed: int, wanted: Reference) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._wanted = wanted
        self._mark = f"siege-{os.getpid()}-{seed}"
        self.tally = Tally()

    def lay(self, plan: list[str], hits: int) -> Tally:
        """Kills at every moment of `plan`, in whatever runs that takes.

        A moment that did not come is waited for again, and so is one of MOMENTS that found no task in flight.
        """
        plan = sorted(plan, key=lambda moment: self._chance.random() + LATE.get(moment, 0.0))
        hitting = self._spread(hits, len(plan))
        while plan:
            project = Project(self._folder / f"run{self.tally.runs}", self._mark)
            plan, hitting = self._besiege(project, plan, hitting)
            self.tally.runs += 1
        return self.tally

    def _spread(self, hits: int, launches: int) -> list[str]:
        spread = [*self._chance.choices(("nursery", "template", "task"), k=hits), *[""] * max(0, launches - hits)]
        self._chance.shuffle(spread)
        return spread

    def _besiege(self, project: Project, plan: list[str], hitting: list[str]) -> tuple[list[str], list[str]]:
        """One run, to its end; the moments that are left."""
        left = list(plan)
        while True:
            moment = left[0] if left else ""
            launch = project.launch(self._omen(moment))
            if hitting and self._hit(project, launch, hitting[0]):
                hitting = hitting[1:]
            if moment == "anywhen":
                self._wait(project, launch, self._chance.randrange(1, 14))
                time.sleep(self._chance.random() * 0.05)
                launch.kill()
            out, err = launch.communicate(timeout=PATIENCE)
            if launch.returncode == 0:
                self._check(project, json.loads(out))
                return left, hitting
            assert launch.returncode == -signal.SIGKILL, f"exit {launch.returncode} at {moment}: {err}"
            struck = self._bury(project, moment)
            left = left[1:] if struck or moment not in MOMENTS else [*left[1:], moment]

    def _omen(self, moment: str) -> str:
        if moment in ("", "anywhen"):
            return ""
        return f"{moment}:{self._chance.randrange(1, REACH.get(moment, 1) + 1)}"

    def _wait(self, project: Project, launch: subprocess.Popen[str], lines: int) -> None:
        """Until this launch has written so many lines, or is over."""
        goal = project.begun + lines
        until(lambda: launch.poll() is not None or len(read(project.ledger)) >= goal, PATIENCE)

    def _hit(self, project: Project, launch: subprocess.Popen[str], what: str) -> bool:
        """Kills a process of the run that is not its launcher; False when there was none."""
        if not what:
            return True
        self._wait(project, launch, self._chance.randrange(1, 10))
        victims = members(launch.pid)[what]
        if not victims or launch.poll() is not None:
            return False
        victim = self._chance.choice(victims)
        project.note("hit", *(members(launch.pid)["template"] if what == "nursery" else [victim]))
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.tally.hits[what] += 1
        return True

    def _bury(self, project: Project, moment: str) -> bool:
        """The launcher has died: nothing of its run may be left, and no lock be held. Was a task in flight?"""
        died = time.monotonic()
        flying = in_flight(read(project.ledger))
        until(lambda: not marked(self._mark), PATIENCE, lambda: f"left after a kill at {moment}: {marked(self._mark)}")
        self.tally.slowest_end = max(self.tally.slowest_end, time.monotonic() - died)
        assert held_locks(project.folder) == []
        self.tally.kills[moment] += 1
        self.tally.flying[moment] += bool(flying)
        project.note("kill", moment)
        return bool(flying)

    def _check(self, project: Project, document: dict) -> None:
        lines = read(project.ledger)
        assert document["state"] == "succeeded"
        assert plain(document["outputs"]) == self._wanted.outputs
        found = complaints(lines, self._wanted.names)
        assert not found, "\n".join([*found, f"the ledger: {project.ledger}"])
        assert not marked(self._mark)
        assert held_locks(project.folder) == []
        assert scratch(project.folder) == []
        self.tally.again += parse(lines).again()


class Project:
    """A folder with the pipeline, and its ledger beside it."""

    def __init__(self, folder: Path, mark: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.ledger = folder / "ledger.txt"
        self.begun = 0
        self._mark = mark
        self._launches = 0
        for name in ("pipeline.yaml", "work.py"):
            copy(HERE / name, folder)
        (folder / "yamlflow.toml").write_text("max_workers = 8\n")

    def launch(self, omen: str = "") -> subprocess.Popen[str]:
        """The first time a run, then its resume."""
        started = (self.folder / ".yamlflow" / "state.db").exists()
        words = ["resume"] if started else ["run"]
        noise = ("YAMLFLOW_", "PYTEST_")
        kept = {name: value for name, value in os.environ.items() if name == START_METHOD or not name.startswith(noise)}
        more = {"PYTHONPATH": str(ROOT), "LEDGER": str(self.ledger), MARK: self._mark, VARIABLE: omen}
        self.begun = len(read(self.ledger))
        return subprocess.Popen(
            [sys.executable, "-m", "yamlflow", *words, "--json", "-q"],
            cwd=self.folder,
            env={**kept, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def note(self, *words: object) -> None:
        """A line of the test's own."""
        handle = os.open(self.ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, (" ".join(map(str, words)) + "\n").encode())
        os.close(handle)


@dataclass(frozen=True)
class Reference:
    """What an undisturbed run made, and which tasks it had."""

    outputs: object
    names: tuple[str, ...]


def undisturbed(folder: Path) -> Reference:
    project = Project(folder, f"undisturbed-{os.getpid()}")
    launch = project.launch()
    out, err = launch.communicate(timeout=PATIENCE)
    assert launch.returncode == 0, err
    made = names(read(project.ledger))
    assert set(made.values()) == {1}
    reference = Reference(plain(json.loads(out)["outputs"]), tuple(made))
    assert complaints(read(project.ledger), reference.names) == []
    return reference


def plain(value: object) -> object:
    """Outputs without the folder that they lie in."""
    match value:
        case dict():
            return {key: plain(part) for key, part in value.items() if key != "path"}
        case list():
            return [plain(part) for part in value]
        case _:
            return value


def members(launcher: int) -> dict[str, list[int]]:
    """The processes below a launcher, by what they are: nurseries, their templates, their tasks."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(path.name))
    nurseries = parents.get(launcher, [])
    templates = [pid for nursery in nurseries for pid in parents.get(nursery, [])]
    tasks = [pid for template in templates for pid in parents.get(template, [])]
    return {"nursery": nurseries, "template": templates, "task": tasks}
