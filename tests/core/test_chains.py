"""Short items: several under one grant, each in a process of its own, one after another."""

from __future__ import annotations

import pytest

from yamlflow.core.commands import Cancel, Submit
from yamlflow.core.graph import Action, Axis, Gpu, Loop, PythonTarget, Resources, Retry, TaskId
from yamlflow.core.jobs import UNSTARTED, Outcome, Usage
from yamlflow.core.messages import CancelRequested, Lost, Started, Succeeded

from .dialogue import World, failed, graph, step

FORTY = {"many": 40}
QUICK = Outcome("succeeded", usage=Usage(0.001))
SLOW = Outcome("succeeded", usage=Usage(0.2))


class Slots(World):
    """A world where items of one grant are done one after another, and what is withdrawn has not begun."""

    def obey(self, command):
        if isinstance(command, Cancel) and not command.begun:
            for task, attempt in command.tasks:
                if not self.began(task):
                    self.take_back(task, attempt)
        else:
            super().obey(command)

    def began(self, task):
        return next(event for event in self.inbox if getattr(event, "task", None) == task) is self.inbox[0]

    def take_back(self, task, attempt):
        self.inbox = [event for event in self.inbox if getattr(event, "task", None) != task]
        self.runs.remove((task, attempt))
        self.inbox.append(Lost(self.now, task, attempt, UNSTARTED))


def many(**fields):
    more = fields.pop("loop", {})
    return step("many", loop=Loop((Axis(("x",), ("xs",)),), **more), **fields)


def world(node=None, outcomes=lambda _task, _attempt: QUICK, most=8, **fields):
    fields.setdefault("cpu", 1.0 if most > 8 else 2.0)
    return Slots(graph(node or many()), items=FORTY, chain=most, outcomes=outcomes, **fields)


def handed(world):
    """How many items went out with each grant."""
    return [len(command.tasks) for command in world.commands if isinstance(command, Submit)]


def first_events(world, number):
    """Tell the first so many things that have come."""
    for _ in range(number):
        world.tell(world.inbox.pop(0))
    return world


def test_short_items_go_out_together_as_soon_as_one_has_ended_and_singly_at_the_end():
    ran = world().run()
    assert handed(ran)[:4] == [1, 1, 8, 7]
    assert handed(ran)[-1] == 1
    assert sum(handed(ran)) == 40
    assert ran.ends == ["succeeded"]


def test_long_items_go_out_alone():
    assert handed(world(outcomes=lambda _task, _attempt: SLOW).run()) == [1] * 40


def test_what_counts_as_short_is_the_executors_to_say():
    assert handed(world(outcomes=lambda _task, _attempt: SLOW, short=2.0).run())[:3] == [1, 1, 8]


def test_the_longer_short_items_take_the_fewer_go_out_together():
    def rows(seconds):
        return max(
            handed(world(outcomes=lambda _task, _attempt: Outcome("succeeded", usage=Usage(seconds)), most=16).run())
        )

    assert [rows(seconds) for seconds in (0.001, 0.02, 0.03, 0.049, 0.05)] == [16, 16, 13, 8, 1]


def test_where_a_hand_over_costs_something_each_worker_gets_its_part_at_once():
    assert handed(world(overhead=0.3).run())[:6] == [1, 1, 8, 8, 8, 7]  # 8: as many as may go out together


def test_no_more_items_are_handed_over_than_are_worth_it():
    assert handed(world(overhead=0.003).run())[2:10] == [8, 7, 5, 4, 3, 3, 3, 2]


def test_as_many_items_go_out_together_as_the_file_says_where_the_executor_packs():
    packed = many(items_per_task=15)
    assert handed(world(packed, packs=True).run()) == [15, 15, 10]
    assert handed(world(packed, packs=True, outcomes=lambda _task, _attempt: SLOW).run()) == [15, 15, 10]
    assert handed(world(packed).run())[:3] == [1, 1, 8]
    assert handed(world(many(items_per_task=1), packs=True).run()) == [1] * 40


def test_the_last_item_that_ended_says_whether_they_are_short():
    slow_first = world(outcomes=lambda task, _attempt: SLOW if task.path[0] < 4 else QUICK, cpu=1.0).run()
    assert handed(slow_first)[:6] == [1, 1, 1, 1, 1, 8]


@pytest.mark.parametrize(
    "fields",
    [
        {"deadline": 5.0},
        {"start_timeout": 5.0},
        {"resources": Resources(gpu=Gpu(1))},
        {"action": Action(PythonTarget("m:f"), env={"X": "${{ each.x }}"})},
    ],
    ids=["deadline", "start_timeout", "gpu", "variables of its own"],
)
def test_an_item_goes_out_alone_whose_time_counts_from_its_submission_or_that_needs_a_process_made_for_it(fields):
    ran = world(many(**fields))
    ran.begin()
    while ran.inbox:
        ran.tell(ran.inbox.pop(0))
    assert set(handed(ran)) <= {1}


