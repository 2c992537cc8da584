"""Many short tasks, handed over several at a time: nobody can tell, but for the time they take."""

from __future__ import annotations

TASKS = """
    import os, time
    def one(x):
        note("begun", x)
        if x == 20:
            raise ValueError(x)
        return [os.getpid(), x]
    def pids(each: list) -> int:
        return len({pid for pid, _ in each})
"""

PIPELINE = """
    steps:
      many: {foreach: {x: range(40)}, run: "tasks:one", inputs: {x: each.x}}
      pids: {run: "tasks:pids", inputs: {each: steps.many}}
    outputs: {pids: steps.pids}
"""


def begun(story):
    return [int(note.split()[1]) for note in story.ledger if note.startswith("begun")]


def test_with_one_worker_they_run_in_order_and_behind_a_failure_nothing_begins(project):
    story = project(PIPELINE, TASKS)
    story.run("--max-workers", "1", code=1)
    assert begun(story) == list(range(21))
    story.call("resume", "--max-workers", "1")
    assert begun(story) == [*range(21), 20]


def test_each_has_a_process_of_its_own_and_runs_once(project):
    story = project(PIPELINE, TASKS.replace("x == 20", "False"))
    assert story.run("--max-workers", "2").outputs == {"pids": 40}
    assert sorted(begun(story)) == list(range(40))


def test_with_keep_going_all_others_run_once_and_a_failed_one_is_tried_as_often_as_it_says(project):
    story = project(PIPELINE.replace("inputs: {x: each.x}}", "inputs: {x: each.x}, retry: {attempts: 3}}"), TASKS)
    story.run("--max-workers", "2", "--keep-going", code=1)
    assert {x: begun(story).count(x) for x in range(20)} == dict.fromkeys(range(20), 1)
    assert begun(story).count(20) == 3
