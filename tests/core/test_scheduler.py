"""The scheduler's stories: what it does about each thing that can happen."""

from __future__ import annotations

import pytest

from tests.core.dialogue import OK, SKIP, World, failed, graph, step
from yamlflow.core.commands import Evaluate, LookUp, SetTimer, Submit
from yamlflow.core.graph import Cache, Catch, Gpu, Loop, Policy, Repeat, Resources, Retry, TaskId
from yamlflow.core.jobs import Failure
from yamlflow.core.messages import (
    CancelRequested,
    ExecutorTraits,
    Lost,
    Machine,
    Replaced,
    RunStarted,
    State,
    Succeeded,
)

LOOP = Loop(axes=())


def failing(*nodes: str, reason: str = "error"):
    return lambda task, _attempt: failed(reason) if task.node in nodes else OK


def test_steps_run_in_the_order_of_their_edges() -> None:
    world = World(graph(step("c", "b"), step("b", "a"), step("a"))).run()
    assert [task.node for task, _ in world.runs] == ["a", "b", "c"]
    assert world.ends == ["succeeded"]


def test_an_empty_pipeline_ends_at_once() -> None:
    assert World(graph()).run().ends == ["succeeded"]


def test_branches_run_side_by_side() -> None:
    world = World(graph(step("a"), step("b"))).begin()
    assert set(world.flight) == {TaskId("a", ()), TaskId("b", ())}


def test_a_foreach_runs_every_item_and_its_reader_waits_for_all() -> None:
    world = World(graph(step("fan", loop=LOOP), step("join", "fan")), items={"fan": 3}).run()
    assert world.ran("fan") == [(0,), (1,), (2,)]
    assert world.runs[-1][0].node == "join"


def test_an_empty_foreach_succeeds_and_its_reader_runs() -> None:
    world = World(graph(step("fan", loop=LOOP), step("join", "fan")), items={"fan": 0}).run()
    assert world.state("fan") == "succeeded"
    assert world.ran("join") == [()]


def test_an_element_wise_item_starts_when_its_own_item_is_done() -> None:
    world = World(graph(step("a", loop=LOOP), step("b", "each:a", loop=LOOP)), items={"a": 2, "b": 2})
    world.held = {TaskId("a", (1,))}
    world.begin()
    world.finish()
    assert world.ran("b") == [(0,)]
    world.report(TaskId("a", (1,)), 1)
    world.finish()
    assert world.ran("b") == [(0,), (1,)]
    assert world.ends == ["succeeded"]


def test_a_failure_that_is_tolerated_is_a_gap_for_an_element_wise_reader() -> None:
    tolerant = Loop((), fail_fast=False, min_success=0.5)
    outcomes = lambda task, _n: failed() if task == TaskId("a", (1,)) else OK  # noqa: E731
    readers = step("strict", "each-strict:a", loop=LOOP), step("lenient", "each:a", loop=LOOP)
    world = World(graph(step("a", loop=tolerant), *readers), outcomes, {"a": 2, "strict": 2, "lenient": 2}).run()
    assert world.state("strict", 1) == "skipped"
    assert world.state("lenient", 1) == "succeeded"
    assert world.ends == ["succeeded"]


def test_slots_are_never_oversubscribed() -> None:
    world = World(graph(step("fan", loop=LOOP)), items={"fan": 20}, cpu=3).run()
    assert world.most == 3


def test_max_parallel_bounds_the_items_in_flight() -> None:
    world = World(graph(step("fan", loop=Loop((), max_parallel=2))), items={"fan": 9}).run()
    assert world.most == 2


def test_a_named_limit_holds_across_steps() -> None:
    nodes = (step("a", loop=LOOP, limit="db"), step("b", loop=LOOP, limit="db"))
    world = World(graph(*nodes, limits={"db": 1}), items={"a": 3, "b": 3}).run()
    assert world.most == 1


def test_max_workers_holds_over_all_steps() -> None:
    assert World(graph(step("a"), step("b"), step("c")), start={"max_workers": 1}).run().most == 1


