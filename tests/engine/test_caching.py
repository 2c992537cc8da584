"""The cache from Python: a thousand tasks in one question to the database, and what is asked to be fresh."""

from __future__ import annotations

import pytest

from tests.stories.projects import Project
from yamlflow.core.errors import UsageError
from yamlflow.engine.run import EXIT_CODES
from yamlflow.store.results import Results

PIPELINE = """
    steps:
      make: {run: "tasks:make", cache: true, with: {n: 1000}}
      work: {foreach: {x: steps.make}, run: "tasks:work", inputs: {x: each.x}, cache: true, isolation: shared}
      total: {run: "tasks:total", inputs: {xs: steps.work}, cache: true}
"""
TASKS = """
    def make(n):
        return list(range(n))
    def work(x):
        return x
    def total(xs):
        return sum(xs)
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    yield made
    made.close()


def test_a_thousand_cached_tasks_are_found_by_few_questions_and_none_is_submitted(project, monkeypatch):
    import yamlflow

    story = project(PIPELINE, TASKS)
    story.run()
    asked: list[int] = []
    find = Results.find
    monkeypatch.setattr(Results, "find", lambda self, keys: (asked.append(len(keys)), find(self, keys))[1])
    monkeypatch.chdir(story.folder)
    again = yamlflow.run("pipeline.yaml")
    assert EXIT_CODES[again.state] == 0
    assert again["total"] == sum(range(1000))
    assert asked == [1, 1000, 1]
    assert not again.view.running
    assert {step: view.counts for step, view in again.view.steps.items()} == {
        "make": {"cached": 1},
        "work": {"cached": 1000},
        "total": {"cached": 1},
    }


def test_python_asks_for_fresh_results_as_the_command_line_does(project, monkeypatch):
    import yamlflow

    story = project('steps: {one: {run: "tasks:one", cache: {ttl: 1d}}}', "def one():\n    note('one')\n    return 1\n")
    monkeypatch.chdir(story.folder)
    states = [
        yamlflow.run("pipeline.yaml", **more).view.steps["one"].state.value
        for more in ({}, {}, {"refresh": ["o*"]}, {"no_cache": True}, {})
    ]
    assert states == ["succeeded", "cached", "succeeded", "succeeded", "cached"]
    with pytest.raises(UsageError, match="no such step"):
        yamlflow.run("pipeline.yaml", refresh=["two"])
