"""Selection: --only, --from and --until run a part; what they read comes from an earlier run."""

from __future__ import annotations

import pytest

TASKS = """
    def step(name, x=0):
        note(name)
        return x + 1
"""
PIPELINE = """
    steps:
      a: {run: "tasks:step", with: {name: a}}
      b1: {run: "tasks:step", with: {name: b1}, inputs: {x: steps.a}}
      b2: {run: "tasks:step", with: {name: b2}, inputs: {x: steps.a}}
      c: {run: "tasks:step", with: {name: c}, inputs: {x: steps.b1}}
    outputs: {c: steps.c}
"""


@pytest.mark.parametrize(
    ("flags", "ran"),
    [
        (["--until", "b1"], ["a", "b1"]),
        (["--until", "b*"], ["a", "b1", "b2"]),
        (["--only", "a"], ["a"]),
    ],
)
def test_a_first_run_may_be_a_part(project, flags, ran):
    story = project(PIPELINE, TASKS)
    story.run(*flags)
    assert sorted(story.ledger) == ran


@pytest.mark.parametrize(
    ("flags", "ran"),
    [
        (["--only", "c"], ["c"]),
        (["--from", "b1"], ["b1", "c"]),
        (["--only", "b*"], ["b1", "b2"]),
        (["--from", "b*"], ["b1", "b2", "c"]),
    ],
)
def test_what_is_left_out_is_read_from_an_earlier_run(project, flags, ran):
    story = project(PIPELINE, TASKS)
    story.run()
    (story.folder / "ledger.txt").unlink()
    story.run(*flags)
    assert sorted(story.ledger) == ran


def test_without_an_earlier_result_it_is_refused_with_the_step_that_lacks_one(project):
    story = project(PIPELINE, TASKS)
    ran = story.call("run", "pipeline.yaml", "--only", "c")
    assert ran.code != 0
    assert "b1" in ran.err
    assert story.ledger == []


def test_a_step_that_is_not_there_is_refused_with_the_near_one(project):
    assert "b1" in project(PIPELINE, TASKS).refused("--only", "b11")
