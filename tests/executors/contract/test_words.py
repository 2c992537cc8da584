"""What a task prints and says, and what nobody may read in it."""

from __future__ import annotations

import pytest


@pytest.mark.ability("logs")
def test_a_log_holds_both_streams_completely_and_in_order(bench):
    job = bench.job("speaks", inputs={"count": 2000})
    bench.run(job)
    assert bench.log(job) == b"".join(b"out %d\nerr %d\n" % (number, number) for number in range(2000))


@pytest.mark.ability("logs")
def test_a_log_holds_what_descriptors_and_children_write_in_order(bench):
    job = bench.job("streams")
    bench.run(job)
    assert bench.log(job) == b"python\nraw\nchild\ncomplaint\nagain\n"


@pytest.mark.ability("logs")
def test_a_log_keeps_every_byte(bench):
    job = bench.job("shows_bytes")
    bench.run(job)
    kept = bench.log(job) == bytes(range(256)) * 100
    assert kept, "bytes are missing, or are others"  # no one wants to see, or to wait for, the difference


@pytest.mark.ability("logs")
def test_each_attempt_has_a_log_of_its_own(bench):
    jobs = [bench.noting("count") for _ in range(3)]
    bench.submit(*jobs)
    for job in jobs:
        bench.ended(job)
    assert [bench.log(job) for job in jobs] == [f"says {job.display}\n".encode() for job in jobs]


@pytest.mark.ability("logs")
def test_why_a_task_failed_stands_at_the_end_of_its_log(bench):
    job = bench.job("fails", inputs={"words": "bad row 7"})
    bench.failure(job)
    assert bench.log(job).endswith(b"ValueError: bad row 7\n")


@pytest.mark.ability("logs")
def test_what_was_printed_before_a_sudden_end_is_not_lost(bench):
    target = {"kind": "command", "script": "echo before; kill -9 $$", "outputs": {}}
    job = bench.job(target)
    bench.failure(job)
    assert bench.log(job).startswith(b"before\n")


@pytest.mark.ability("live")
def test_a_log_can_be_read_while_the_task_runs(bench):
    job = bench.started(bench.waiting(inputs={"before": "epoch 1"}))
    bench.until(lambda: bench.log(job) == b"epoch 1\n")
    bench.let_go(job)
    assert bench.ended(job).state == "succeeded"


@pytest.mark.ability("live")
def test_progress_is_reported_while_the_task_runs(bench):
    job = bench.started(bench.waiting("tells"))
    (said, *_) = bench.until(lambda: bench.said(job, "progress"))
    assert (said.message, said.fraction) == ("epoch 4/10", 0.4)
    assert bench.said(job, "ended") == []
    bench.let_go(job)
    assert bench.ended(job).metrics == {"auc": 0.9}


# ------------------------------------------------------------------ secrets

SECRET = "s3cret-value-of-somebody"


def with_secret(bench, monkeypatch):
    monkeypatch.setenv("TOKEN_HERE", SECRET)
    bench.relaunch()
    job = bench.job("reveals", inputs={"desk": str(bench.desk)}, secrets={"TOKEN": "env:TOKEN_HERE"})
    return job, bench.failure(job)


@pytest.mark.ability("secrets")
def test_a_secret_is_a_variable_of_the_task(bench, monkeypatch):
    with_secret(bench, monkeypatch)
    assert bench.notes() == [f"had {len(SECRET)}"]


@pytest.mark.ability("secrets")
def test_a_secret_is_in_no_report(bench, monkeypatch):
    job, failure = with_secret(bench, monkeypatch)
    assert failure.message == "denied for ***"
    assert SECRET not in repr(bench.heard)
    assert SECRET not in repr(job)


@pytest.mark.ability("secrets")
def test_a_secret_is_not_in_the_log_whoever_wrote_it(bench, monkeypatch):
    job, _ = with_secret(bench, monkeypatch)
    log = bench.log(job).decode()
    assert "prints ***\nwrites ***\nchild ***\n" in log
    assert SECRET not in log


@pytest.mark.ability("secrets")
def test_a_secret_may_lie_in_a_file(bench):
    (bench.root / "token").write_text(f"{SECRET}\n")
    secrets = {"TOKEN": f"file:{bench.root / 'token'}"}
    assert bench.value("variables", inputs={"names": ["TOKEN"]}, secrets=secrets) == [SECRET]


@pytest.mark.ability("secrets")
def test_a_secret_that_is_not_there_is_said_by_its_names(bench):
    failure = bench.failure("add", inputs={"a": 1}, secrets={"TOKEN": "env:NOT_SET_ANYWHERE"})
    assert "secret TOKEN" in failure.message
    assert "NOT_SET_ANYWHERE" in failure.message