def test_an_executor_that_cannot_start_one_after_another_is_given_one_at_a_time():
    alone = Slots(graph(many()), items=FORTY, outcomes=lambda _task, _attempt: QUICK).run()
    assert handed(alone) == [1] * 40


def test_items_of_one_grant_hold_one_slot_and_count_as_one_for_max_parallel_a_limit_and_workers():
    loop = first_events(world(many(loop={"max_parallel": 1}), cpu=4.0).begin(), 3)
    limited = World(
        graph(many(limit="api"), limits={"api": 1}), items=FORTY, chain=8, outcomes=lambda _t, _a: QUICK, cpu=4.0
    )
    worker = world(cpu=4.0, start={"max_workers": 1}).begin()
    for ran in (loop, first_events(limited.begin(), 3), first_events(worker, 3)):
        assert handed(ran) == [1, 8]
        first_events(ran, 14)
        assert handed(ran) == [1, 8]
        first_events(ran, 2)
        assert handed(ran) == [1, 8, 8]


def test_an_item_of_a_chain_is_submitted_until_it_is_said_to_have_started():
    ran = first_events(world(cpu=1.0).begin(), 3)
    assert [type(event) for event in ran.inbox[:3]] == [Started, Succeeded, Started]
    assert not [command for command in ran.tell(ran.inbox.pop(0)) if isinstance(command, Submit)]


def test_after_a_failure_what_was_handed_over_and_has_not_begun_is_withdrawn_and_ends_as_cancelled():
    broken = world(outcomes=lambda task, _attempt: failed() if task.path == (5,) else QUICK, cpu=2.0).run()
    assert broken.ends == ["failed"]
    withdrawn = [command for command in broken.commands if isinstance(command, Cancel)]
    assert withdrawn
    assert not any(command.begun for command in withdrawn)
    assert max(broken.ran("many")) < (11,)
    assert {broken.state("many", number) for number in range(20, 40)} == {"cancelled"}
    assert not broken.flight.keys() - {task for task, _ in broken.runs}


def test_what_a_loop_that_fails_fast_gave_back_ends_as_cancelled_while_the_run_keeps_going():
    node = many(loop={"fail_fast": True})
    broken = world(node, lambda task, _: failed() if task.path == (5,) else QUICK, start={"keep_going": True}).run()
    assert max(broken.ran("many")) < (11,)
    assert {broken.state("many", number) for number in range(20, 40)} == {"cancelled"}


def test_what_a_failure_gave_back_goes_out_again_with_the_same_number_and_uses_up_no_try():
    def fate(task, attempt):
        return failed() if task.path == (3,) and attempt == 1 else QUICK

    ran = world(many(retry=Retry(attempts=2, infra=0)), fate, cpu=1.0).begin()
    first_events(ran, 1 + 2 + 5)  # the first alone; of the next eight the third fails
    ran.tell(ran.inbox.pop(0))
    for task, attempt in [(event.task, event.attempt) for event in ran.inbox if isinstance(event, Started)]:
        ran.take_back(task, attempt)
        ran.flight.pop(task)
    ran.finish()
    assert ran.ends == ["succeeded"]
    assert sorted(ran.runs) == sorted([*((TaskId("many", (n,)), 1) for n in range(40)), (TaskId("many", (3,)), 2)])


def test_after_a_failure_items_go_out_alone_until_one_has_ended_well():
    ran = world(many(loop={"fail_fast": False}), lambda task, _: failed() if task.path[0] < 3 else QUICK, cpu=1.0).run()
    assert handed(ran)[:5] == [1, 1, 1, 1, 8]


def test_an_attempt_that_was_asked_to_stop_and_never_began_is_cancelled():
    ran = first_events(world(cpu=1.0).begin(), 3)
    ran.tell(CancelRequested(0.0, "SIGINT"))
    ran.inbox = [Lost(0.0, task, 1, UNSTARTED) for task in list(ran.flight)]
    ran.finish()
    assert ran.ends == ["cancelled"]
    assert {ran.state("many", number) for number in range(1, 40)} == {"cancelled"}


def test_to_drain_is_to_begin_nothing_of_what_was_handed_over():
    ran = first_events(world(cpu=1.0).begin(), 4)
    ran.tell(CancelRequested(0.0, "SIGINT", drain=True))
    ran.finish()
    assert ran.ends == ["cancelled"]
    assert ran.ran("many") == [(0,), (1,)]
