"""One seed from start to done: launches that die and are resumed, and what must hold in the end."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation.coverage import favourite
from tests.simulation.launcher import (
    Checks,
    Doom,
    Hand,
    KilledError,
    Ledger,
    MortalState,
    WaitingInbox,
    point_of,
)
from tests.simulation.naive import Naive
from tests.simulation.options import SHARED, Crash, Edit, Options, expand, planned
from tests.simulation.plans import mix
from tests.simulation.watching import Watched
from tests.simulation.world import CPU, World
from yamlflow.core.commands import Command
from yamlflow.core.errors import StateError, TemporaryError
from yamlflow.core.graph import Graph
from yamlflow.core.messages import Machine, State
from yamlflow.core.progress import RunView
from yamlflow.core.values import references
from yamlflow.engine.attempts.codes import Codes
from yamlflow.engine.attempts.contents import Contents
from yamlflow.engine.crew import traits_of
from yamlflow.engine.inbox import Stop
from yamlflow.engine.run import Makers, RunResult, execute
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.engine.runs.history import view_of
from yamlflow.engine.runs.opening import Run, RunOptions, open_run, reopen_run
from yamlflow.store.database import connect
from yamlflow.store.state import RunRecord
from yamlflow.store.state import State as Database

MACHINE = Machine(CPU, 1 << 34)
PATIENCE = 400
"""Turns within which a run must end once nothing goes wrong any more; each hears or does something."""


@dataclass
class Counts:
    """What happened in many seeds."""

    seeds: int = 0
    sizes: Counter[int] = field(default_factory=Counter)  # seeds by the number of their tasks
    launches: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    ghosts: int = 0
    most_quiet: int = 0


class Simulation:
    """One seed."""

    def __init__(self, seed: int, folder: Path, connection: sqlite3.Connection, counts: Counts) -> None:
        self.options: Options = expand(seed)
        self.plan = self.options.plan
        self.level = self.plan.level
        self.counts = counts
        self.folder = StateFolder(folder / (f"seed{seed}" if self.options.disk else "memory"))
        self.connection = connection
        self.world = World(self.options, self.folder.store, counts.happened)
        self.ledger = Ledger(self.world.made.keys())
        self.checks = Checks(self.graph, self.plan.limit)
        self.order = random.Random(mix("launches", seed))
        self.run_id = ""
        self.launches = 0
        self.scheduler: Watched
        self.view: RunView

    @property
    def naive(self) -> Naive:
        return planned(self.options.seed // SHARED, loose=self.options.loose).naive(self.level)

    @property
    def graph(self) -> Graph:
        return planned(self.options.seed // SHARED, loose=self.options.loose).graph(self.level)

    def go(self) -> None:
        """Until the run has ended by itself; where its file was not edited on the way, it is now, and on it goes."""
        self.counts.sizes[len(self.naive.attempts)] += 1
        crashes = list(self.options.crashes)
        result = self.go_on(crashes)
        if self.options.edit is not None and self.level != self.options.edit.level:
            self.edit(self.options.edit)
            result = self.go_on(crashes)
        if self.options.seed % 8 == 0:
            self.check_resume_of_the_end(result)
        self.counts.most_quiet = max(self.counts.most_quiet, self.world.most_quiet)
        if not self.options.disk:
            Database(self.connection, Path(":memory:")).remove_run(self.run_id)

    def go_on(self, crashes: list[Crash]) -> RunResult:
        """Launch, and launch again, until there is an end; it must be the right one."""
        for _ in range(len(self.options.crashes) + len(self.options.faults) + 3):
            edit = self.options.edit
            if edit is not None and self.launches == edit.launch:
                self.edit(edit)
            result = self.launch(crashes.pop(0) if crashes else None)
            if result is not None and result.state in ("succeeded", "failed"):
                self.check_end(result)
                return result
        raise AssertionError("resumed again and again, and never done")

    def edit(self, edit: Edit) -> None:
        """Somebody changes the file between two launches."""
        self.level = edit.level
        self.counts.happened["edit"] += 1

    def launch(self, crash: Crash | None) -> RunResult | None:
        """One launcher's life; None when it was not told how the run ended."""
        self.launches += 1
        self.counts.launches += 1
        doom = Doom(crash, self.counts.happened)
        self.world.begin()
        run = self.open(doom)
        inbox = run.inbox = WaitingInbox(self.world, doom, self.check_turn)
        hand = Hand(self.world, doom, inbox, self.ledger, self.checks)
        self.world.stop = lambda kind: self.stop(run, kind)
        self.view = run.view

        def meet(what: Command | str) -> None:
            doom.meet(what if isinstance(what, str) else point_of(what))

        wanted = favourite(self.options.seed, loose=self.options.loose)

        def scheduler(graph: Graph) -> Watched:
            self.scheduler = Watched(graph, self.counts.met, meet, self.order, self.options.ghosts, wanted)
            return self.scheduler

        try:
            doom.meet("launch")
            traits = traits_of(self.world, {})  # type: ignore[arg-type]
            crew: Any = {"local": (self.world, traits)}
            return execute(run, crew, MACHINE, self.check_told, Makers(scheduler, lambda *_: hand))  # type: ignore[arg-type]
        except (KilledError, StateError, TemporaryError):
            return None
        finally:
            self.counts.ghosts += self.scheduler.heard_ghosts if hasattr(self, "scheduler") else 0
            run.close()

    def open(self, doom: Doom) -> Run:
        options = RunOptions(keep_going=self.options.keep_going, max_workers=self.options.max_workers)
        if self.options.disk:
            file = str(self.folder.path.parent / "p.yaml")
            if self.run_id:
                run = reopen_run(self.graph, self.folder, self.run_id, options)
            else:
                run = open_run(self.graph, self.folder, options, file=file)
            run.state.close()
            path = self.folder.path / "state.db"
            run.state = MortalState(connect(path, "rw"), path, self.world, self.ledger, doom)
            run.clock = self.world.clock
            self.run_id = run.id
            run.codes = codes_of(self.graph)
            return run
        state = MortalState(self.connection, Path(":memory:"), self.world, self.ledger, doom)
        if not self.run_id:
            self.run_id = f"sim-{self.options.seed}"
            state.create_run(RunRecord(self.run_id, "p", "p.yaml", "running", 1.8e9, body={}))
        found = state.find_run(self.run_id)
        run = Run(self.graph, self.folder, state, found, options, [], self.world.clock, codes_of(self.graph))
        run.heard = state.newest_request(self.run_id)
        return run

    def stop(self, run: Run, kind: str) -> None:
        """Somebody wants the run to end."""
        match kind:
            case "request":
                run.state.request(run.id, "cancel", self.world.now, {"reason": "simulated"})
            case "twice":
                self.world.later(0.1, self._stopping(run, Stop("simulated")))
                self.world.later(0.5, self._stopping(run, Stop("simulated")))
            case _:
                stop = Stop("simulated", drain=kind == "drain", force=kind == "force")
                self.world.later(0.1, self._stopping(run, stop))

    def _stopping(self, run: Run, stop: Stop) -> Any:
        def said() -> Any:
            run.inbox.put(stop)
            return iter(())

        return said

    # --- what must hold

    def check_turn(self) -> None:
        self.scheduler.check_books()
        assert self.world.quiet < PATIENCE, "nothing goes wrong any more, and the run does not end"

    def check_told(self, _view: RunView, _events: Any) -> None:
        pass

    def check_end(self, result: RunResult) -> None:
        self.scheduler.check_over()
        assert not self.world.believed
        assert self.ledger.state == result.state
        again = RunView(result.view.outline)
        for event in self.ledger.launches[-1]:
            again.fold(event)
        same_views(again, result.view)
        if self.options.disk:
            self.check_disk(result)
        if not self.options.loose:
            self.check_values(result)

    def check_disk(self, result: RunResult) -> None:
        with self.folder.look() as state:
            record = state.find_run(self.run_id)
            assert record.state == result.state
            same_views(view_of(state, record), result.view)

    def check_values(self, result: RunResult) -> None:
        naive = self.naive
        hooks = {name for name, node in self.graph.nodes.items() if node.hook}
        states = {task: state.value for task, state in self.ledger.states.items()}
        made = self.ledger.done.items()
        values = {task: value for task, value in made if value is not None and task.node not in hooks}
        if self.options.edit is not None:  # what was made of the file before may be left over
            values = {task: value for task, value in values.items() if task in naive.values}
        assert values == naive.values
        assert {place: states.get(place) for place in naive.states} == naive.states  # type: ignore[call-overload]
        assert result.state == naive.outcome
        assert self.options.edit is not None or not {task for task in self.ledger.rerun if task.node not in hooks}

    def check_resume_of_the_end(self, result: RunResult) -> None:
        """Nothing that was made is made again, and the end is the same."""
        made = set(self.ledger.states.values())
        stored = {ref.digest for value in self.ledger.done.values() for ref in references(value)}
        missing = stored - self.world.made.keys()
        self.world.calm()
        ended = self.launch(None)
        assert ended is not None
        assert ended.state == result.state or (self.options.loose and result.state != "succeeded")
        if not missing and result.state == "succeeded" and not made & {State.FAILED, State.CANCELLED}:
            again = {task for task, _ in self.ledger.submitted if not self.graph.nodes[task.node].hook}
            assert not again, f"a resume of a finished run submitted {again}"


_codes: dict[str, Codes] = {}


def codes_of(graph: Graph) -> Codes:
    """The code of all tasks is the same, and reading it again for each launch takes longer than all else."""
    if graph.name not in _codes:
        _codes.clear()
        _codes[graph.name] = Codes(graph, Contents())
    return _codes[graph.name]


def same_views(one: RunView, other: RunView) -> None:
    for name in ("state", "started", "ended", "steps", "running", "failures", "down", "cancelled"):
        assert getattr(one, name) == getattr(other, name), f"the record says otherwise: {name}"


def simulate(seed: int, folder: Path, connection: sqlite3.Connection, counts: Counts) -> None:
    """Run a seed; an AssertionError says what does not hold."""
    simulation = Simulation(seed, folder, connection, counts)
    counts.seeds += 1
    simulation.go()
