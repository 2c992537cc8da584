"""Random pipelines through loader, compiler, scheduler and engine, against a naive evaluator.

Reports come in random order, some twice. Seeds count from 0; `YAMLFLOW_SEEDS=FROM-TO`
runs others. A failing seed is printed with its pipeline.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.simulation.files import to_yaml
from tests.simulation.naive import Naive, Place
from tests.simulation.plans import Plan, Step, make
from tests.simulation.shuffling import KilledError, MortalState, ShufflingExecutor
from yamlflow.core.graph import Graph
from yamlflow.core.messages import Event, ExecutorTraits, Machine, Marked, Restored, RunEnded, Submitted, Succeeded
from yamlflow.engine.run import RunResult, execute
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.engine.runs.opening import Run, RunOptions, open_run, reopen_run
from yamlflow.schema.diagnostics import Severity
from yamlflow.schema.loader import load_text

FIRST, LAST = (int(part) for part in os.environ.get("YAMLFLOW_SEEDS", "0-3000").split("-"))
CHUNK = 100
QUICK = 100  # seeds that the quick tests run, too
TERMINAL = {"succeeded", "caught", "skipped", "failed", "upstream_failed", "cancelled"}


class Ledger:
    """What a run said about each place."""

    def __init__(self) -> None:
        self.states: dict[Place, str] = {}
        self.values: dict[Place, object] = {}
        self.starts: dict[Place, int] = {}
        self.restored: set[Place] = set()
        self.twice: list[Place] = []  # a listener that raises is dropped, so this is looked at later
        self.ends: list[str] = []

    def note(self, _view: object, events: list[Event]) -> None:
        for event in events:
            match event:
                case Succeeded(task=task, outcome=outcome):
                    self.states[tuple(task)] = "skipped" if outcome.state == "skipped" else "succeeded"
                    if outcome.state == "succeeded":
                        self.values[tuple(task)] = outcome.value
                case Marked(task=task, state=state):
                    self.mark(tuple(task), state.value)
                case Restored(task=task, end=end):
                    self.states[tuple(task)] = end.value
                    self.restored.add(tuple(task))
                case Submitted(task=task):
                    self.starts[tuple(task)] = self.starts.get(tuple(task), 0) + 1
                case RunEnded(state=state):
                    self.ends.append(state)
                case _:
                    pass

    def made(self) -> dict[Place, object]:
        """Values but for rescues: with no retry after a failure elsewhere, a rescue may come earlier."""
        return {place: value for place, value in self.values.items() if self.states.get(place) != "caught"}

    def mark(self, place: Place, state: str) -> None:
        before = self.states.get(place)
        rescued = before == "succeeded" and state == "caught"
        if before in TERMINAL - {state} and not rescued:
            self.twice.append(place)
        self.states[place] = state


def plans(first: int, *, hasty: bool = False) -> Iterator[tuple[Plan, Naive]]:
    """The valid plans of 5 to 60 tasks among CHUNK seeds, with what they must come to."""
    for seed in range(first, min(first + CHUNK, LAST)):
        plan = make(seed, hasty=hasty)
        naive = Naive(plan).run()
        if 5 <= len(naive.attempts) <= 60 and valid(plan):
            yield plan, naive


def valid(plan: Plan) -> bool:
    """The validator's only objection to a random plan is a value that may be missing."""
    wrong = {one.code for one in load_text(to_yaml(plan)).diagnostics if one.severity is Severity.ERROR}
    assert wrong <= {"may-be-skipped"}, (plan.seed, wrong)
    return not wrong


def compiled(plan: Plan) -> Graph:
    loaded = load_text(to_yaml(plan))
    assert loaded.graph is not None, [(one.code, one.message, one.span.line) for one in loaded.diagnostics]
    return loaded.graph


def narrow(steps: tuple[Step, ...], parent: str = "") -> Iterator[str]:
    for step in steps:
        if step.limit:
            yield parent + step.name
        yield from narrow(step.children, f"{parent}{step.name}.")


def go(
    plan: Plan, run: Run, ledger: Ledger, lives: int | None = None, submits: int | None = None, salt: int = 0
) -> RunResult:
    executor = ShufflingExecutor(plan.seed, random.Random(plan.seed * 31 + salt), lives, submits)
    executor.watch(frozenset(narrow(plan.steps)))
    try:
        result = execute(run, {"local": (executor, ExecutorTraits())}, Machine(4.0, 1 << 34), ledger.note)
    finally:
        run.close()
        assert executor.most <= 4
        assert executor.most_narrow <= plan.limit
    assert ledger.ends == [result.state]
    assert not ledger.twice, to_yaml(plan, shuffle=False)
    return result


def handles_failures(step: Step) -> bool:
    return step.policy != "all_success" or any(map(handles_failures, step.children))


def chunks(stride: int = 1) -> list[ParameterSet]:
    """The first seeds for every run, the others for the long one; with `stride`, some of them only."""
    starts = range(FIRST, LAST, CHUNK * stride)
    return [pytest.param(start, marks=[pytest.mark.slow] if start >= QUICK else []) for start in starts]


