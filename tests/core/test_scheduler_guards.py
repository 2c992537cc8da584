"""The edges of conditions: exactly full, exactly enough, too early, too late; tests/mutants turns each one round."""

from __future__ import annotations

import pytest

from tests.core.dialogue import OK, World, failed, graph, step
from yamlflow.core.commands import Cancel, SetTimer, Submit
from yamlflow.core.graph import Catch, Gpu, Loop, Policy, Resources, Retry, TaskId
from yamlflow.core.messages import (
    ArtifactLost,
    CancelRequested,
    ExecutorTraits,
    Failed,
    Machine,
    RunStarted,
    Started,
    Timer,
    TimerFired,
)
from yamlflow.core.pools import Ask, Pools
from yamlflow.core.scheduler import RUN, Scheduler

HOST = Machine(2.0, 1000, {"0": ("Tesla T4", 16), "1": ("NVIDIA A100", 40)})


def pools(machine=HOST, limits=None, max_workers=None, **traits) -> Pools:
    return Pools(machine, {"local": ExecutorTraits(**traits)}, limits or {}, max_workers)


def ask(cpu=0.0, memory=0, gpu=None, limit=None) -> Ask:
    return Ask("local", Resources(cpu, memory, gpu or Gpu()), limit)


def taken(stock: Pools, wanted: Ask) -> int:
    """How many such grants there are at once."""
    stock.new_pass()
    count = 0
    while count < 50 and stock.take(wanted) is not None:
        count += 1
    return count


# ------------------------------------------------------------------ pools


@pytest.mark.parametrize(
    ("wanted", "most"),
    [
        (ask(cpu=1.0), 2),
        (ask(cpu=2.0), 1),
        (ask(cpu=2.1), 0),
        (ask(cpu=2.0 / 3), 3),
        (ask(memory=500), 2),
        (ask(memory=1000), 1),
        (ask(memory=1001), 0),
        (ask(gpu=Gpu(1)), 2),
        (ask(gpu=Gpu(2)), 1),
        (ask(gpu=Gpu(3)), 0),
        (ask(gpu=Gpu(1, memory=16)), 2),
        (ask(gpu=Gpu(1, memory=17)), 1),
        (ask(gpu=Gpu(1, memory=40)), 1),
        (ask(gpu=Gpu(1, memory=41)), 0),
        (ask(gpu=Gpu(1, ("a100",))), 1),
        (ask(gpu=Gpu(1, ("a100", "t4"))), 2),
        (ask(gpu=Gpu(1, ("h200",))), 0),
        (ask(gpu=Gpu(1, ("t4",), memory=17)), 0),
    ],
)
def test_a_machine_gives_what_it_has_and_no_more_and_says_so_before(wanted, most):
    stock = pools()
    assert (stock.possible(wanted.resources) is None) == (most > 0)
    assert taken(stock, wanted) == most
    assert stock.breadth(wanted) == max(1, most)


def test_an_executor_and_a_limit_are_full_when_they_are_full():
    assert taken(pools(max_parallel=2), ask(cpu=0.1)) == 2
    assert taken(pools(limits={"db": 3}), ask(limit="db")) == 3
    assert taken(pools(max_workers=4), ask()) == 4
    assert pools(limits={"db": 3}).breadth(ask(limit="db")) == 3
    assert pools(max_parallel=2, limits={"db": 3}).breadth(ask(limit="db")) == 2
    assert pools().breadth(ask()) == 1


def test_where_there_is_no_machine_its_size_does_not_count():
    stock = pools(machine=Machine(1.0, 1), max_parallel=5)
    assert taken(stock, ask(cpu=1.0)) == 1
    stock = Pools(Machine(1.0, 1), {"local": ExecutorTraits(machine=False, max_parallel=5)})
    assert taken(stock, ask(cpu=64.0, memory=1 << 40)) == 5
    assert stock.breadth(ask(cpu=64.0)) == 5
    assert (stock.cpu, stock.memory, stock.running) == (0.0, 0, 5)