def test_deeper_steps_go_first_when_slots_are_scarce() -> None:
    nodes = (step("a", loop=LOOP), step("b", "each:a", loop=LOOP, rank=1))
    world = World(graph(*nodes), items={"a": 3, "b": 3}, cpu=1).run()
    assert [task.node for task, _ in world.runs] == ["a", "b", "a", "b", "a", "b"]


def test_a_big_task_is_not_starved_by_small_ones() -> None:
    small = step("small", loop=LOOP, rank=0)
    big = step("big", "gate", rank=1, resources=Resources(cpu=2))
    world = World(graph(step("gate"), small, big), cpu=2)
    world.items = {"small": 50}
    world.run()
    order = [task.node for task, _ in world.runs]
    assert order.index("big") < 6


def test_a_busy_device_does_not_close_the_cores() -> None:
    gpu = Resources(cpu=0, gpu=Gpu(1))
    world = World(graph(step("g", loop=LOOP, resources=gpu, rank=5), step("c", loop=LOOP)), items={"g": 2, "c": 2})
    world.held = {TaskId("g", (0,))}
    world.tell(RunStarted(0.0, Machine(4, 0, {"0": ("a100", 1 << 36)}), {"local": ExecutorTraits()}))
    world.finish()
    assert world.ran("c") == [(0,), (1,)]
    assert world.ran("g") == [(0,)]


def test_a_failed_step_fails_the_run_and_its_readers() -> None:
    world = World(graph(step("a"), step("b", "a"), step("c", "b")), failing("a")).run()
    assert [world.state(node) for node in "abc"] == ["failed", "upstream_failed", "upstream_failed"]
    assert world.ends == ["failed"]


def test_after_a_failure_nothing_new_starts() -> None:
    world = World(graph(step("a"), step("slow"), step("late", "slow")), failing("a"))
    world.held = {TaskId("slow", ())}
    world.run()
    world.report(TaskId("slow", ()), 1)
    world.finish()
    assert world.state("slow") == "succeeded"
    assert world.state("late") == "cancelled"
    assert world.ends == ["failed"]


def test_keep_going_lets_independent_branches_finish() -> None:
    world = World(graph(step("a"), step("b"), step("c", "b")), failing("a"), start={"keep_going": True}).run()
    assert world.state("c") == "succeeded"
    assert world.ends == ["failed"]


@pytest.mark.parametrize(("policy", "state"), [(Policy.ALL_DONE, "succeeded"), (Policy.ANY_FAILED, "succeeded")])
def test_a_step_that_handles_failures_runs_after_one(policy: Policy, state: str) -> None:
    world = World(graph(step("a"), step("b", "needs:a", policy=policy)), failing("a")).run()
    assert world.state("b") == state


def test_any_failed_is_skipped_when_nothing_failed() -> None:
    assert World(graph(step("a"), step("b", "needs:a", policy=Policy.ANY_FAILED))).run().state("b") == "skipped"


def test_fail_fast_starts_no_further_item() -> None:
    world = World(graph(step("fan", loop=LOOP)), failing("fan"), {"fan": 5}, cpu=1).run()
    assert world.ran("fan") == [(0,)]
    assert world.state("fan", 4) == "cancelled"
    assert world.state("fan") == "failed"


def test_fail_fast_ends_items_that_only_wait_for_slots() -> None:
    world = World(graph(step("fan", loop=LOOP)), failing("fan"), {"fan": 3}, cpu=1, start={"lookup": True}).run()
    assert world.ran("fan") == [(0,)]
    assert [world.state("fan", index) for index in range(3)] == ["failed", "cancelled", "cancelled"]


def test_without_fail_fast_every_item_runs() -> None:
    world = World(graph(step("fan", loop=Loop((), fail_fast=False))), failing("fan"), {"fan": 5}, cpu=1).run()
    assert len(world.ran("fan")) == 5
    assert world.ends == ["failed"]


