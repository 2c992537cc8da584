from __future__ import annotations

import pytest

from tests.engine.bench import Bench, action, bad, bench, graph, ok, over, step
from yamlflow.core.graph import Axis, Catch, Loop, Repeat, Retry
from yamlflow.core.messages import State


@pytest.fixture
def here(tmp_path) -> Bench:
    return bench(tmp_path)


def test_three_steps_pass_their_values_on(here):
    plan = graph(
        step("a"),
        step("b", "a", inputs={"x": "steps.a + 1"}),
        step("c", "a", "b", inputs={"both": ["steps.a", "steps.b"], "n": 3}),
        outputs={"last": "steps.c"},
    )
    done = here.run(plan, {"a": 5, "b": lambda job: job.inputs["x"] * 2, "c": lambda job: job.inputs["both"]})
    assert (done.state, done.exit_code, done.outputs) == ("succeeded", 0, {"last": [5, 12]})
    assert here.given("c") == [{"both": [5, 12], "n": 3}]


def test_a_foreach_runs_once_per_item_and_joins_in_item_order(here):
    plan = graph(
        step("regions"),
        step(
            "fit",
            "regions",
            inputs={"r": "each.region", "m": "each.model"},
            loop=over({"region": "steps.regions", "model": ["x", "y"]}),
        ),
        step(
            "best",
            "fit",
            inputs={
                "all": "steps.fit",
                "auc": "steps.fit.auc",
                "models": "steps.fit.each.model",
                "n": "len(steps.fit)",
            },
        ),
    )
    answers = {"regions": ["eu", "us"], "fit": lambda job: {"auc": job.inputs["r"] + job.inputs["m"]}}
    done = here.run(plan, answers)
    assert here.ran()[1:5] == [
        "fit[region=eu,model=x]",
        "fit[region=eu,model=y]",
        "fit[region=us,model=x]",
        "fit[region=us,model=y]",
    ]
    given = here.given("best")[0]
    keys = ["region=eu,model=x", "region=eu,model=y", "region=us,model=x", "region=us,model=y"]
    assert given["auc"] == {"$join": {"keys": keys, "items": ["eux", "euy", "usx", "usy"]}}
    assert given["all"]["$join"]["items"][3] == {"auc": "usy"}
    assert given["models"] == ["x", "y", "x", "y"]
    assert given["n"] == 4
    assert done.view.steps["fit"].counts[State.SUCCEEDED] == 4


def test_an_empty_foreach_succeeds_with_an_empty_list(here):
    plan = graph(step("fit", loop=over({"x": []})), step("j", "fit", inputs={"all": "steps.fit"}))
    assert here.run(plan).state == "succeeded"
    assert here.given("j") == [{"all": {"$join": {"keys": [], "items": []}}}]


def test_a_group_runs_its_steps_per_item_and_gives_its_outputs(here):
    plan = graph(
        step(
            "by",
            loop=over({"r": ["eu", "us"]}),
            children=("by.fit", "by.best"),
            outputs={"s": "steps.best", "all": "steps.fit"},
        ),
        step("fit", parent="by", depth=1, inputs={"r": "each.r", "k": "each.k"}, loop=over({"k": [1, 2]})),
        step("best", "by.fit", parent="by", depth=1, inputs={"fits": "steps.fit"}),
        step(
            "j",
            "by",
            inputs={"s": "steps.by.s", "all": "steps.by.all", "k": "steps.by.all.each.k", "r": "steps.by.each.r"},
        ),
    )
    answers = {
        "by.fit": lambda job: f"{job.inputs['r']}{job.inputs['k']}",
        "by.best": lambda job: job.inputs["fits"]["$join"]["items"][-1],
    }
    assert here.run(plan, answers).state == "succeeded"
    given = here.given("j")[0]
    assert given["s"] == {"$join": {"keys": ["eu", "us"], "items": ["eu2", "us2"]}}
    assert given["all"]["$join"]["items"] == [["eu1", "eu2"], ["us1", "us2"]]
    assert given["k"] == [[1, 2], [1, 2]]
    assert given["r"] == ["eu", "us"]
    assert "by[eu].fit[2]" in here.ran()


