"""--keep-going: independent branches go on after a failure."""

from __future__ import annotations

TASKS = """
    def fail():
        raise ValueError("no")
    def after_failure(x=0):
        note("ran", x)
        wait_for("go")
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


def run_past_the_failure(story, *flags):
    """`one` is held until the failure of `bad` is known."""
    run = story.start(*flags)
    story.until_noted("ran 0")
    story.until_state("bad", "failed")
    story.touch("go")
    return story.finish(run, code=1)


def test_independent_branches_finish_and_the_run_still_fails(project):
    story = project(PIPELINE, TASKS)
    ran = run_past_the_failure(story, "--keep-going")
    states = [ran.state(step) for step in ("bad", "reads_bad", "one", "two", "three")]
    assert states == ["failed", "upstream_failed", "succeeded", "succeeded", "succeeded"]
    assert story.ledger == ["ran 0", "ran 1", "ran 2"]


def test_without_it_nothing_new_starts_and_what_runs_is_kept(project):
    story = project(PIPELINE, TASKS)
    ran = run_past_the_failure(story)
    assert ran.state("one") == "succeeded"
    assert ran.state("two") == "cancelled"
    assert story.ledger == ["ran 0"]