def test_min_success_tolerates_some_failures() -> None:
    loop = Loop((), min_success=0.75)
    one_fails = lambda task, _attempt: failed() if task == TaskId("fan", (1,)) else OK  # noqa: E731
    world = World(graph(step("fan", loop=loop), step("join", "fan")), one_fails, {"fan": 4}).run()
    assert world.state("fan", 1) == "failed"
    assert world.state("fan") == "succeeded"
    assert world.state("join") == "succeeded"
    assert world.ends == ["succeeded"]


def test_a_failed_attempt_is_tried_again() -> None:
    world = World(graph(step("a", retry=Retry(attempts=3))), lambda _task, attempt: failed() if attempt < 3 else OK)
    assert world.run().state("a") == "succeeded"
    assert [attempt for _, attempt in world.runs] == [1, 2, 3]


def test_retries_end_with_the_last_attempt() -> None:
    world = World(graph(step("a", retry=Retry(attempts=2))), failing("a")).run()
    assert len(world.runs) == 2
    assert world.state("a") == "failed"


def test_a_failure_that_is_not_listed_is_not_tried_again() -> None:
    retry = Retry(attempts=3, on=("timeout",))
    assert len(World(graph(step("a", retry=retry)), failing("a")).run().runs) == 1


def test_a_final_failure_is_not_tried_again() -> None:
    world = World(graph(step("a", retry=Retry(attempts=3))), lambda _t, _a: failed(final=True)).run()
    assert len(world.runs) == 1


def test_infrastructure_has_its_own_budget() -> None:
    world = World(graph(step("a")), lambda _task, attempt: failed("spot") if attempt < 4 else OK).run()
    assert world.state("a") == "succeeded"
    assert World(graph(step("a", retry=Retry(infra=2))), failing("a", reason="lost")).run().state("a") == "failed"


def test_exponential_backoff_doubles_up_to_its_maximum() -> None:
    retry = Retry(attempts=5, delay=10, exponential=True, max_delay=25)
    world = World(graph(step("a", retry=retry)), failing("a")).run()
    assert [command.delay for command in world.commands if isinstance(command, SetTimer)] == [10, 20, 25, 25]


def test_memory_grows_after_oom_but_not_after_an_error() -> None:
    retry = Retry(attempts=4, grow_memory=2.0)
    reasons = {1: failed("oom"), 2: failed("error"), 3: OK}
    world = World(graph(step("a", retry=retry, resources=Resources(memory=100))), lambda _task, n: reasons[n]).run()
    assert [c.grant.memory for c in world.commands if isinstance(c, Submit)] == [100, 200, 200]


def test_a_caught_failure_counts_as_success() -> None:
    world = World(graph(step("a", catch=Catch(1)), step("b", "a")), failing("a")).run()
    assert world.state("a") == "caught"
    assert world.state("b") == "succeeded"
    assert world.ends == ["succeeded"]


def test_catch_run_is_one_more_attempt_of_another_callable() -> None:
    world = World(graph(step("a", catch=Catch(callable="m:g"))), lambda _task, n: failed() if n == 1 else OK).run()
    assert [c.rescue for c in world.commands if isinstance(c, Submit)] == [False, True]
    assert world.state("a") == "caught"


def test_a_false_when_skips_the_step_and_its_strict_reader() -> None:
    nodes = (step("a", when="params.x"), step("strict", "strict:a"), step("lenient", "a"), step("after", "needs:a"))
    world = World(graph(*nodes), answers=lambda _command: False).run()
    assert [world.state(node.id) for node in nodes] == ["skipped", "skipped", "succeeded", "succeeded"]
    assert world.ends == ["succeeded"]


def test_a_task_may_skip_itself() -> None:
    world = World(graph(step("a"), step("b", "strict:a")), lambda task, _n: SKIP if task.node == "a" else OK).run()
    assert world.state("b") == "skipped"


def test_an_expression_that_fails_fails_its_step() -> None:
    world = World(graph(step("a", when="1 / 0")), answers=lambda _c: Failure("error", "division by zero")).run()
    assert world.state("a") == "failed"


