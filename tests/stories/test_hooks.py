"""Hooks: steps that run once when the run has ended, whatever its end."""

from __future__ import annotations

import signal

TASKS = """
    def ok():
        note("ok")
        return 1
    def fail(x=0):
        raise ValueError("the reason")
    def told(what, error=None, run_id=None, state=None):
        note(what, (error or {}).get("step"), (error or {}).get("reason"), state)
    def hold():
        note("holding")
        wait_for("never")
"""
HOOKS = """
    on_success: {good: {run: "tasks:told", with: {what: good}, inputs: {state: run.state}}}
    on_failure: {bad: {run: "tasks:told", with: {what: bad}, inputs: {error: run.error, state: run.state, run_id: run.id}}}
    on_exit: {always: {run: "tasks:told", with: {what: always}, inputs: {state: run.state}}}
"""


def test_success_runs_its_hooks_and_those_of_every_exit(project):
    story = project(HOOKS + '    steps: {ok: {run: "tasks:ok"}}', TASKS)
    story.run()
    assert sorted(story.ledger) == ["always None None succeeded", "good None None succeeded", "ok"]


def test_failure_runs_its_hooks_with_the_error(project):
    story = project(HOOKS + '    steps: {boom: {run: "tasks:fail"}}', TASKS)
    ran = story.run(code=1)
    assert sorted(story.ledger) == ["always None None failed", "bad boom error failed"]
    assert [failure["step"] for failure in ran.failures] == ["boom"]


def test_hooks_run_after_an_interrupt_too(project):
    story = project(HOOKS + '    steps: {hold: {run: "tasks:hold"}}', TASKS)
    run = story.start()
    story.until_noted("holding")
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=40)
    assert run.returncode == -signal.SIGINT
    assert "always None None cancelled" in story.ledger


def test_hooks_may_depend_on_each_other_and_a_failing_hook_is_shown(project):
    story = project(
        """
        steps: {ok: {run: "tasks:ok"}}
        on_exit:
          first: {run: "tasks:ok"}
          second: {run: "tasks:fail", inputs: {x: steps.first}}
        """,
        TASKS,
    )
    ran = story.call("run", "pipeline.yaml", "--json")
    assert story.ledger == ["ok", "ok"]
    assert "the reason" in ran.err


def test_notifications_are_refused_until_this_version_sends_them(project):
    said = project(
        'on_failure: {notify: {webhook: "https://example.com/x"}}\nsteps: {ok: {run: "tasks:ok"}}', TASKS
    ).refused()
    assert "not-yet-supported" in said
