"""A shared step: many items under one grant, done one after another."""

from __future__ import annotations

from yamlflow.core.commands import Cancel, Submit
from yamlflow.core.graph import Axis, Loop, Retry, TaskId
from yamlflow.core.jobs import Failure
from yamlflow.core.messages import ExecutorTraits

from .dialogue import OK, World, failed, graph, step

FORTY = {"many": 40}


def shared(**fields):
    more = fields.pop("loop", {})
    return graph(step("many", loop=Loop((Axis(("x",), ("xs",)),), **more), isolation="shared", **fields))


def handed(world):
    """How many items went out with each grant."""
    return [len(command.tasks) for command in world.commands if isinstance(command, Submit)]


def test_items_go_out_together_in_ever_smaller_numbers_so_that_all_workers_end_at_about_one_time():
    world = World(shared(), items=FORTY, cpu=2.0, depth=100).run()
    assert handed(world)[:4] == [10, 7, 5, 4]
    assert handed(world)[-1] == 1
    assert sum(handed(world)) == 40
    assert world.ends == ["succeeded"]


def test_no_more_go_out_together_than_the_executor_can_take():
    world = World(shared(), items=FORTY, cpu=1.0, depth=6).run()
    assert max(handed(world)) == 6


def test_a_step_that_does_not_share_and_an_executor_that_cannot_hand_out_one_by_one():
    alone = graph(step("many", loop=Loop((Axis(("x",), ("xs",)),))))
    assert handed(World(alone, items=FORTY, depth=100).run()) == [1] * 40
    assert handed(World(shared(), items=FORTY, depth=1).run()) == [1] * 40


def test_items_of_one_grant_hold_one_slot_until_the_last_of_them_has_ended():
    world = World(shared(), items=FORTY, cpu=1.0, depth=100)
    world.begin()
    world.tell(world.inbox.pop(0))
    assert handed(world) == [20]
    for event in list(world.inbox[:-1]):
        world.tell(event)
        assert handed(world) == [20]
    world.inbox = world.inbox[-1:]
    assert handed(world.finish()) == [20, 10, 5, 2, 1, 1, 1]


def test_max_parallel_and_a_limit_count_processes_not_items():
    loop = World(shared(loop={"max_parallel": 1}), items=FORTY, depth=100)
    loop.begin()
    loop.tell(loop.inbox.pop(0))
    assert handed(loop) == [20]
    limited = World(
        graph(
            step("many", loop=Loop((Axis(("x",), ("xs",)),)), isolation="shared", limit="api"),
            limits={"api": 1},
        ),
        items=FORTY,
        depth=100,
    )
    limited.begin()
    limited.tell(limited.inbox.pop(0))
    assert handed(limited) == [20]


def test_a_worker_limit_and_memory_bound_how_many_share_the_items():
    many = World(shared(), items=FORTY, cpu=8.0, depth=100, start={"max_workers": 2}).run()
    assert handed(many)[0] == 10
    assert handed(World(shared(), items=FORTY, cpu=8.0, depth=100).run())[0] == 2


def test_an_item_that_failed_is_tried_again_while_the_others_go_on_and_only_with_items_at_the_same_try():
    tries = World(
        shared(retry=Retry(attempts=3)),
        items=FORTY,
        cpu=2.0,
        depth=100,
        outcomes=lambda task, attempt: failed() if task.path[0] % 5 == 0 and attempt < 3 else OK,
    ).run()
    assert tries.ends == ["succeeded"]
    assert len(tries.runs) == 40 + 8 + 8
    for command in tries.commands:
        if isinstance(command, Submit) and command.attempt > 1:
            assert all(task.path[0] % 5 == 0 for task in command.tasks)


def test_a_lost_worker_costs_the_items_it_had_begun_and_no_slot():
    lost = World(
        shared(),
        items=FORTY,
        cpu=1.0,
        depth=100,
        outcomes=lambda task, attempt: failed("lost") if attempt == 1 and task.path[0] < 3 else OK,
    ).run()
    assert lost.ends == ["succeeded"]
    assert len(lost.runs) == 43


def test_after_a_failure_items_that_have_not_gone_out_do_not_and_those_that_have_finish():
    broken = World(
        shared(),
        items=FORTY,
        cpu=1.0,
        depth=100,
        outcomes=lambda task, attempt: failed() if task.path == (0,) else OK,
    ).run()
    assert broken.ends == ["failed"]
    assert len(broken.runs) == 20


def test_a_deadline_is_that_of_each_item():
    late = World(shared(deadline=5.0), items={"many": 4}, cpu=1.0, depth=100)
    late.begin()
    late.tell(late.inbox.pop(0))
    late.inbox.clear()
    late.finish()
    cancelled = [task for command in late.commands if isinstance(command, Cancel) for task, _ in command.tasks]
    assert handed(late)[0] == 2
    assert sorted(cancelled) == [TaskId("many", (0,)), TaskId("many", (1,))]


def test_traits_say_how_many_by_default_one():
    assert ExecutorTraits().depth == 1
    assert isinstance(failed().failure, Failure)