def test_an_elementwise_loop_inherits_keys_and_reads_item_by_item(here):
    plan = graph(
        step("a", inputs={"x": "each.x"}, loop=over({"x": ["p", "q"]})),
        step("b", "each:a", inputs={"y": "each.item"}, loop=Loop((Axis(("item",), ("steps.a.v",)),), elementwise="a")),
        step("c", "b", inputs={"seen": "steps.b.each.item"}),
    )
    assert here.run(plan, {"a": lambda job: {"v": job.inputs["x"] * 2}}).state == "succeeded"
    assert sorted(name for name in here.ran() if name.startswith("b")) == ["b[p]", "b[q]"]
    assert sorted(given["y"] for given in here.given("b")) == ["pp", "qq"]
    assert here.given("c") == [{"seen": ["pp", "qq"]}]


def test_a_repeated_group_sees_the_last_round_and_gives_the_last(here):
    plan = graph(
        step(
            "g", children=("g.s",), outputs={"n": "steps.s"}, repeat=Repeat({"n": "params.start"}, "steps.s >= 3", 10)
        ),
        step("s", parent="g", depth=1, inputs={"n": "each.n"}),
        step("after", "g", inputs={"n": "steps.g.n"}),
        params={"start": 0},
    )
    assert here.run(plan, {"g.s": lambda job: job.inputs["n"] + 1}).state == "succeeded"
    assert [given["n"] for given in here.given("g.s")] == [0, 1, 2]
    assert here.given("after") == [{"n": 3}]
    assert here.ran()[:2] == ["g[round=1].s", "g[round=2].s"]


def test_a_skipped_item_is_none_in_the_join(here):
    plan = graph(
        step("a", inputs={"x": "each.x"}, loop=over({"x": [1, 2, 3]}), when="each.x != 2", when_item=True),
        step("j", "a", inputs={"all": "steps.a", "some": "compact(steps.a)"}),
    )
    assert here.run(plan, {"a": lambda job: job.inputs["x"] * 10}).state == "succeeded"
    assert here.given("j")[0]["all"]["$join"]["items"] == [10, None, 30]
    assert here.given("j")[0]["some"] == [10, 30]


def test_a_skipped_step_skips_nothing_that_takes_none(here):
    plan = graph(
        step("a", when="params.go"),
        step("b", "a", inputs={"x": "coalesce(steps.a, 7)", "s": "status(steps.a)"}),
        params={"go": False},
    )
    done = here.run(plan)
    assert done.state == "succeeded"
    assert here.given("b") == [{"x": 7, "s": "skipped"}]
    assert done.view.steps["a"].state is State.SKIPPED


def test_a_failure_is_kept_grouped_and_ends_the_run(here):
    plan = graph(step("a", loop=over({"x": [1, 2, 3]}, fail_fast=False)), step("b", "a"))
    done = here.run(plan, {"a": bad("no such file")})
    assert (done.state, done.exit_code) == ("failed", 1)
    (group,) = done.view.failure_groups()
    assert (group.first.failure.message, len(group.tasks)) == ("no such file", 3)
    assert done.view.steps["b"].state is State.UPSTREAM_FAILED


def test_a_retry_that_succeeds_leaves_no_failure(here):
    tries = iter([bad(), bad(), ok(1)])
    done = here.run(graph(step("a", retry=Retry(attempts=3))), {"a": lambda _job: next(tries)})
    assert (done.state, done.view.failures, done.view.steps["a"].retries) == ("succeeded", {}, 2)
    assert [job.attempt for job in here.executor.jobs.values()] == [1, 2, 3]


def test_what_is_caught_has_the_value_that_stands_in_for_it(here):
    plan = graph(
        step("a", catch=Catch({"auc": None})), step("b", "a", inputs={"x": "steps.a.auc", "s": "status(steps.a)"})
    )
    done = here.run(plan, {"a": bad()})
    assert (done.state, here.given("b")) == ("succeeded", [{"x": None, "s": "caught"}])
    assert done.view.steps["a"].state is State.CAUGHT


