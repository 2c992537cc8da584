"""Which attempts of an earlier launch a task may have, and what they said before anybody asked."""

from __future__ import annotations

import pytest

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Job, JobBatch, Outcome, Report
from yamlflow.core.messages import ExecutorTraits
from yamlflow.engine.attempts.adoption import find_adoptable, share_log
from yamlflow.engine.attempts.keys import attempt_id
from yamlflow.executors.fake import FakeExecutor, FakeOptions

FIT = TaskId("fit", (3,))
LASTING = {"box": ExecutorTraits(adopts=True), "local": ExecutorTraits()}


class Lasting(FakeExecutor):
    """Whatever it was given before is found again, with the digest of what it was given."""

    def adopt(self, run_id):
        return [
            Report(report.kind, report.attempt_id, given=self.jobs[report.attempt_id].given)
            for report in super().adopt(run_id)
        ]


def found(task=FIT, launch=0, attempt=1, given="d1"):
    """What the launch with number 2 finds when one attempt was left."""
    name = attempt_id("run", launch, task, attempt)
    job = Job(name, "run", task, "fit[3]", attempt, {"kind": "python", "callable": "m:f"}, given=given)
    executor = Lasting(FakeOptions(held=frozenset({"fit"})))
    executor.submit(JobBatch(name, "fit", 1, lambda _: job))
    return name, find_adoptable("run", 2, {"box": executor, "local": FakeExecutor()}, LASTING)


@pytest.mark.parametrize(("launch", "attempt"), [(0, 1), (1, 1), (1, 12)])
def test_a_task_has_the_attempt_that_was_given_the_same_once(launch, attempt):
    name, adoption = found(launch=launch, attempt=attempt)
    assert adoption.claim(FIT, "d1") == name
    assert adoption.claim(FIT, "d1") is None


@pytest.mark.parametrize(("task", "given"), [(FIT, "d2"), (TaskId("fit", (4,)), "d1"), (TaskId("other", (3,)), "d1")])
def test_an_attempt_at_something_else_is_nobodys(task, given):
    _, adoption = found()
    assert adoption.claim(task, given) is None


def test_an_attempt_of_this_launch_is_not_taken_for_an_earlier_one():
    _, adoption = found(launch=2)
    assert adoption.claim(FIT, "d1") is None


def test_the_end_of_an_attempt_is_kept_until_it_is_asked_for():
    name, adoption = found()
    end = Report("ended", name, outcome=Outcome("succeeded"))
    adoption.hold(end)
    adoption.hold(Report("progress", name, message="late"))
    adoption.hold(Report("ended", "a stranger"))
    assert adoption.reports == {name: end}


def test_the_first_launch_asks_nobody():
    executor = FakeExecutor()
    adoption = find_adoptable("run", 0, {"box": executor}, LASTING)
    assert (adoption.reports, adoption.lasting, executor.calls["adopt"]) == ({}, {"box"}, 0)


def test_an_attempt_that_is_taken_over_keeps_its_log(tmp_path):
    (tmp_path / "old.log").write_text("said before")
    job = Job("new", "run", FIT, "fit[3]", 1, {}, log=str(tmp_path / "new.log"))
    share_log(job, "old")
    share_log(job, "old")
    assert (tmp_path / "new.log").read_text() == "said before"
