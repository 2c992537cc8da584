"""An attempt starts once and ends once; a batch holds as many as there are; each is on its own."""

from __future__ import annotations

import threading
import time

import pytest

from yamlflow.core.jobs import JobBatch

pytestmark = pytest.mark.ability("attempts")


def test_an_attempt_is_started_then_ended_once(bench):
    job = bench.job("add", inputs={"a": 1})
    assert bench.run(job).state == "succeeded"
    bench.listen()
    assert [report.kind for report in bench.said(job, "started", "ended", "gone")] == ["started", "ended"]


def test_what_is_handed_over_twice_runs_once(bench):
    job = bench.waiting()
    bench.submit(job)
    bench.submit(job)
    bench.wait_for_start(job)
    bench.let_go(job)
    assert bench.loaded(bench.ended(job)) == "went on"
    bench.listen()
    assert [report.kind for report in bench.said(job, "started", "ended", "gone")] == ["started", "ended"]
    assert bench.notes().count(f"begins {job.display}") == 1


def test_attempts_run_at_the_same_time(bench):
    jobs = [bench.waiting() for _ in range(3)]
    bench.submit(*jobs)
    for job in jobs:
        bench.wait_for_start(job)
    for job in reversed(jobs):
        bench.let_go(job)
        assert bench.ended(job).state == "succeeded"


def test_an_attempt_that_nobody_knows_is_gone_when_it_is_cancelled(bench):
    job = bench.job("add", inputs={"a": 1})
    bench.cancel(job)
    bench.gone(job)


def test_a_poll_with_nothing_to_say_waits_and_comes_back_empty(bench):
    begun = time.monotonic()
    assert list(bench.executor.poll(0.1)) == []
    assert 0.05 < time.monotonic() - begun < 10


def test_a_wake_ends_a_poll_even_if_it_came_first(bench):
    bench.executor.wake()
    begun = time.monotonic()
    assert list(bench.executor.poll(bench.patience)) == []
    assert time.monotonic() - begun < bench.patience / 2


def test_a_poll_that_waits_is_woken_by_another_thread(bench):
    begun = time.monotonic()
    timer = threading.Timer(0.2, bench.executor.wake)
    timer.start()
    assert list(bench.executor.poll(bench.patience)) == []
    timer.join()
    assert time.monotonic() - begun < bench.patience / 2


def test_its_traits_are_data(bench):
    traits = bench.executor.traits
    assert min(traits.max_batch, traits.depth, traits.chain) >= 1
    assert isinstance(traits.machine, bool)


@pytest.mark.ability("loops")
def test_a_loop_of_no_items_says_nothing(bench):
    bench.executor.submit(JobBatch("none", "step", 0, [].__getitem__))
    assert bench.listen() == []


@pytest.mark.ability("loops")
def test_a_loop_of_one_item_has_one_result(bench):
    assert bench.value("add", inputs={"a": 1}) == 11


@pytest.mark.ability("loops")
def test_a_loop_of_a_hundred_items_has_a_hundred_results(bench):
    jobs = [bench.job("add", inputs={"a": number}) for number in range(100)]
    bench.submit(*jobs)
    assert [bench.loaded(bench.ended(job)) for job in jobs] == [number + 10 for number in range(100)]
    ends = [report for report in bench.heard if report.kind == "ended"]
    assert len(ends) == 100


@pytest.mark.ability("loops")
def test_an_item_that_fails_does_so_alone(bench):
    jobs = [bench.noting("count", inputs={"fails": number == 1}) for number in range(3)]
    bench.submit(*jobs)
    assert [bench.ended(job).state for job in jobs] == ["succeeded", "failed", "succeeded"]
