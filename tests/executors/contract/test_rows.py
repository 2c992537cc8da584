"""Jobs that come under one grant: one after another, and what happens to the others when one of them ends badly."""

from __future__ import annotations

import pytest

from yamlflow.core.jobs import UNSTARTED


def end(bench, job):
    """How it ended: `succeeded`, the reason of its failure, or that it never began."""
    (report, *_) = bench.until(lambda: bench.said(job, "ended", "gone"))
    if report.kind == "gone":
        return report.message
    return report.outcome.failure.reason if report.outcome.failure else report.outcome.state


def begun(bench):
    return [line.split()[1] for line in bench.notes() if line.startswith("begins")]


def all_succeed(bench, jobs, isolation="process"):
    """Until each has succeeded: what is given back is handed over again."""
    left = list(jobs)
    while left:
        bench.together(*left, isolation=isolation)
        ends = [end(bench, job) for job in left]
        assert set(ends) <= {"succeeded", UNSTARTED}
        assert ends[0] == "succeeded"
        left = [job for job, how in zip(left, ends, strict=True) if how == UNSTARTED]
        bench.heard = [report for report in bench.heard if report.message != UNSTARTED]


@pytest.mark.ability("chains")
def test_jobs_of_one_grant_run_one_after_another(bench):
    jobs = [bench.noting("count") for _ in range(4)]
    all_succeed(bench, jobs)
    assert bench.notes() == [line for job in jobs for line in (f"begins {job.display}", f"ends {job.display}")]


@pytest.mark.ability("chains")
def test_each_of_them_has_its_own_process_log_and_end(bench):
    jobs = [bench.noting("process") for _ in range(3)]
    all_succeed(bench, jobs)
    assert len({bench.loaded(bench.ended(job)) for job in jobs}) == 3
    loud = [bench.noting("count") for _ in range(3)]
    all_succeed(bench, loud)
    assert [bench.log(job) for job in loud] == [f"says {job.display}\n".encode() for job in loud]


@pytest.mark.ability("chains")
def test_none_of_them_is_said_to_start_before_the_one_in_front_has_ended(bench):
    """One that is over at once may have an end and no start."""
    jobs = [bench.noting("count") for _ in range(3)]
    all_succeed(bench, jobs)
    said = [(report.kind, report.attempt_id) for report in bench.heard if report.kind in ("started", "ended")]
    right = [(kind, job.attempt_id) for job in jobs for kind in ("started", "ended")]
    assert said == [each for each in right if each in said]
    assert [each for each in said if each[0] == "ended"] == right[1::2]


@pytest.mark.ability("chains")
def test_behind_one_that_fails_nothing_begins_and_the_others_are_given_back(bench):
    jobs = [bench.noting("count", inputs={"fails": number == 1}) for number in range(4)]
    bench.together(*jobs)
    first, second, *others = [end(bench, job) for job in jobs]
    if second == UNSTARTED:  # the first took long on this machine: nothing waits behind who takes long
        bench.heard.clear()
        bench.together(*jobs[1:])
        second, *others = [end(bench, job) for job in jobs[1:]]
    assert (first, second, others) == ("succeeded", "error", [UNSTARTED, UNSTARTED])
    assert begun(bench) == [job.display for job in jobs[:2]]


@pytest.mark.ability("chains")
def test_one_that_waits_can_be_released_and_never_begins(bench):
    long, *others = [bench.waiting() for _ in range(2)]
    bench.together(long, *others)
    bench.wait_for_start(long)
    bench.cancel(long, *others, begun=False)
    assert [end(bench, job) for job in others] == [UNSTARTED]
    bench.let_go(long)
    assert end(bench, long) == "succeeded"
    assert begun(bench) == [long.display]


@pytest.mark.ability("shared")
def test_jobs_that_share_a_process_run_one_after_another_in_it(bench):
    jobs = [bench.noting("process") for _ in range(5)]
    all_succeed(bench, jobs, isolation="shared")
    assert len({bench.loaded(bench.ended(job)) for job in jobs}) == 1
    assert begun(bench) == [job.display for job in jobs]


@pytest.mark.ability("shared")
def test_each_of_those_has_its_own_log_and_failure(bench):
    jobs = [bench.noting("count", inputs={"fails": number == 1}) for number in range(3)]
    bench.together(*jobs, isolation="shared")
    assert [end(bench, job) for job in jobs] == ["succeeded", "error", "succeeded"]
    assert [b"ValueError" in bench.log(job) for job in jobs] == [False, True, False]
    assert bench.log(jobs[2]) == f"says {jobs[2].display}\n".encode()


@pytest.mark.ability("shared")
def test_one_that_has_not_begun_is_cancelled_alone(bench):
    jobs = [bench.waiting() for _ in range(3)]
    bench.together(*jobs, isolation="shared")
    bench.wait_for_start(jobs[0])
    bench.cancel(jobs[1])
    assert end(bench, jobs[1]) == "cancelled"
    for job in jobs:
        bench.let_go(job)
    assert [end(bench, jobs[0]), end(bench, jobs[2])] == ["succeeded", "succeeded"]
    assert begun(bench) == [jobs[0].display, jobs[2].display]
