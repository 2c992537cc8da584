"""max_items: a bound on loops, before the run where it is known, at the expansion where not."""

from __future__ import annotations

TASKS = """
    def one(x=0):
        note("one")
        return x
    def make(n: int):
        return list(range(n))
"""


def test_what_is_known_from_the_file_is_refused_before_the_run(project):
    story = project('steps: {one: {foreach: {x: "range(20000)"}, run: "tasks:one", inputs: {x: each.x}}}', TASKS)
    said = story.refused()
    assert "20000" in said.replace(",", "").replace("_", "")
    assert "max_items" in said or "--max-items" in said


def test_nested_loops_are_multiplied(project):
    story = project(
        """
        steps:
          outer: {foreach: {a: "range(200)"}, steps: {inner: {foreach: {b: "range(200)"}, run: "tasks:one"}}}
        """,
        TASKS,
    )
    assert "40000" in story.refused().replace(",", "").replace("_", "")


def test_what_only_a_run_can_know_is_checked_before_any_of_its_tasks(project):
    story = project(
        """
        steps:
          make: {run: "tasks:make", with: {n: 6}}
          one: {foreach: {x: steps.make}, max_items: 5, run: "tasks:one", inputs: {x: each.x}}
        """,
        TASKS,
    )
    ran = story.run(code=1)
    assert story.ledger == []
    assert "6" in ran.failures[0]["message"]


def test_the_flag_and_the_key_raise_the_bound(project):
    story = project(
        'steps: {one: {foreach: {x: "range(6)"}, max_items: 5, run: "tasks:one", inputs: {x: each.x}}}', TASKS
    )
    story.refused()
    assert story.run("--max-items", "6").counts("one") == {"succeeded": 6}