def test_when_per_item_skips_single_items() -> None:
    odd = lambda command: command.task.path[0] % 2 == 1  # noqa: E731
    node = step("fan", loop=LOOP, when="each.item", when_item=True)
    world = World(graph(node), items={"fan": 4}, answers=lambda c: c.what == "foreach" or odd(c)).run()
    assert world.ran("fan") == [(1,), (3,)]
    assert world.state("fan") == "succeeded"


def group(*, loop: Loop | None = LOOP, **fields: object):
    inner = 1 if loop or fields.get("repeat") else 0
    return (
        step("g", children=("g.a", "g.b"), loop=loop, **fields),
        step("a", parent="g", depth=inner),
        step("b", "g.a", parent="g", depth=inner),
    )


def test_a_group_runs_its_steps_once_per_item() -> None:
    world = World(graph(*group(), step("after", "g")), items={"g": 2}).run()
    assert sorted(world.ran("g.b")) == [(0,), (1,)]
    assert world.runs[-1][0].node == "after"


def test_a_failed_body_is_a_failed_item() -> None:
    outcomes = lambda task, _n: failed() if task == TaskId("g.a", (0,)) else OK  # noqa: E731
    world = World(graph(*group(loop=Loop((), fail_fast=False))), outcomes, {"g": 2}, start={"keep_going": True}).run()
    assert world.state("g", 0) == "failed"
    assert world.state("g", 1) == "succeeded"
    assert world.state("g.b", 0) == "upstream_failed"
    assert world.ends == ["failed"]


def test_a_doomed_body_stops_its_loop_before_the_body_has_ended() -> None:
    nodes = (
        step("g", children=("g.a", "g.b"), loop=Loop((), max_parallel=1)),
        step("a", parent="g", depth=1),
        step("b", parent="g", depth=1),
    )
    world = World(graph(*nodes), failing("g.a"), {"g": 3})
    world.held = {TaskId("g.b", (0,))}
    world.run()
    assert world.state("g", 1) == "cancelled"
    world.report(TaskId("g.b", (0,)), 1)
    assert world.finish().ends == ["failed"]


def test_a_body_whose_steps_were_all_skipped_is_skipped() -> None:
    world = World(graph(*group(), step("strict", "strict:g")), lambda _t, _n: SKIP, {"g": 1}).run()
    assert world.state("g", 0) == "skipped"
    assert world.state("g") == "succeeded"  # as a loop: its list has a None


def test_group_outputs_are_evaluated_when_the_body_ends() -> None:
    world = World(graph(*group(outputs={"x": "steps.b"})), items={"g": 2}).run()
    asked = [c.task for c in world.commands if isinstance(c, Evaluate) and c.what == "outputs"]
    assert sorted(asked) == [TaskId("g", (0,)), TaskId("g", (1,))]


def test_repeat_goes_round_until_its_condition_holds() -> None:
    nodes = group(loop=None, repeat=Repeat({}, "steps.b.done", 10))
    world = World(graph(*nodes), answers=lambda c: c.what != "until" or c.task.path[-1] == 2).run()
    assert world.ran("g.a") == [(0,), (1,), (2,)]
    assert world.ends == ["succeeded"]


def test_repeat_that_never_converges_fails_unless_that_is_accepted() -> None:
    never = lambda c: c.what != "until"  # noqa: E731
    world = World(graph(*group(loop=None, repeat=Repeat({}, "x", 2))), answers=never).run()
    assert world.ran("g.a") == [(0,), (1,)]
    assert world.ends == ["failed"]
    accepting = group(loop=None, repeat=Repeat({}, "x", 2, accept_max=True))
    assert World(graph(*accepting), answers=never).run().ends == ["succeeded"]


def test_a_loop_of_repeats_keeps_its_rounds_apart() -> None:
    nodes = (
        step("g", children=("g.a",), loop=LOOP, repeat=Repeat({}, "x", 9, delay=5)),
        step("a", parent="g", depth=2),
    )
    world = World(
        graph(*nodes), items={"g": 2}, answers=lambda c: c.what != "until" or c.task.path[1] == c.task.path[0]
    )
    assert sorted(world.run().ran("g.a")) == [(0, 0), (1, 0), (1, 1)]


