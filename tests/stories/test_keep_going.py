"""--keep-going: independent branches go on after a failure."""

from __future__ import annotations

TASKS = """
    def fail():
        (HERE / "failed").touch()
        raise ValueError("no")
    def after_failure(x=0):
        wait_for("failed")
        note("ran", x)
        return x + 1
    def reader(x):
        note("reader")
"""
PIPELINE = """
    defaults: {resources: {cpu: 0.1}}
    steps:
      bad: {run: "tasks:fail"}
      reads_bad: {run: "tasks:reader", inputs: {x: steps.bad}}
      one: {run: "tasks:after_failure"}
      two: {run: "tasks:after_failure", inputs: {x: steps.one}}
      three: {run: "tasks:after_failure", inputs: {x: steps.two}}
"""


def test_independent_branches_finish_and_the_run_still_fails(project):
    story = project(PIPELINE, TASKS)
    ran = story.run("--keep-going", code=1)
    assert [ran.state(step) for step in ("bad", "reads_bad", "one", "two", "three")] == [
        "failed",
        "upstream_failed",
        "succeeded",
        "succeeded",
        "succeeded",
    ]
    assert story.ledger == ["ran 0", "ran 1", "ran 2"]


def test_without_it_nothing_new_starts(project):
    story = project(PIPELINE, TASKS)
    ran = story.run(code=1)
    assert ran.state("three") == "cancelled"
    assert "ran 2" not in story.ledger