def opened(plan: Plan, folder: Path, **options: bool) -> Run:
    return open_run(
        compiled(plan), StateFolder(folder / ".yamlflow"), RunOptions(**options), file=str(folder / "p.yaml")
    )


@pytest.mark.parametrize("start", chunks())
def test_random_pipelines_end_in_the_states_and_values_of_a_naive_evaluation(start: int, tmp_path: Path) -> None:
    count = 0
    for plan, naive in plans(start):
        count += 1
        ledger = Ledger()
        result = go(plan, opened(plan, tmp_path, keep_going=True), ledger)
        assert ledger.values == naive.values, to_yaml(plan, shuffle=False)
        assert {place: ledger.states.get(place) for place in naive.states} == naive.states, to_yaml(plan, shuffle=False)
        assert result.state == naive.outcome
        assert ledger.starts == naive.attempts
    assert count >= CHUNK * 2 // 3 or LAST - start < CHUNK, "so that the long run has at least 2,000 pipelines"


@pytest.mark.parametrize("start", chunks(4))
def test_without_keep_going_a_pipeline_does_no_more_and_nothing_else(start: int, tmp_path: Path) -> None:
    for plan, naive in plans(start):
        ledger = Ledger()
        result = go(plan, opened(plan, tmp_path), ledger)
        assert result.state == naive.outcome
        if not any(handles_failures(step) for step in plan.steps):  # what such steps see depends on when things stop
            assert ledger.made().items() <= naive.values.items(), to_yaml(plan, shuffle=False)
        if "failed" not in naive.states.values():
            assert ledger.values == naive.values


def varies(plan: Plan) -> bool:
    """Some step makes a value of what others failed to do: how far they got shows in values."""
    return any(handles_failures(step) or tolerates(step) for step in plan.steps)


def tolerates(step: Step) -> bool:
    gaps = step.loop is not None and step.loop.min_success < 100
    return gaps or any(map(tolerates, step.children))


@pytest.mark.parametrize("start", chunks(4))
def test_loops_that_fail_fast_do_no_more_and_the_run_ends_the_same(start: int, tmp_path: Path) -> None:
    cancelled = 0
    for plan, naive in plans(start, hasty=True):
        ledger = Ledger()
        result = go(plan, opened(plan, tmp_path, keep_going=plan.seed % 4 > 0), ledger)
        assert result.state == naive.outcome, to_yaml(plan, shuffle=False)
        assert all(ledger.states.get((step.name, ())) in TERMINAL for step in plan.steps), to_yaml(plan, shuffle=False)
        if not varies(plan):
            assert ledger.made().items() <= naive.values.items(), to_yaml(plan, shuffle=False)
        if "failed" not in naive.states.values():
            assert ledger.values == naive.values, to_yaml(plan, shuffle=False)
        cancelled += plan.seed % 4 > 0 and "cancelled" in ledger.states.values()
    assert cancelled or LAST - start < CHUNK, "so that some loop has stopped early"


@pytest.mark.parametrize("moment", ["end", "submit", "commit"])
@pytest.mark.parametrize("start", chunks(3))
def test_killed_anywhere_a_pipeline_resumes_without_redoing_successes(start: int, moment: str, tmp_path: Path) -> None:
    deaths = 0
    for plan, naive in plans(start):
        graph, folder = compiled(plan), StateFolder(tmp_path / ".yamlflow")
        run, first, second = opened(plan, tmp_path, keep_going=True), Ledger(), Ledger()
        name = run.id
        if not dies(plan, run, first, moment, random.Random(plan.seed).randrange(len(naive.attempts) + 1)):
            continue
        deaths += 1
        result = go(plan, reopen_run(graph, folder, name, RunOptions(keep_going=True)), second, salt=1)
        assert not set(first.values) & set(second.starts), to_yaml(plan, shuffle=False)
        assert {**first.values, **second.values} == naive.values, to_yaml(plan, shuffle=False)
        assert {place: second.states.get(place) for place in naive.states} == naive.states
        assert result.state == naive.outcome
    assert deaths >= CHUNK // 4 or LAST - start < CHUNK


def dies(plan: Plan, run: Run, first: Ledger, moment: str, count: int) -> bool:
    """Run a launch that is killed at the moment; whether it was. `first` gets what is durable by then."""
    run.state.close()
    run.state = MortalState(run.folder.path / "state.db", first.note, count if moment == "commit" else None)
    heard = Ledger()
    try:
        go(
            plan,
            run,
            heard,
            lives=count if moment == "end" else None,
            submits=count if moment == "submit" else None,
        )
    except KilledError:
        assert moment == "commit"
    except RuntimeError as error:
        assert isinstance(error.__cause__, KilledError)  # noqa: PT017 - the death is part of the story
    else:
        return False
    assert heard.values.items() <= first.values.items(), "what was shown is durable"
    assert moment == "commit" or not first.ends
    return True
