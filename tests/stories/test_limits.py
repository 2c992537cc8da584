"""limits: named ones, shared by steps."""

from __future__ import annotations

TASKS = """
    def hold(x=0):
        with busy():
            pass
"""


def test_steps_that_share_a_limit_share_its_slots(project):
    story = project(
        """
        limits: {warehouse: 1}
        defaults: {resources: {cpu: 0.05}}
        steps:
          a: {foreach: {x: range(4)}, run: "tasks:hold", limit: warehouse}
          b: {foreach: {x: range(4)}, run: "tasks:hold", limit: warehouse}
        """,
        TASKS,
    )
    story.run()
    assert story.at_once() == 1
    assert story.ledger.count("in x") == 8


def test_an_unknown_limit_is_refused_with_the_near_one(project):
    said = project('limits: {warehouse: 1}\nsteps: {a: {run: "tasks:hold", limit: warehose}}', TASKS).refused()
    assert "did you mean `warehouse`" in said
