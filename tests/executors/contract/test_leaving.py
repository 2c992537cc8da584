"""What is left when a task ends, when a launcher lets go, and what the next launcher finds."""

from __future__ import annotations

import time

import pytest


def pulse(bench, job):
    path = bench.desk / f"{job.display}.pulse"
    return path.stat().st_size if path.exists() else 0


def assert_no_pulse(bench, job):
    """Whoever wrote it does no more."""
    deadline = time.monotonic() + bench.patience
    while True:
        before = pulse(bench, job)
        time.sleep(0.3)
        if pulse(bench, job) == before:
            return
        assert time.monotonic() < deadline, "a child of the task still lives"


@pytest.mark.ability("children")
@pytest.mark.parametrize("how", ["succeeds", "cancelled"])
def test_what_a_task_started_ends_with_it(bench, how):
    job = bench.started(bench.waiting("family"))
    bench.until(lambda: pulse(bench, job))
    if how == "cancelled":
        bench.cancel(job)
    else:
        bench.let_go(job)
    bench.ended(job)
    assert_no_pulse(bench, job)


@pytest.mark.ability("tidy")
def test_when_the_launcher_lets_go_nothing_runs_on(bench):
    job = bench.started(bench.waiting())
    bench.end()
    bench.let_go(job)
    time.sleep(0.3)
    assert f"ends {job.display}" not in bench.notes()
    assert bench.leftovers() == []


@pytest.mark.ability("tidy")
def test_when_all_has_ended_nothing_is_left_of_it(bench):
    bench.value("add", inputs={"a": 1})
    bench.end()
    assert bench.leftovers() == []


@pytest.mark.ability("detach")
def test_the_next_launcher_finds_what_was_left_running_and_hears_its_end(bench):
    job = bench.started(bench.waiting())
    bench.relaunch(detach=True)
    assert [(report.kind, report.attempt_id) for report in bench.executor.adopt(bench.run_id)] == [
        ("started", job.attempt_id)
    ]
    bench.let_go(job)
    assert bench.loaded(bench.ended(job)) == "went on"
    assert begun_once(bench, job)


@pytest.mark.ability("detach")
def test_what_ended_while_nobody_listened_is_told_to_the_next_launcher(bench):
    job = bench.started(bench.waiting())
    bench.end(detach=True)
    bench.let_go(job)
    deadline = time.monotonic() + bench.patience
    while f"ends {job.display}" not in bench.notes():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    bench.relaunch(detach=True)
    bench.heard += bench.executor.adopt(bench.run_id)
    assert bench.loaded(bench.ended(job)) == "went on"


@pytest.mark.ability("detach")
def test_what_was_left_running_and_is_handed_over_again_does_not_begin_again(bench):
    job = bench.started(bench.waiting())
    bench.relaunch(detach=True)
    bench.submit(job)
    bench.let_go(job)
    assert bench.loaded(bench.ended(job)) == "went on"
    assert begun_once(bench, job)


@pytest.mark.ability("detach")
def test_the_next_launcher_can_end_what_it_found(bench):
    job = bench.started(bench.waiting())
    bench.relaunch(detach=True)
    bench.heard += bench.executor.adopt(bench.run_id)
    bench.cancel(job)
    assert bench.ended(job).failure.reason == "cancelled"


@pytest.mark.ability("detach")
def test_what_belongs_to_another_run_is_not_found(bench):
    job = bench.started(bench.waiting())
    bench.relaunch(detach=True)
    assert list(bench.executor.adopt("another-run")) == []
    bench.heard += bench.executor.adopt(bench.run_id)
    bench.let_go(job)
    bench.ended(job)


def begun_once(bench, job):
    return bench.notes().count(f"begins {job.display}") == 1
