"""catch: what stands in for a task whose last attempt failed."""

from __future__ import annotations

TASKS = """
    def fit(x):
        note("fit", x)
        if x == 2:
            raise ValueError("no fit")
        return {"auc": x / 10, "ckpt": f"m{x}"}
    def rescue(x, error):
        return {"auc": -1.0, "ckpt": error["message"]}
    def bad_rescue(x, error):
        raise RuntimeError("nor this")
    def mean(aucs: list):
        return sum(a for a in aucs if a is not None)
"""


def test_a_value_stands_in_and_counts_as_success(project):
    ran = project(
        """
        steps:
          fit:
            foreach: {x: [1, 2, 3]}
            run: tasks:fit
            inputs: {x: each.x}
            catch: {set: {auc: null, ckpt: null}}
          mean: {run: "tasks:mean", inputs: {aucs: steps.fit.auc}}
        outputs: {mean: steps.mean, ckpts: steps.fit.ckpt}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"mean": 0.4, "ckpts": ["m1", None, "m3"]}
    assert ran.counts("fit") == {"succeeded": 2, "caught": 1}
    assert ran.document["state"] == "succeeded"


def test_it_comes_after_the_last_attempt_and_is_shown(project):
    story = project('steps: {fit: {run: "tasks:fit", with: {x: 2}, retry: {attempts: 3}, catch: {set: 0}}}', TASKS)
    ran = story.run()
    assert story.ledger == ["fit 2"] * 3
    assert ran.state("fit") == "caught"
    assert "caught" in story.call("status").out


def test_a_function_stands_in_with_the_steps_own_arguments_and_the_error(project):
    ran = project(
        """
        steps:
          fit: {run: "tasks:fit", with: {x: 2}, catch: {run: "tasks:rescue"}}
        outputs: {auc: steps.fit.auc, why: steps.fit.ckpt}
        """,
        TASKS,
    ).run()
    assert ran.outputs["auc"] == -1.0
    assert "no fit" in ran.outputs["why"]


def test_a_stand_in_that_fails_is_a_failure(project):
    ran = project('steps: {fit: {run: "tasks:fit", with: {x: 2}, catch: {run: "tasks:bad_rescue"}}}', TASKS).run(code=1)
    assert ran.state("fit") == "failed"
    assert "nor this" in ran.failures[0]["message"]
