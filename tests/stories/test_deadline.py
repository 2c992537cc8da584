"""deadline: from the first submission over all attempts; at the top, for the whole run."""

from __future__ import annotations

TASKS = """
    import time

    def never():
        note("try")
        time.sleep(0.2)
        raise ValueError("no")
    def hang():
        time.sleep(300)
    def ok():
        return 1
"""


def test_a_step_gives_up_at_its_deadline_however_many_attempts_are_left(project):
    story = project(
        'steps: {never: {run: "tasks:never", retry: {attempts: 1000, delay: 50ms}, deadline: 1500ms}}', TASKS
    )
    ran = story.run(code=1)
    assert [failure["reason"] for failure in ran.failures] == ["deadline"]
    assert 1 <= len(story.ledger) <= 8


def test_a_running_attempt_ends_at_the_deadline(project):
    ran = project('steps: {hang: {run: "tasks:hang", deadline: 1s}}', TASKS).run(code=1)
    assert [failure["reason"] for failure in ran.failures] == ["deadline"]


def test_the_deadline_of_the_run_ends_it_all(project):
    ran = project('deadline: 1500ms\nsteps: {hang: {run: "tasks:hang"}, ok: {run: "tasks:ok"}}', TASKS).run(code=1)
    assert ran.state("ok") == "succeeded"
    assert ran.document["state"] in ("failed", "cancelled")
    assert ran.state("hang") in ("failed", "cancelled")
