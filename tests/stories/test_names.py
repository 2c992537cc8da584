"""Names: what a task is called, and the ways a person may write it."""

from __future__ import annotations

import shlex

import pytest

TASKS = """
    def fit(region, model, fold):
        print("this is", region, model, fold)
        return f"{region}-{model}-{fold}"
    def same(x):
        return x
"""
PIPELINE = """
    steps:
      by_region:
        foreach: {region: [eu, us]}
        steps:
          fit:
            foreach: {model: [xgb, mlp], fold: "range(3)"}
            run: tasks:fit
            inputs: {region: each.region, model: each.model, fold: each.fold}
"""


@pytest.mark.parametrize(
    "name",
    ["by_region[eu].fit[model=xgb,fold=2]", "by_region#0.fit#2", "by_region:eu/fit:xgb,2", "by_region[eu].fit[xgb,2]"],
)
def test_one_task_by_each_way_to_write_it(project, name):
    story = project(PIPELINE, TASKS)
    story.run()
    assert "this is eu xgb 2\n" in story.call("logs", "last", name).out
    assert "this is us" not in story.call("logs", "last", name).out


def test_a_star_stands_for_any_text_and_brackets_are_only_brackets(project):
    story = project(PIPELINE, TASKS)
    story.run()
    shown = story.call("logs", "last", "by_region[eu].fit[model=*,fold=2]").out
    assert "this is eu xgb 2" in shown
    assert "this is eu mlp 2" in shown
    assert "us" not in shown
    assert "fold=1" not in shown


def test_a_name_that_is_none_is_an_error_that_knows_the_near_ones(project):
    story = project(PIPELINE, TASKS)
    story.run()
    ran = story.call("logs", "last", "by_regoin")
    assert ran.code == 2
    assert "by_region" in ran.err


def test_duplicate_values_fall_back_to_the_index(project):
    story = project('steps: {same: {foreach: {x: [a, a, b]}, run: "tasks:same", inputs: {x: each.x}}}', TASKS)
    story.run()
    listed = story.call("artifacts", "list").out
    assert "same[0]" in listed
    assert "same[1]" in listed


def test_a_key_of_ones_own_names_the_items(project):
    story = project(
        """steps: {same: {foreach: {x: [p, q]}, key: "'n-' + each.x", run: "tasks:same", inputs: {x: each.x}}}""", TASKS
    )
    story.run()
    assert "same[n-q]" in story.call("artifacts", "list").out


def test_a_duplicate_key_of_ones_own_is_an_error(project):
    ran = project(
        """steps: {same: {foreach: {x: [a, b]}, key: "'k'", run: "tasks:same", inputs: {x: each.x}}}""", TASKS
    ).run(code=1)
    assert "key" in ran.failures[0]["message"]


def test_a_printed_command_can_be_pasted_into_a_shell(project):
    story = project(
        """
        steps:
          fit: {foreach: {model: [xgb], fold: [1]}, run: "tasks:broken", inputs: {model: each.model, fold: each.fold}}
        """,
        "def broken(model, fold): raise ValueError('no')",
    )
    said = story.call("run", "pipeline.yaml").err
    commands = [line.strip().partition("yamlflow ")[2] for line in said.splitlines() if "yamlflow " in line]
    words = [shlex.split(command) for command in commands]
    assert any("fit[model=xgb,fold=1]" in command for command in words), said
