"""`runs diff`: what differs between two runs, and nothing else."""

from __future__ import annotations

import json

TASKS = """
    def prep(n):
        return list(range(n))
    def fit(x, lr):
        return x * lr
    def total(xs):
        return sum(xs)
"""
PIPELINE = """
    params: {n: 3, lr: 1}
    steps:
      prep: {run: "tasks:prep", inputs: {n: params.n}}
      fit: {foreach: {x: steps.prep}, run: "tasks:fit", inputs: {x: each.x, lr: params.lr}}
      total: {run: "tasks:total", inputs: {xs: steps.fit}}
"""


def diff(story, first: str, second: str) -> dict:
    ran = story.call("runs", "diff", first, second, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_equal_runs_do_not_differ(project):
    story = project(PIPELINE, TASKS)
    ids = [story.run().document["run_id"] for _ in range(2)]
    found = diff(story, *ids)
    assert found["params"] == []
    assert not any(step["differs"] for step in found["steps"].values())
    assert "the same: prep, fit, total" in story.call("runs", "diff", *ids).out


def test_a_parameter_is_followed_to_inputs_and_results(project):
    story = project(PIPELINE, TASKS)
    story.run("--name", "before")
    story.run("--name", "after", "-p", "lr=2")
    found = diff(story, "before", "after")
    assert found["params"] == ["lr 1 -> 2"]
    assert not found["steps"]["prep"]["differs"]
    assert (found["steps"]["fit"]["inputs"], found["steps"]["fit"]["results"]) == (3, 2)
    said = story.call("runs", "diff", "before", "after").out
    assert "params: lr 1 -> 2" in said
    assert "inputs: differ for 3 of 3 tasks" in said


def test_code_and_definition_are_named(project):
    story = project(PIPELINE, TASKS)
    story.run("--name", "before")
    text = (story.folder / "tasks.py").read_text()
    story.write("tasks.py", text.replace("return sum(xs)", "return sum(xs) + 1"))
    text = (story.folder / "pipeline.yaml").read_text()
    story.write("pipeline.yaml", text.replace("lr: params.lr", "lr: params.n"))
    story.run("--name", "after")
    found = diff(story, "before", "after")["steps"]
    assert found["total"]["code"] == ["tasks.py: total() changed"]
    assert found["fit"]["definition"] == ['inputs.lr "params.lr" -> "params.n"']
    assert found["prep"]["code"] == []


def test_items_and_steps_that_only_one_run_has_are_counted(project):
    story = project(PIPELINE, TASKS)
    story.run("--name", "before")
    text = (story.folder / "pipeline.yaml").read_text()
    story.write("pipeline.yaml", text.replace("  total:", "  sum:"))
    story.run("--name", "after", "-p", "n=5")
    found = diff(story, "before", "after")
    assert found["steps"]["fit"]["results_only"] == [0, 2]
    assert (found["only_first"], found["only_second"]) == (["total"], ["sum"])
