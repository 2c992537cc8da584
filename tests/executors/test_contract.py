"""What every executor owes the engine, whatever it runs tasks on."""

from __future__ import annotations

import time

import pytest

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Job, JobBatch
from yamlflow.executors.fake import FakeExecutor, FakeOptions
from yamlflow.executors.local import LocalExecutor, LocalOptions

HOLD = {"kind": "python", "callable": "time:sleep"}
PASS = {"kind": "python", "callable": "os:getpid"}


@pytest.fixture(params=["fake", "local"])
def executor(request):
    if request.param == "fake":
        made = FakeExecutor(FakeOptions(held=frozenset({"hold"})))
    else:
        made = LocalExecutor(LocalOptions(grace=0.5))
    yield made
    made.close()


@pytest.fixture
def job(tmp_path):
    def make(name, *, hold=False):
        return Job(
            attempt_id=name,
            run_id="run",
            task=TaskId("hold" if hold else "pass", (0,)),
            display=name,
            attempt=1,
            target=HOLD if hold else PASS,
            inputs={"secs": 60} if hold else {},
            log=str(tmp_path / "logs" / name),
            scratch=str(tmp_path / "scratch" / name),
            store=str(tmp_path / "store"),
        )

    return make


def submit(executor, *jobs):
    executor.submit(JobBatch(jobs[0].attempt_id, "step", len(jobs), lambda index: jobs[index]))


def heard(executor, wanted, patience=20):
    """All reports up to the one that is wanted."""
    reports = []
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        reports += executor.poll(0.2)
        if any(wanted(report) for report in reports):
            return reports
    raise AssertionError(reports)


def is_end(report):
    return report.kind == "ended"


def test_an_attempt_is_started_then_ended_once(executor, job):
    submit(executor, job("a"))
    reports = [*heard(executor, is_end), *executor.poll(0.1)]
    assert [(report.kind, report.attempt_id) for report in reports] == [("started", "a"), ("ended", "a")]
    assert reports[-1].outcome.state == "succeeded"


def test_every_job_of_a_batch_is_an_attempt_of_its_own(executor, job):
    submit(executor, job("a"), job("b"), job("c"))
    ended = set()
    while len(ended) < 3:
        ended |= {report.attempt_id for report in heard(executor, is_end) if is_end(report)}
    assert ended == {"a", "b", "c"}


def test_what_is_submitted_again_while_it_runs_is_not_started_again(executor, job):
    submit(executor, job("a", hold=True))
    submit(executor, job("a", hold=True))
    reports = heard(executor, lambda report: report.kind == "started")
    reports += executor.poll(0.2)
    assert [report.kind for report in reports] == ["started"]


def test_cancel_is_answered_by_an_end_and_then_by_gone(executor, job):
    submit(executor, job("a", hold=True))
    heard(executor, lambda report: report.kind == "started")
    executor.cancel(["a"])
    (end,) = [report for report in heard(executor, is_end) if is_end(report)]
    assert end.outcome.failure.reason == "cancelled"
    executor.cancel(["a"], force=True)
    assert [report.kind for report in heard(executor, lambda report: report.kind == "gone")] == ["gone"]


def test_a_poll_with_nothing_to_say_waits_and_comes_back_empty(executor):
    begun = time.monotonic()
    assert list(executor.poll(0.05)) == []
    assert time.monotonic() - begun < 5


def test_wake_is_not_lost_when_nobody_waits_yet(executor):
    executor.wake()
    begun = time.monotonic()
    executor.poll(20)
    assert time.monotonic() - begun < 10


def test_its_traits_are_data(executor):
    assert executor.traits.max_batch >= 1
    assert isinstance(executor.traits.machine, bool)


def test_to_cancel_only_what_has_not_begun_leaves_the_others_alone_and_says_nothing(executor, job):
    submit(executor, job("a", hold=True))
    heard(executor, lambda report: report.kind == "started")
    executor.cancel(["a", "unknown"], begun=False)
    assert executor.poll(0.2) == []
    executor.cancel(["a"], force=True)
    heard(executor, lambda report: report.kind == "ended" and report.attempt_id == "a")
