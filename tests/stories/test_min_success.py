"""min_success: how many items of a loop must succeed for the loop to count."""

from __future__ import annotations

import pytest

TASKS = """
    def work(x):
        note("work", x)
        if x < 3:
            raise ValueError("no")
        return x
    def total(xs: list):
        return [len(xs), sum(x for x in xs if x is not None)]
"""


@pytest.mark.parametrize(("share", "code"), [("70%", 0), ("50%", 0), ("71%", 1), ("100%", 1)])
def test_enough_is_success_and_too_few_is_failure(project, share, code):
    story = project(
        f"""
        steps:
          work:
            foreach: {{x: range(10)}}
            run: tasks:work
            inputs: {{x: each.x}}
            fail_fast: false
            min_success: {share}
          total: {{run: "tasks:total", inputs: {{xs: steps.work}}}}
        """,
        TASKS,
    )
    ran = story.run(code=code)
    assert ran.counts("work") == {"failed": 3, "succeeded": 7}
    assert len(story.ledger) == 10
    if code == 0:
        assert ran.outputs == {"total": [10, 42]}
    else:
        assert ran.state("total") == "upstream_failed"


def test_what_cannot_be_enough_any_more_stops(project):
    story = project(
        """
        steps:
          work:
            foreach: {x: range(10)}
            max_parallel: 1
            run: tasks:work
            inputs: {x: each.x}
            min_success: 90%
        """,
        TASKS,
    )
    story.run(code=1)
    assert len(story.ledger) < 10
