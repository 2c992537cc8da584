"""max_parallel: at most so many items of one loop at once."""

from __future__ import annotations

TASKS = """
    def hold(x=0):
        with busy():
            pass
    def meeting(x):
        meet("here", 3)
"""


def test_no_more_than_it_says(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.05}}
        steps: {hold: {foreach: {x: range(10)}, max_parallel: 2, run: "tasks:hold", inputs: {x: each.x}}}
        """,
        TASKS,
    )
    story.run()
    assert story.at_once() <= 2
    assert story.ledger.count("in x") == 10


def test_and_no_fewer(project):
    project(
        """
        defaults: {resources: {cpu: 0.05}}
        steps: {m: {foreach: {x: range(3)}, max_parallel: 3, run: "tasks:meeting", inputs: {x: each.x}}}
        """,
        TASKS,
    ).run()


def test_on_a_group_it_counts_items_of_the_group(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.05}}
        steps:
          group:
            foreach: {x: range(5)}
            max_parallel: 1
            steps:
              a: {run: "tasks:hold"}
              b: {run: "tasks:hold", needs: [a]}
        """,
        TASKS,
    )
    story.run()
    assert story.at_once() == 1
    assert story.ledger.count("in x") == 10
