"""--max-workers: at most so many tasks of the whole run at once."""

from __future__ import annotations

TASKS = """
    def hold(x=0):
        with busy():
            pass
"""


def test_one_worker_runs_one_task_at_a_time(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.05}}
        steps:
          a: {foreach: {x: range(4)}, run: "tasks:hold"}
          b: {foreach: {x: range(4)}, run: "tasks:hold"}
        """,
        TASKS,
    )
    story.run("--max-workers", "1")
    assert story.at_once() == 1
    assert story.ledger.count("in x") == 8


def test_none_at_all_is_a_wrong_flag(project):
    assert "max-workers" in project('steps: {a: {run: "tasks:hold"}}', TASKS).refused("--max-workers", "0")
