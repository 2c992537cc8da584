"""The executor without processes, and the registry that finds executors by name."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from yamlflow.core.errors import SetupError
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Job, JobBatch, Outcome, Report
from yamlflow.executors import registry
from yamlflow.executors.fake import FakeExecutor, FakeOptions
from yamlflow.executors.local import LocalExecutor, LocalOptions

BAD = Outcome("failed", failure=Failure("error", "no"))
GOOD = Outcome("succeeded", 1)


def job(name, node="fit", attempt=1, run="r"):
    return Job(name, run, TaskId(node, (0,)), f"{node}[{name}]", attempt, {"kind": "python", "callable": "m:f"})


def submit(executor, *jobs):
    executor.submit(JobBatch("b", "fit", len(jobs), lambda index: jobs[index]))


def ends(reports):
    return {report.attempt_id: report.outcome for report in reports if report.kind == "ended"}


def test_an_attempt_starts_and_ends_without_time():
    executor = FakeExecutor()
    submit(executor, job("a"), job("b"))
    begun = time.monotonic()
    reports = executor.poll(60)
    assert time.monotonic() - begun < 5
    assert [(report.kind, report.attempt_id) for report in reports] == [
        ("started", "a"),
        ("started", "b"),
        ("ended", "a"),
        ("ended", "b"),
    ]
    assert executor.calls == {"submit": 1, "jobs": 2, "poll": 1}


def test_a_script_answers_by_display_name_then_node_then_attempt():
    script = {"fit[one]": GOOD, "fit": [BAD, GOOD], "score": lambda job: Outcome("succeeded", job.attempt_id)}
    executor = FakeExecutor(FakeOptions(script=script))
    jobs = [
        job("one"),
        job("two"),
        job("three", attempt=2),
        job("four", attempt=9),
        job("five", node="score"),
        job("six", node="x"),
    ]
    submit(executor, *jobs)
    assert ends(executor.poll(0)) == {
        "one": GOOD,
        "two": BAD,
        "three": GOOD,
        "four": GOOD,
        "five": Outcome("succeeded", "five"),
        "six": Outcome("succeeded"),
    }


def test_a_held_attempt_waits_for_its_release_and_can_be_adopted():
    executor = FakeExecutor(FakeOptions(held=frozenset({"fit"})))
    submit(executor, job("a"), job("b"))
    assert ends(executor.poll(0)) == {}
    assert executor.adopt("r") == [Report("started", "a"), Report("started", "b")]
    assert executor.adopt("other") == []
    executor.release("a")
    assert list(ends(executor.poll(0))) == ["a"]
    executor.release()
    assert list(ends(executor.poll(0))) == ["b"]


def test_a_cancelled_attempt_says_so_once():
    executor = FakeExecutor(FakeOptions(held=frozenset({"fit"})))
    submit(executor, job("a"))
    executor.cancel(["a"])
    executor.cancel(["a"], force=True)
    reports = executor.poll(0)
    assert ends(reports)["a"].failure.reason == "cancelled"
    assert reports[-1] == Report("gone", "a")
    assert (executor.calls["cancel"], executor.calls["kill"]) == (1, 1)


def test_an_attempt_can_be_lost_and_anything_can_be_said():
    executor = FakeExecutor(FakeOptions(held=frozenset({"fit"})))
    submit(executor, job("a"))
    executor.poll(0)
    executor.lose("a")
    executor.say(Report("down", "", message="no answer"))
    assert executor.poll(0) == [Report("gone", "a"), Report("down", "", message="no answer")]


def test_the_registry_makes_executors_by_type():
    fake = registry.make("fake", {"per_poll": 3})
    assert isinstance(fake, FakeExecutor)
    local = registry.make("local", {"grace": 1.0})
    assert isinstance(local, LocalExecutor)
    local.close()
    assert registry.options_type("local") is LocalOptions


@pytest.mark.parametrize(
    ("kind", "options", "message", "hint"),
    [
        ("locale", {}, "there is no executor type `locale`", "did you mean `local`?"),
        ("slurm", {}, "there is no executor type `slurm`", "this version has `docker`, `fake`, `local`"),
        ("local", {"gracy": 1}, "executor type `local` has no option `gracy`", "it has `grace`"),
    ],
)
def test_what_the_registry_does_not_know_is_a_setup_error(kind, options, message, hint):
    with pytest.raises(SetupError) as caught:
        registry.make(kind, options)
    assert (caught.value.message, caught.value.hint, caught.value.exit_code) == (message, hint, 78)


def test_the_registry_imports_an_executor_when_it_is_used():
    code = "import sys, yamlflow.executors.registry; print([m for m in sys.modules if 'local' in m or 'fake' in m])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=registry.__file__.split("yamlflow/")[0],
    )
    assert done.stdout.strip() == "[]"