def test_element_wise_groups_follow_element_wise_items() -> None:
    nodes = (
        step("a", loop=LOOP),
        step("g", "each:a", children=("g.x",), loop=LOOP),
        step("x", parent="g", depth=1),
        step("c", "each:g", loop=LOOP),
    )
    outcomes = lambda task, _n: SKIP if task == TaskId("a", (1,)) else OK  # noqa: E731
    world = World(graph(*nodes), outcomes, {"a": 3, "g": 3, "c": 3}).run()
    assert len(world.ran("c")) == 3


def test_a_report_about_an_old_attempt_changes_nothing() -> None:
    world = World(graph(step("a", retry=Retry(attempts=2)), step("b", "a")))
    world.held = {TaskId("a", ())}
    world.begin()
    world.tell(Lost(0, TaskId("a", ()), 1))
    before = list(world.runs)
    assert world.tell(Succeeded(0, TaskId("a", ()), 1, OK)) == []
    assert world.runs == before
    world.report(TaskId("a", ()), 2)
    assert world.finish().ends == ["succeeded"]
    assert world.tell(Succeeded(0, TaskId("a", ()), 2, OK)) == []


def test_a_replacement_by_the_backend_is_counted() -> None:
    world = World(graph(step("a", retry=Retry(infra=1))))
    world.held = {TaskId("a", ())}
    world.begin()
    assert world.tell(Replaced(0, TaskId("a", ()), 1, "spot")) == []
    world.tell(Replaced(0, TaskId("a", ()), 1, "spot"))
    assert world.finish().ends == ["failed"]


def test_a_deadline_ends_all_attempts() -> None:
    world = World(graph(step("a", deadline=7.0, retry=Retry(attempts=9, delay=5))), failing("a")).run()
    assert [attempt for _, attempt in world.runs] == [1, 2]
    assert world.state("a") == "failed"


def test_a_task_that_never_starts_is_given_up_as_infrastructure() -> None:
    world = World(graph(step("a", start_timeout=3.0, retry=Retry(infra=1))))
    world.held = {TaskId("a", ())}
    world.run()
    assert [attempt for _, attempt in world.runs] == [1, 2]
    assert world.ends == ["failed"]


def test_a_run_deadline_cancels_everything_and_fails_the_run() -> None:
    world = World(graph(step("a"), step("b", "a"), deadline=60.0))
    world.held = {TaskId("a", ())}
    assert world.run().ends == ["failed"]
    assert world.state("a") == "cancelled"
    assert world.state("b") == "cancelled"


def test_cancel_ends_running_and_waiting_tasks_and_then_runs_on_exit() -> None:
    nodes = (step("a"), step("b", "a"), step("bye", hook="on_exit"), step("no", hook="on_failure"))
    world = World(graph(*nodes, hooks={"on_exit": ("bye",), "on_failure": ("no",)}))
    world.held = {TaskId("a", ())}
    world.begin()
    world.tell(CancelRequested(0, "SIGINT"))
    assert world.finish().ends == ["cancelled"]
    assert world.ran("bye") == [()]
    assert world.ran("no") == []


def test_stopping_a_hook_of_a_good_run_cancels_the_run_and_the_hooks_of_every_exit_follow() -> None:
    nodes = (step("a"), step("yes", hook="on_success"), step("bye", hook="on_exit"))
    world = World(graph(*nodes, hooks={"on_success": ("yes",), "on_exit": ("bye",)}))
    world.held = {TaskId("yes", ())}
    world.run()
    world.tell(CancelRequested(0, "SIGINT"))
    assert world.finish().ends == ["cancelled"]
    assert world.ran("bye") == [()]


