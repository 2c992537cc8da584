"""Isolation: a process for each task, or one for many small ones."""

from __future__ import annotations

TASKS = """
    import os

    calls = []
    def one(x):
        calls.append(x)
        note("begun", x)
        if x == 3 and os.environ.get("CRASH") == "yes" and not count("crashed"):
            os._exit(9)
        return [os.getpid(), x]
    def pids(each: list) -> int:
        return len({pid for pid, _ in each})
    def xs(each: list) -> list:
        return [x for _, x in each]
"""

PIPELINE = """
    steps:
      many: {foreach: {x: range(40)}, run: "tasks:one", inputs: {x: each.x}, isolation: shared, retry: {attempts: 2}}
      pids: {run: "tasks:pids", inputs: {each: steps.many}}
      xs: {run: "tasks:xs", inputs: {each: steps.many}}
    outputs: {pids: steps.pids, xs: steps.xs}
"""


def begun(story):
    return sorted(note for note in story.ledger if note.startswith("begun"))


def test_each_task_has_a_process_of_its_own_unless_the_step_shares_one(project):
    own = project(PIPELINE.replace(", isolation: shared", ""), TASKS).run()
    shared = project(PIPELINE, TASKS).run("--max-workers", "2")
    assert own.outputs == {"pids": 40, "xs": list(range(40))}
    assert shared.outputs["pids"] <= 2
    assert shared.outputs["xs"] == list(range(40))


def test_a_profile_can_say_so_for_all_its_functions_and_a_step_for_itself(project):
    story = project(
        """
        executors: {local: {type: local, isolation: shared}}
        steps:
          many: {foreach: {x: range(10)}, run: "tasks:one", inputs: {x: each.x}}
          alone: {foreach: {x: range(10)}, run: "tasks:one", inputs: {x: each.x}, isolation: process}
          script: {sh: "true"}
          pids: {run: "tasks:pids", inputs: {each: steps.many}}
          alone_pids: {run: "tasks:pids", inputs: {each: steps.alone}}
        outputs: {many: steps.pids, alone: steps.alone_pids}
        """,
        TASKS,
    )
    assert story.run("--max-workers", "1").outputs == {"many": 1, "alone": 10}


def test_a_task_that_ends_the_process_is_tried_again_and_no_other_runs_twice(project):
    story = project(PIPELINE, TASKS)
    ran = story.run("--max-workers", "2", env={"CRASH": "yes"})
    assert ran.outputs["xs"] == list(range(40))
    assert begun(story) == sorted([*(f"begun {x}" for x in range(40)), "begun 3"])


def test_a_failed_run_goes_on_with_what_is_not_done(project):
    story = project(PIPELINE.replace("retry: {attempts: 2}", "max_parallel: 1"), TASKS)
    story.run("--max-workers", "2", code=1, env={"CRASH": "yes"})
    assert story.call("resume", "--json").outputs["xs"] == list(range(40))
    assert begun(story).count("begun 3") == 2
    assert len(begun(story)) == 41
