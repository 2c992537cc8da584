"""Branches: what does not depend on one another runs at once and ends on its own."""

from __future__ import annotations

TASKS = """
    def meeting(name):
        meet("here", 2)
        return name
    def join(a, b):
        return a + b
    def fail():
        raise ValueError("no")
    def slow(x=0):
        note("slow")
        wait_for("go")
        return 1
"""


def test_two_branches_run_at_once_and_join(project):
    ran = project(
        """
        defaults: {resources: {cpu: 0.1}}
        steps:
          left: {run: "tasks:meeting", with: {name: l}}
          right: {run: "tasks:meeting", with: {name: r}}
          join: {run: "tasks:join", inputs: {a: steps.left, b: steps.right}}
        outputs: {join: steps.join}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"join": "lr"}


def test_a_branch_that_runs_when_another_fails_finishes_and_is_kept(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.1}}
        steps:
          bad: {run: "tasks:fail"}
          slow: {run: "tasks:slow"}
          next: {run: "tasks:slow", inputs: {x: steps.slow}}
        """,
        TASKS,
    )
    run = story.start()
    story.until_noted("slow")
    story.until_state("bad", "failed")
    story.touch("go")
    ran = story.finish(run, code=1)
    assert ran.state("slow") == "succeeded"
    assert ran.state("next") == "cancelled"
    assert story.ledger.count("slow") == 1
