from __future__ import annotations

from dataclasses import replace

import pytest

from tests.engine.bench import Bench, action, bad, bench, graph, ok, over, step
from yamlflow.core.errors import UsageError
from yamlflow.core.graph import Catch, CommandTarget, Retry
from yamlflow.core.messages import State
from yamlflow.engine.runs.selection import Selection


@pytest.fixture
def here(tmp_path) -> Bench:
    return bench(tmp_path)


def fan(xs, **fields):
    return graph(
        step("src"),
        step(
            "fit",
            "src",
            inputs={"x": "each.x", "n": "params.n"},
            loop=over({"x": "steps.src"}, fail_fast=False),
            **fields,
        ),
        step("sum", "fit", inputs={"all": "steps.fit"}),
        params={"n": 1},
    )


def test_what_succeeded_does_not_run_again(here):
    plan = fan([1, 2, 3])
    first = here.run(plan, {"src": [1, 2, 3], "fit": lambda job: bad() if job.inputs["x"] == 2 else job.inputs["x"]})
    assert first.state == "failed"
    second = here.resume(plan, first.run_id, {"fit": lambda job: job.inputs["x"]})
    assert second.state == "succeeded"
    assert here.ran() == ["fit[2]", "sum"]
    assert here.given("sum")[0]["all"]["$join"]["items"] == [1, 2, 3]
    assert second.view.steps["fit"].restored == 2


def test_a_finished_run_submits_nothing_again(here):
    plan = fan([1])
    first = here.run(plan, {"src": [1, 2], "fit": 7, "sum": 1})
    second = here.resume(plan, first.run_id)
    third = here.resume(plan, first.run_id)
    assert (second.state, third.state, here.ran()) == ("succeeded", "succeeded", [])


def test_a_changed_definition_runs_again_with_all_that_reads_it(here):
    plan = graph(step("a"), step("b", "a", inputs={"x": "steps.a"}), step("c"))
    first = here.run(plan, {"a": 1, "b": 2})
    changed = replace(plan, nodes={**plan.nodes, "a": step("a", action=action(definition="new"))})
    second = here.resume(changed, first.run_id, {"a": 5})
    assert second.state == "succeeded"
    assert here.ran() == ["a", "b"]


def test_a_changed_definition_with_the_same_value_stops_there(here):
    plan = graph(step("a"), step("b", "a", inputs={"x": "steps.a"}))
    first = here.run(plan, {"a": 1, "b": 2})
    changed = replace(plan, nodes={**plan.nodes, "a": step("a", action=action(definition="new"))})
    here.resume(changed, first.run_id, {"a": 1})
    assert here.ran() == ["a"]


def test_items_are_matched_by_key_when_their_order_changed(here):
    plan = graph(step("fit", inputs={"x": "each.x"}, loop=over({"x": ["p", "q"]})))
    first = here.run(plan, {"fit": lambda job: job.inputs["x"]})
    turned = graph(
        step("fit", inputs={"x": "each.x"}, loop=over({"x": ["new", "q", "p"]})),
        step("j", "fit", inputs={"f": "steps.fit"}),
    )
    here.resume(turned, first.run_id, {"fit": lambda job: job.inputs["x"]})
    assert here.ran() == ["fit[new]", "j"]
    assert here.given("j")[0]["f"]["$join"]["items"] == ["new", "q", "p"]


def test_what_skipped_itself_stays_skipped(here):
    from yamlflow.core.jobs import Outcome

    plan = graph(step("a"), step("b", "a", inputs={"x": "coalesce(steps.a, 3)"}))
    first = here.run(plan, {"a": Outcome("skipped"), "b": bad()})
    second = here.resume(plan, first.run_id)
    assert (here.ran(), second.view.steps["a"].state) == (["b"], State.SKIPPED)


def test_what_was_caught_counts_as_done(here):
    plan = graph(step("a", catch=Catch(5)), step("b", "a", inputs={"x": "steps.a"}), step("z", "b"))
    first = here.run(plan, {"a": bad(), "z": bad()})
    second = here.resume(plan, first.run_id)
    assert (first.state, second.state, here.ran()) == ("failed", "succeeded", ["z"])


def test_a_lost_artifact_is_made_again(here):
    ref = {"$artifact": {"digest": "ab" * 32, "format": "npy", "size": 3}}
    plan = graph(step("a"), step("b", "a", inputs={"x": "steps.a"}))
    first = here.run(plan, {"a": ref, "b": bad()})
    here.resume(plan, first.run_id, {"a": ref})
    assert here.ran() == ["a", "b"]


def test_refresh_runs_a_step_again(here):
    plan = graph(step("a"), step("b"))
    first = here.run(plan, {"a": 1, "b": 2})
    here.resume(plan, first.run_id, {"a": 1, "b": 2}, refresh=("a",))
    assert here.ran() == ["a"]


def test_hooks_run_on_every_launch(here):
    plan = graph(step("a"), step("bye", hook="on_exit"), hooks={"on_exit": ("bye",)})
    first = here.run(plan)
    here.resume(plan, first.run_id)
    assert here.ran() == ["bye"]


def test_attempts_of_two_launches_have_different_names(here):
    plan = graph(step("a"))
    first = here.run(plan, {"a": bad()})
    (before,) = here.executor.jobs
    here.resume(plan, first.run_id)
    (after,) = here.executor.jobs
    assert before != after


def test_only_runs_the_selected_steps_with_the_last_results_of_the_others(here):
    plan = graph(step("a"), step("b", "a", inputs={"x": "steps.a"}), step("c", "b", inputs={"y": "steps.b"}), step("d"))
    here.run(plan, {"a": 1, "b": 2, "c": 3})
    done = here.run(plan, {"b": 9}, selection=Selection(only=("b",)))
    assert (done.state, here.ran(), here.given("b")) == ("succeeded", ["b"], [{"x": 1}])


def test_from_and_until_cut_a_piece_out(here):
    plan = graph(step("a"), step("b", "a"), step("c", "b"), step("d", "c"), step("x"))
    here.run(plan)
    here.run(plan, selection=Selection(since=("b",), until=("c",)))
    assert here.ran() == ["b", "c"]


def test_a_selection_without_earlier_results_names_what_is_missing(here):
    plan = graph(step("a"), step("b", "a"))
    with pytest.raises(UsageError, match="a: not selected, and there is no earlier run"):
        here.run(plan, selection=Selection(only=("b",)))
    here.run(plan, {"a": bad()})
    with pytest.raises(UsageError, match=r"without a result in the last run \(.*\): a"):
        here.run(plan, selection=Selection(only=("b",)))


def test_an_unknown_step_in_a_selection_is_an_error(here):
    with pytest.raises(UsageError, match="--only nope: there is no such step"):
        here.run(graph(step("a")), selection=Selection(only=("nope",)))


def test_retries_of_a_resumed_task_start_at_one(here):
    plan = graph(step("a", retry=Retry(attempts=2)))
    first = here.run(plan, {"a": bad()})
    assert len(here.executor.jobs) == 2
    here.resume(plan, first.run_id, {"a": ok(1)})
    assert [job.attempt for job in here.executor.jobs.values()] == [1]


def test_a_changed_command_runs_again(here):
    def plan(word):
        return graph(
            step("a", action=action(target=CommandTarget(argv=("echo", word, "${{ params.n }}")))), params={"n": 1}
        )

    first = here.run(plan("x"))
    here.resume(plan("x"), first.run_id)
    assert here.ran() == []
    here.resume(plan("y"), first.run_id)
    assert here.ran() == ["a"]
