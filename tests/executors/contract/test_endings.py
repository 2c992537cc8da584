"""How an attempt can fail, and in which words; how it is stopped."""

from __future__ import annotations

import signal
import time

import pytest


@pytest.mark.ability("failures")
def test_an_exception_is_an_error_with_its_name_its_words_and_the_users_frames(bench):
    failure = bench.failure("fails", inputs={"words": "bad row 7"})
    assert (failure.reason, failure.exception, failure.message) == ("error", "ValueError", "bad row 7")
    assert {"ValueError", "Exception"} <= set(failure.names)
    assert ", in fails" in failure.traceback
    assert "yamlflow/" not in failure.traceback


@pytest.mark.ability("failures")
def test_the_words_of_a_failure_may_be_of_any_size_and_kind(bench):
    long = bench.failure("fails", inputs={"words": "y" * 100_000}).message
    assert 1000 < len(long) < 20_000
    odd = bench.failure("fails", inputs={"words": "a\x00b \u2028 \x1b[31m"}).message
    assert odd == "a\x00b \u2028 \x1b[31m"


@pytest.mark.ability("failures")
def test_no_retry_is_a_failure_for_good(bench):
    failure = bench.failure("gives_up", inputs={"words": "bad key"})
    assert (failure.final, failure.exception, failure.message) == (True, "ValueError", "bad key")


@pytest.mark.ability("failures")
def test_sys_exit_is_a_failure_also_with_zero(bench):
    for code in (0, 3):
        failure = bench.failure("exits", inputs={"code": code})
        assert (failure.reason, failure.exit_code, failure.exception) == ("error", code, "SystemExit")
        assert "return a value" in failure.message


@pytest.mark.ability("failures")
def test_a_process_that_ends_without_a_word_has_failed_also_with_zero(bench):
    for code in (0, 3):
        failure = bench.failure("vanishes", inputs={"code": code})
        assert (failure.reason, failure.exit_code) == ("error", code)
        assert "without reporting a result" in failure.message


@pytest.mark.ability("failures")
def test_a_crash_is_an_error_with_the_signals_name(bench):
    failure = bench.failure("dies", inputs={"number": int(signal.SIGSEGV)})
    assert failure.reason == "error"
    assert "SIGSEGV" in failure.message


@pytest.mark.ability("failures")
def test_a_process_that_is_killed_from_outside_is_lost(bench):
    failure = bench.failure("dies", inputs={"number": int(signal.SIGKILL)})
    assert failure.reason == "lost"
    assert "SIGKILL" in failure.message


@pytest.mark.ability("failures")
def test_memory_that_python_cannot_have_is_oom(bench):
    assert bench.failure("asks_for_too_much").reason == "oom"


@pytest.mark.ability("failures")
def test_a_module_that_is_not_there_is_said_plainly(bench):
    failure = bench.failure("nowhere_at_all:f")
    assert (failure.reason, failure.exception) == ("error", "ModuleNotFoundError")
    assert "nowhere_at_all" in failure.message


@pytest.mark.ability("failures")
def test_after_a_failure_the_next_attempt_is_as_good_as_any(bench):
    bench.failure("vanishes", inputs={"code": 1})
    assert bench.value("add", inputs={"a": 1}) == 11


# ------------------------------------------------------------------ time


@pytest.mark.ability("timeout")
def test_an_attempt_that_takes_too_long_is_stopped(bench):
    bench.value("add", inputs={"a": 1})  # where a module is imported once for all tasks, it is now
    job = bench.waiting(timeout=2.0)
    failure = bench.failure(job)
    assert (failure.reason, failure.message) == ("timeout", "ran longer than its timeout of 2 s and was stopped")
    bench.let_go(job)
    bench.listen()
    assert f"ends {job.display}" not in bench.notes()


@pytest.mark.ability("timeout")
def test_a_timeout_that_is_not_reached_does_nothing(bench):
    assert bench.value("add", inputs={"a": 1}, timeout=50.0) == 11


# ------------------------------------------------------------------ orders


@pytest.mark.ability("cancel")
def test_an_attempt_is_cancelled_while_it_runs(bench):
    job = bench.started(bench.waiting())
    bench.cancel(job)
    failure = bench.ended(job).failure
    assert (failure.reason, failure.message) == ("cancelled", "was cancelled")
    bench.let_go(job)
    bench.listen()
    assert f"ends {job.display}" not in bench.notes()


@pytest.mark.ability("cancel")
def test_an_attempt_is_cancelled_as_soon_as_it_is_handed_over(bench):
    job = bench.waiting()
    bench.submit(job)
    bench.cancel(job)
    assert bench.ended(job).failure.reason == "cancelled"
    bench.let_go(job)
    bench.listen()
    assert f"ends {job.display}" not in bench.notes()


@pytest.mark.ability("cancel")
def test_to_cancel_twice_does_no_harm_and_who_has_ended_is_gone(bench):
    job = bench.started(bench.waiting())
    bench.cancel(job)
    bench.cancel(job, force=True)
    assert bench.ended(job).failure.reason == "cancelled"
    bench.cancel(job)
    bench.gone(job)
    bench.listen()
    assert len(bench.said(job, "ended")) == 1


@pytest.mark.ability("cancel")
def test_to_cancel_one_leaves_the_others_alone(bench):
    victim, other = bench.waiting(), bench.waiting()
    bench.submit(victim, other)
    bench.wait_for_start(victim)
    bench.wait_for_start(other)
    bench.cancel(victim)
    assert bench.ended(victim).failure.reason == "cancelled"
    bench.let_go(other)
    assert bench.ended(other).state == "succeeded"


@pytest.mark.ability("cancel")
def test_to_release_what_has_begun_does_and_says_nothing(bench):
    job = bench.started(bench.waiting())
    bench.until(lambda: bench.said(job, "started"))
    bench.cancel(job, bench.job("add"), begun=False)
    assert bench.listen() == []
    bench.let_go(job)
    assert bench.ended(job).state == "succeeded"


@pytest.mark.ability("grace")
def test_what_a_task_saves_when_it_is_told_to_stop_counts(bench):
    job = bench.started(bench.waiting("tidies"))
    bench.cancel(job)
    assert bench.loaded(bench.ended(job)) == "saved"


@pytest.mark.ability("grace")
def test_who_does_not_listen_is_killed_after_the_grace_period(bench):
    job = bench.started(bench.waiting(inputs={"polite": False}))
    begun = time.monotonic()
    bench.cancel(job)
    assert bench.ended(job).failure.reason == "cancelled"
    assert time.monotonic() - begun >= bench.grace * 0.8


@pytest.mark.ability("grace")
def test_force_does_not_wait_for_the_end_of_the_grace_period(bench):
    bench.grace = 600.0
    bench.relaunch()
    job = bench.started(bench.waiting(inputs={"polite": False}))
    bench.cancel(job)
    bench.cancel(job, force=True)
    assert bench.ended(job).failure.reason == "cancelled"
