"""fail_fast: after a failed item no further one starts; running ones finish and are kept."""

from __future__ import annotations

TASKS = """
    def work(x):
        note("start", x)
        if x == 0:
            meet("both", 2)
            raise ValueError("no")
        if x == 1:
            meet("both", 2)
            wait_for("go")
        note("end", x)
        return x
    def simple(x):
        note("start", x)
        if x == 0:
            raise ValueError("no")
        return x
"""


def test_by_default_no_further_item_starts_and_a_running_one_is_kept(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.1}}
        steps:
          work: {foreach: {x: range(6)}, max_parallel: 2, run: "tasks:work", inputs: {x: each.x}}
        """,
        TASKS,
    )
    run = story.start()
    story.until_noted("start 0", "start 1")
    story.until_status(lambda seen: seen.counts("work").get("failed") == 1)
    story.touch("go")
    ran = story.finish(run, code=1)
    assert "end 1" in story.ledger
    assert ran.counts("work") == {"failed": 1, "succeeded": 1, "cancelled": 4}
    assert "start 5" not in story.ledger


def test_without_it_every_item_gets_its_turn(project):
    story = project(
        'steps: {work: {foreach: {x: range(6)}, fail_fast: false, max_parallel: 1, run: "tasks:simple", inputs: {x: each.x}}}',
        TASKS,
    )
    ran = story.run(code=1)
    assert ran.counts("work") == {"failed": 1, "succeeded": 5}
