"""Repeat: a group again and again, each round with the outputs of the one before."""

from __future__ import annotations

from datetime import datetime

TASKS = """
    def half(x: float) -> float:
        note("half", x)
        return x / 2
"""
LOOP = """
    params: {tol: 1.0, rounds: 10}
    steps:
      init: {run: "tasks:half", with: {x: 32.0}}
      search:
        repeat: {start: {x: steps.init}, until: steps.half < params.tol, max: 10MORE}
        steps:
          half: {run: "tasks:half", inputs: {x: each.x}}
        outputs: {x: steps.half}
      last: {run: "tasks:half", inputs: {x: steps.search.x}}
    outputs: {found: steps.search.x, last: steps.last}
"""


def test_rounds_go_on_until_the_condition_holds(project):
    story = project(LOOP.replace("MORE", ""), TASKS)
    ran = story.run()
    assert ran.outputs == {"found": 0.5, "last": 0.25}
    assert story.ledger == [f"half {x}" for x in (32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 0.5)]
    assert ran.counts("search.half") == {"succeeded": 5}


def test_the_bound_without_the_condition_fails_as_not_converged(project):
    ran = project(LOOP.replace("MORE", "").replace("max: 10", "max: 2"), TASKS).run(code=1)
    assert [failure["reason"] for failure in ran.failures] == ["not_converged"]
    assert ran.state("last") == "upstream_failed"


def test_the_bound_may_be_good_enough(project):
    ran = project(LOOP.replace("max: 10MORE", "max: 2, on_max: accept"), TASKS).run()
    assert ran.outputs == {"found": 4.0, "last": 2.0}


def test_a_repeat_inside_a_loop_has_its_own_rounds_per_item(project):
    ran = project(
        """
        steps:
          all:
            foreach: {x0: [8.0, 2.0]}
            steps:
              search:
                repeat: {start: {x: each.x0}, until: steps.half <= 1, max: 10}
                steps: {half: {run: "tasks:half", inputs: {x: each.x}}}
                outputs: {x: steps.half}
            outputs: {x: steps.search.x}
        outputs: {all: steps.all.x}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": [1.0, 1.0]}
    assert ran.counts("all.search.half") == {"succeeded": 4}


def test_rounds_may_keep_a_pause_between_them(project):
    document = project(LOOP.replace("MORE", ", delay: 50ms"), TASKS).run().document
    took = datetime.fromisoformat(document["ended"]) - datetime.fromisoformat(document["started"])
    assert took.total_seconds() >= 0.2