def test_stopping_a_hook_of_a_failed_run_leaves_it_failed() -> None:
    nodes = (step("a"), step("page", hook="on_failure"), step("bye", hook="on_exit"))
    world = World(graph(*nodes, hooks={"on_failure": ("page",), "on_exit": ("bye",)}), failing("a"))
    world.held = {TaskId("page", ())}
    world.run()
    world.tell(CancelRequested(0, "SIGINT"))
    assert world.finish().ends == ["failed"]


def test_a_draining_cancel_lets_running_tasks_finish() -> None:
    world = World(graph(step("a"), step("b", "a")))
    world.held = {TaskId("a", ())}
    world.begin()
    world.tell(CancelRequested(0, "SIGINT", drain=True))
    world.report(TaskId("a", ()), 1)
    world.finish()
    assert world.state("a") == "succeeded"
    assert world.ends == ["cancelled"]


def test_hooks_run_once_after_the_steps() -> None:
    nodes = (step("a"), step("page", hook="on_failure"), step("yes", hook="on_success"), step("bye", hook="on_exit"))
    hooks = {"on_failure": ("page",), "on_success": ("yes",), "on_exit": ("bye",)}
    world = World(graph(*nodes, hooks=hooks), failing("a")).run()
    assert [task.node for task, _ in world.runs] == ["a", "page", "bye"]
    assert world.ends == ["failed"]
    world = World(graph(*nodes, hooks=hooks)).run()
    assert [task.node for task, _ in world.runs] == ["a", "yes", "bye"]


def test_a_failing_hook_makes_a_good_run_fail() -> None:
    nodes = (step("a"), step("yes", hook="on_success"))
    assert World(graph(*nodes, hooks={"on_success": ("yes",)}), failing("yes")).run().ends == ["failed"]


def test_a_resume_runs_only_what_is_not_there() -> None:
    done = {TaskId("fan", (0,)): State.SUCCEEDED, TaskId("fan", (2,)): State.SUCCEEDED}
    world = World(graph(step("fan", loop=LOOP)), items={"fan": 3}, start={"lookup": True}, done=done).run()
    assert world.ran("fan") == [(1,)]


def test_a_step_to_reuse_without_a_result_fails() -> None:
    world = World(graph(step("a"), step("b", "a")), start={"reuse": frozenset({"a"})}).run()
    assert world.state("a") == "failed"


def test_a_long_chain_of_skipped_steps_is_no_recursion() -> None:
    chain = [step("s0", when="false"), *(step(f"s{i}", f"strict:s{i - 1}") for i in range(1, 5000))]
    assert World(graph(*chain), answers=lambda _c: False).run().ends == ["succeeded"]


def test_fail_fast_of_a_loop_with_retries_waiting_ends_them_as_failed() -> None:
    retry = Retry(attempts=3, delay=100)
    outcomes = lambda task, n: failed(final=task.path == (1,)) if task.path != (2,) else OK  # noqa: E731
    world = World(graph(step("fan", loop=LOOP, retry=retry)), outcomes, {"fan": 3}).run()
    assert world.state("fan", 0) == "failed"
    assert len(world.ran("fan")) == 3


def test_a_step_with_a_cache_is_looked_up_on_a_first_launch_too_and_only_what_is_missing_runs() -> None:
    done = {TaskId("fan", (0,)): State.CACHED, TaskId("fan", (2,)): State.CACHED}
    cached = step("fan", loop=LOOP, cache=Cache())
    world = World(graph(cached, step("plain"), step("end", "fan")), items={"fan": 3}, done=done).run()
    asked = [task for command in world.commands if isinstance(command, LookUp) for task in command.tasks]
    assert asked == [TaskId("fan", (index,)) for index in range(3)]
    assert sorted(task for task, _ in world.runs) == [("end", ()), ("fan", (1,)), ("plain", ())]
    assert world.ends == ["succeeded"]


def test_a_hook_with_a_cache_is_not_looked_up() -> None:
    hooks = {"on_exit": ("bye",)}
    world = World(graph(step("one"), step("bye", hook="on_exit", cache=Cache()), hooks=hooks)).run()
    assert not any(isinstance(command, LookUp) for command in world.commands)