def test_what_comes_back_can_be_given_again_all_of_it():
    stock = pools(limits={"db": 1}, max_parallel=1, max_workers=1)
    wanted = ask(cpu=2.0, memory=1000, gpu=Gpu(2), limit="db")
    for _ in range(3):
        grant = stock.take(wanted)
        assert grant is not None and grant.gpus == ("0", "1")
        assert stock.take(wanted) is None
        stock.give_back(wanted, grant)
    assert (stock.cpu, stock.memory, stock.running, stock.busy) == (0.0, 0, 0, {})


def test_the_first_in_line_keeps_what_it_waits_for_until_the_next_pass():
    stock = pools()
    assert stock.take(ask(cpu=1.5)) is not None
    assert stock.take(ask(cpu=1.0)) is None
    assert stock.take(ask(cpu=0.5)) is None, "it would overtake"
    assert stock.take(ask(memory=1)) is not None, "the first does not lack memory"
    stock.new_pass()
    assert stock.take(ask(cpu=0.5)) is not None


# ------------------------------------------------------------------ the scheduler


def test_a_cancel_before_the_start_and_one_after_the_end_do_nothing():
    world = World(graph(step("a")))
    assert Scheduler(world.graph).handle(CancelRequested(0.0, "SIGINT")) == []
    world.tell(CancelRequested(0.0, "SIGINT"))
    assert world.run().ends == ["succeeded"]
    assert world.tell(CancelRequested(1.0, "SIGINT")) == []
    assert world.ends == ["succeeded"]


def test_the_deadline_of_the_run_is_not_about_its_hooks():
    nodes = (step("a"), step("bye", hook="on_exit"))
    world = World(graph(*nodes, hooks={"on_exit": ("bye",)}, deadline=60.0))
    world.held = {TaskId("bye", ())}
    world.begin()
    while world.inbox:
        world.tell(world.inbox.pop(0))
    assert world.tell(TimerFired(60.0, Timer("run_deadline", RUN))) == []
    world.report(TaskId("bye", ()), 1)
    assert world.finish().ends == ["succeeded"]


def test_a_timer_of_something_that_is_not_there_does_nothing():
    world = World(graph(step("a"), step("b", "a"))).begin()
    for kind in ("repeat", "deadline", "start_timeout", "retry"):
        assert world.tell(TimerFired(1.0, Timer(kind, TaskId("b", ()), 1))) == []
        assert world.tell(TimerFired(1.0, Timer(kind, TaskId("b", (7,)), 1))) == []
    assert world.finish().ends == ["succeeded"]


def test_a_run_without_hooks_starts_none():
    world = World(graph(step("a")), lambda *_: failed()).run()
    assert not [command for command in world.commands if type(command).__name__ == "StartHooks"]


def test_one_failed_step_of_a_hook_does_not_stop_the_others():
    nodes = (step("a"), step("x", hook="on_exit"), step("y", hook="on_exit"))
    bad_x = lambda task, _attempt: failed() if task.node == "x" else OK  # noqa: E731
    world = World(graph(*nodes, hooks={"on_exit": ("x", "y")}), bad_x, cpu=1.0).run()
    assert (world.ran("y"), world.ends) == ([()], ["failed"])


def test_a_cancelled_run_does_not_even_start_what_handles_failures():
    world = World(graph(step("a"), step("b", "needs:a", policy=Policy.ALL_DONE)))
    world.held = {TaskId("a", ())}
    world.begin()
    world.tell(CancelRequested(0.0, "SIGINT"))
    assert world.finish().ran("b") == []


def test_what_is_made_again_after_the_end_can_be_cancelled():
    world = World(graph(step("a"))).run()
    world.held = {TaskId("a", ())}
    world.tell(ArtifactLost(1.0, TaskId("a", ()), 1, RUN, "results"))
    assert world.flight == {TaskId("a", ()): 2}
    assert [command for command in world.tell(CancelRequested(2.0, "SIGINT")) if isinstance(command, Cancel)]


