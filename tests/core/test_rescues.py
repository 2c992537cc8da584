"""`catch.run`: one try of its own, and as many more as infrastructure takes away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.core.dialogue import OK, World, failed, graph, step
from yamlflow.core.commands import SetTimer, Submit
from yamlflow.core.graph import Catch, Node, Retry, TaskId
from yamlflow.core.jobs import Outcome
from yamlflow.core.messages import CancelRequested

RISKY = TaskId("risky", ())


def risky(**fields: object) -> Node:
    return step("risky", catch=Catch(callable="m:g"), **fields)


def going(*outcomes: Outcome) -> Callable[[TaskId, int], Outcome]:
    """How the attempts of `risky` go, one after the other; other tasks are fine."""
    return lambda task, attempt: outcomes[attempt - 1] if task == RISKY else OK


def rescues(world: World) -> list[bool]:
    return [command.rescue for command in world.commands if isinstance(command, Submit) and RISKY in command.tasks]


def test_a_rescue_that_infrastructure_loses_is_tried_again() -> None:
    world = World(graph(risky()), going(failed(), failed("lost"), failed("spot"), OK)).run()
    assert rescues(world) == [False, True, True, True]
    assert (world.state("risky"), world.ends) == ("caught", ["succeeded"])
    assert [command.delay for command in world.commands if isinstance(command, SetTimer)] == [1.0]


@pytest.mark.parametrize("infra", [0, 2])
def test_a_rescue_has_a_budget_of_losses_of_its_own(infra: int) -> None:
    world = World(graph(risky(retry=Retry(infra=infra))), lambda *_: failed("lost")).run()
    assert rescues(world) == [False] * (1 + infra) + [True] * (1 + infra)
    assert (world.state("risky"), world.ends) == ("failed", ["failed"])


def test_a_rescue_has_one_try_whatever_the_step_has_left() -> None:
    final = failed("error", final=True)
    world = World(graph(risky(retry=Retry(attempts=5))), going(final, failed("error"))).run()
    assert rescues(world) == [False, True]
    assert world.state("risky") == "failed"


def test_a_lost_rescue_is_tried_again_though_the_run_has_failed_elsewhere() -> None:
    broken = going(failed(), failed("lost"), failed("lost"), OK)
    world = World(graph(risky(), step("b")), lambda task, n: failed() if task.node == "b" else broken(task, n))
    world.held = {RISKY}
    world.begin()
    while world.inbox:
        world.tell(world.inbox.pop(0))
    for attempt in (1, 2, 3, 4):
        world.report(RISKY, attempt)
        world.finish()
    assert (world.state("risky"), world.ends) == ("caught", ["failed"])


def test_a_lost_rescue_that_waits_is_tried_at_once_when_the_run_fails_elsewhere() -> None:
    world = World(graph(risky(), step("b")), going(failed(), failed("lost"), failed("lost"), OK))
    world.held = {TaskId("b", ())}
    world.begin()
    while world.inbox:
        world.tell(world.inbox.pop(0))
    assert rescues(world) == [False, True, True]
    world.outcomes = lambda task, _attempt: failed() if task.node == "b" else OK
    world.report(TaskId("b", ()), 1)
    while world.inbox:
        world.tell(world.inbox.pop(0))
    assert rescues(world) == [False, True, True, True]
    assert world.finish().state("risky") == "caught"


def test_a_lost_rescue_that_waits_is_cancelled_with_the_run() -> None:
    world = World(graph(risky()), going(failed(), failed("lost"), failed("lost"))).begin()
    while world.inbox:
        world.tell(world.inbox.pop(0))
    world.tell(CancelRequested(1.0, "SIGINT"))
    assert (world.finish().state("risky"), world.ends) == ("cancelled", ["cancelled"])
    assert rescues(world) == [False, True, True]