def test_a_rescue_gets_the_arguments_and_the_error_and_its_result_stands_in(here):
    plan = graph(
        step("a", inputs={"n": "params.n"}, catch=Catch(callable="m:rescue")),
        step("b", "a", inputs={"x": "steps.a"}),
        params={"n": 4},
    )
    done = here.run(plan, {"a": lambda job: ok("rescued") if "error" in job.inputs else bad("boom")})
    assert done.state == "succeeded"
    rescue = here.given("a")[1]
    assert (rescue["n"], rescue["error"]["message"], rescue["error"]["step"]) == (4, "boom", "a")
    assert here.given("b") == [{"x": "rescued"}]
    assert done.view.steps["a"].state is State.CAUGHT


def test_a_rescue_that_was_lost_is_told_again_how_the_work_itself_failed(here):
    ends = iter([bad("boom"), bad("gone", reason="lost"), bad("gone", reason="lost"), ok("rescued")])
    done = here.run(graph(step("a", catch=Catch(callable="m:rescue"))), {"a": lambda _job: next(ends)})
    rescues = [given["error"] for given in here.given("a") if "error" in given]
    assert [(error["message"], error["reason"]) for error in rescues] == [("boom", "error")] * 3
    assert {error["log"] for error in rescues} == {rescues[0]["log"]}
    assert (done.state, done.view.steps["a"].retries) == ("succeeded", 0)
    assert done.view.steps["a"].state is State.CAUGHT


def test_a_rescue_that_comes_before_the_next_try_is_told_how_the_last_one_failed(here):
    slow = step("a", retry=Retry(attempts=2, delay=600.0), catch=Catch(callable="m:rescue"))
    plan = graph(slow, step("start"), step("b", "needs:start", "needs:mid"), step("mid", "needs:start"))
    done = here.run(plan, {"a": lambda job: ok() if "error" in job.inputs else bad("boom"), "b": bad("b broke")})
    assert done.state == "failed"
    assert here.given("a")[1]["error"]["message"] == "boom"


def test_an_input_that_cannot_be_evaluated_fails_the_task_with_its_text(here):
    done = here.run(graph(step("a", inputs={"x": "1 / params.n"}), params={"n": 0}))
    (failed,) = done.view.failures.values()
    assert done.state == "failed"
    assert "inputs.x: `1 / params.n`" in failed.failure.message


def test_a_foreach_over_something_that_is_no_list_says_so(here):
    done = here.run(graph(step("a", loop=over({"x": "params.n"})), params={"n": "eu"}))
    (failed,) = done.view.failures.values()
    assert "foreach.x: `params.n`: foreach takes a list, not a string" in failed.failure.message


def test_hooks_know_how_the_run_ended(here):
    hook = step(
        "page", hook="on_failure", inputs={"state": "run.state", "why": "run.error.message", "step": "run.error.step"}
    )
    done = here.run(graph(step("a"), hook, hooks={"on_failure": ("page",)}), {"a": bad("boom")})
    assert done.state == "failed"
    assert here.given("page") == [{"state": "failed", "why": "boom", "step": "a"}]


def test_text_with_holes_is_filled_and_a_whole_hole_keeps_its_type(here):
    filled = action(
        arguments={
            "uri": "s3://x/${{ params.day }}/y",
            "n": "${{ params.n }}",
            "deep": [{"a": "${{ params.n }}"}],
            "raw": "$${{ x }}",
        },
        env={"N": "${{ params.n }}", "WHO": "me"},
    )
    here.run(graph(step("a", action=filled), params={"day": "mon", "n": 3}))
    assert here.given("a") == [{"uri": "s3://x/mon/y", "n": 3, "deep": [{"a": 3}], "raw": "${{ x }}"}]
    (job,) = here.executor.jobs.values()
    assert job.env == {"N": "3", "WHO": "me"}
