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
        wait_for("failed")
        note("slow")
        return 1
    def tell():
        note("told")
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
          bad: {run: "tasks:bad"}
          slow: {run: "tasks:slow"}
          next: {run: "tasks:slow", inputs: {x: steps.slow}}
        """,
        TASKS
        + "\n    def bad():\n        meet('start', 1)\n        (HERE / 'failed').touch()\n        raise ValueError('no')\n",
    )
    ran = story.run(code=1)
    assert ran.state("slow") in ("succeeded", "cancelled")
    if ran.state("slow") == "succeeded":
        assert story.ledger.count("slow") == 1
    assert ran.state("next") == "cancelled"
