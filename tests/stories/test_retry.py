"""retry: how often, when, for what, and how long between."""

from __future__ import annotations

from itertools import pairwise

import pytest

TASKS = """
    import time, os, signal
    from yamlflow import NoRetry, Context

    def flaky(good_at: int, kind: str = "value"):
        tries = count("try")
        if tries + 1 < good_at:
            raise {"value": ValueError, "os": OSError, "conn": ConnectionResetError}[kind]("not yet")
        return tries + 1
    def final():
        note("try")
        raise NoRetry(ValueError("never"))
    def lost(times: int):
        if count("try") < times:
            os.kill(os.getpid(), signal.SIGKILL)
        return "back"
    def stamps():
        note("at", time.monotonic())
        raise ValueError("no")
    def attempt(ctx: Context):
        if ctx.attempt < 3:
            raise ValueError("no")
        return ctx.attempt
"""


def step(extra: str) -> str:
    return f"steps: {{flaky: {{run: 'tasks:flaky', {extra}}}}}\noutputs: {{tries: steps.flaky}}"


def test_attempts_counts_the_first_try(project):
    assert project(step("with: {good_at: 3}, retry: {attempts: 3}"), TASKS).run().outputs == {"tries": 3}
    story = project(step("with: {good_at: 9}, retry: {attempts: 3}"), TASKS)
    (story.folder / "ledger.txt").unlink()
    story.run(code=1)
    assert story.ledger == ["try"] * 3


def test_without_retry_there_is_one_try(project):
    story = project(step("with: {good_at: 2}"), TASKS)
    story.run(code=1)
    assert story.ledger == ["try"]


@pytest.mark.parametrize(
    ("on", "kind", "code"),
    [
        ("[ValueError]", "value", 0),
        ("[OSError]", "value", 1),
        ("[OSError]", "conn", 0),
        ("[error]", "os", 0),
        ("[timeout]", "os", 1),
    ],
)
def test_on_says_for_what_by_reason_or_exception_or_its_bases(project, on, kind, code):
    project(step(f"with: {{good_at: 2, kind: {kind}}}, retry: {{attempts: 2, on: {on}}}"), TASKS).run(code=code)


def test_no_retry_is_final(project):
    story = project("steps: {final: {run: 'tasks:final', retry: {attempts: 5}}}", TASKS)
    ran = story.run(code=1)
    assert story.ledger == ["try"]
    assert "never" in ran.failures[0]["message"]


def test_the_delay_grows_up_to_its_bound(project):
    story = project(
        "steps: {s: {run: 'tasks:stamps', retry: {attempts: 4, backoff: exponential, delay: 100ms, max_delay: 250ms, jitter: false}}}",
        TASKS,
    )
    story.run(code=1)
    at = [float(line.split()[1]) for line in story.ledger]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    for gap, least in zip(gaps, (0.1, 0.2, 0.25), strict=True):
        assert gap >= least * 0.95


@pytest.mark.parametrize(
    ("budget", "times", "tries"),
    [("infra: 2", 2, 3), ("infra: 2, attempts: 1, on: [timeout]", 2, 3), ("infra: 0, attempts: 9", 9, 1)],
)
def test_a_task_that_is_killed_from_outside_is_tried_again_on_the_budget_of_infrastructure(
    project, budget, times, tries
):
    code = 0 if tries > times else 1
    story = project(f"steps: {{lost: {{run: 'tasks:lost', with: {{times: {times}}}, retry: {{{budget}}}}}}}", TASKS)
    ran = story.run(code=code)
    assert story.ledger == ["try"] * tries
    assert [failure["reason"] for failure in ran.failures] == ["lost"] * code


def test_the_attempt_is_known_to_the_task(project):
    ran = project("steps: {a: {run: 'tasks:attempt', retry: {attempts: 3}}}\noutputs: {a: steps.a}", TASKS).run()
    assert ran.outputs == {"a": 3}