def test_all_slots_are_handed_out_at_once():
    world = World(graph(step("fan", loop=Loop(axes=()))), items={"fan": 9}, cpu=4.0)
    world.held = {TaskId("fan", (index,)) for index in range(9)}
    assert len(world.run().flight) == 4


def test_a_task_that_has_started_is_not_given_up_as_one_that_never_did():
    world = World(graph(step("a", start_timeout=3.0)))
    world.held = {TaskId("a", ())}
    world.begin()
    world.tell(Started(1.0, TaskId("a", ()), 1))
    world.finish()
    assert world.flight == {TaskId("a", ()): 1}


@pytest.mark.parametrize(("machine", "grown"), [(True, 300), (False, 800)])
def test_memory_grows_no_further_than_the_machine_where_there_is_one(machine, grown):
    retry = Retry(attempts=2, grow_memory=8.0)
    scheduler = Scheduler(graph(step("a", retry=retry, resources=Resources(memory=100))))
    traits = {"local": ExecutorTraits(machine=machine)}
    scheduler.handle(RunStarted(0.0, Machine(4.0, 300), traits))
    commands = scheduler.handle(Failed(1.0, TaskId("a", ()), 1, failed("oom")))
    for timer in [command.timer for command in commands if isinstance(command, SetTimer)]:
        commands += scheduler.handle(TimerFired(2.0, timer))
    assert [command.grant.memory for command in commands if isinstance(command, Submit)] == [grown]


def test_a_rescue_that_fails_has_failed_and_so_has_what_breaks_while_the_run_is_drained():
    world = World(graph(step("a", catch=Catch(callable="m:g"))), lambda *_: failed()).run()
    assert (world.state("a"), world.ends) == ("failed", ["failed"])
    world = World(graph(step("a")), lambda *_: failed())
    world.held = {TaskId("a", ())}
    world.begin()
    world.tell(CancelRequested(1.0, "SIGINT", drain=True))
    world.report(TaskId("a", ()), 1)
    assert world.finish().state("a") == "failed"


def test_a_rescue_waits_for_its_slot_when_a_failure_elsewhere_ends_the_tries():
    first = step("first", "needs:z", limit="one")
    risky = step("risky", catch=Catch(callable="m:g"), retry=Retry(attempts=3), limit="one")
    nodes = graph(first, risky, step("b"), step("z"), limits={"one": 1})
    world = World(nodes, lambda task, attempt: OK if task.node in "first z" or attempt == 2 else failed())
    world.held = {TaskId(name, ()) for name in ("first", "risky", "b")}
    world.begin()
    while world.inbox:
        world.tell(world.inbox.pop(0))
    for name in ("risky", "b"):
        world.report(TaskId(name, ()), 1)
    world.held = set()
    world.report(TaskId("first", ()), 1)
    assert [command.rescue for command in world.finish().commands if isinstance(command, Submit)][-1]
    assert (world.state("risky"), world.ends) == ("caught", ["failed"])


def test_an_item_under_way_when_its_loop_is_stopped_gets_no_further_try():
    loop = step("fan", loop=Loop((), fail_fast=True), retry=Retry(attempts=2))
    final = failed("error", final=True)
    world = World(
        graph(loop), lambda task, _n: final if task.path == (0,) else failed(), {"fan": 2}, start={"keep_going": True}
    )
    world.held = {TaskId("fan", (1,))}
    world.begin()
    while world.inbox:
        world.tell(world.inbox.pop(0))
    world.report(TaskId("fan", (1,)), 1)
    assert world.finish().runs == [(TaskId("fan", (0,)), 1), (TaskId("fan", (1,)), 1)]
    assert (world.state("fan", 1), world.ends) == ("failed", ["failed"])
