"""Executors that are wrong about attempts, values, ends and orders: one for each behaviour of these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.executors.contract.breaking import breaks, right, with_failure, with_jobs
from yamlflow.core.jobs import JobBatch, Outcome
from yamlflow.executors.base import Traits
from yamlflow.worker.processes import endings

# ------------------------------------------------------------------ attempts


@breaks("test_an_attempt_is_started_then_ended_once", "_hear")
def says_no_start(self, row, frame):
    if frame["op"] != "begins":
        right._hear(self, row, frame)


@breaks("test_what_is_handed_over_twice_runs_once", "_fresh")
def knows_nobody(self, jobs):
    return iter(jobs)


@breaks("test_attempts_run_at_the_same_time", "submit", silent=1.5)
def takes_the_first(self, batch):
    right.submit(self, JobBatch(batch.name, batch.step, 1, batch.resolve))


@breaks("test_an_attempt_that_nobody_knows_is_gone_when_it_is_cancelled", "_unknown", silent=1.5)
def is_silent_about_strangers(self, name, *, begun):
    return


@breaks("test_a_poll_with_nothing_to_say_waits_and_comes_back_empty", "poll")
def never_waits(self, timeout):
    return right.poll(self, 0)


@breaks("test_a_wake_ends_a_poll_even_if_it_came_first", "poll", silent=1.5)
def forgets_a_wake(self, timeout):
    self._woken.clear()
    return right.poll(self, timeout)


@breaks("test_a_poll_that_waits_is_woken_by_another_thread", "wake", silent=1.5)
def sleeps_on(self):
    return


@breaks("test_its_traits_are_data", "traits")
@property
def has_strange_traits(self):
    return Traits(max_batch=0)


@breaks("test_a_loop_of_no_items_says_nothing", "submit")
def ends_an_empty_batch(self, batch):
    self._say_ended(batch.name, Outcome("succeeded"))


@breaks("test_a_loop_of_one_item_has_one_result", "submit", silent=1.5)
def forgets_the_first(self, batch):
    right.submit(self, JobBatch(batch.name, batch.step, batch.size - 1, lambda index: batch.resolve(index + 1)))


@breaks("test_a_loop_of_a_hundred_items_has_a_hundred_results", "submit")
def mixes_them_up(self, batch):
    jobs = batch.jobs()
    names = [job.attempt_id for job in reversed(jobs)]
    mixed = [replace(job, attempt_id=name) for job, name in zip(jobs, names, strict=True)]
    right.submit(self, JobBatch(batch.name, batch.step, len(mixed), mixed.__getitem__))


@breaks("test_an_item_that_fails_does_so_alone", "poll")
def fails_as_a_whole(self, timeout):
    reports = right.poll(self, timeout)
    while self._rows:
        reports += right.poll(self, timeout)
    failed = [report.outcome for report in reports if report.outcome and report.outcome.state == "failed"]
    return [replace(report, outcome=failed[0] if failed and report.outcome else report.outcome) for report in reports]


# ------------------------------------------------------------------ values


@breaks("test_a_small_result_travels_in_the_report", "_judged")
def forgets_values(self, row, job, status):
    return replace(right._judged(self, row, job, status), value=None)


@breaks("test_a_large_result_is_stored_and_only_its_reference_is_told", "_judged")
def tells_it_all(self, row, job, status):
    return replace(right._judged(self, row, job, status), value="x" * 5_000_000)


@breaks("test_a_stored_result_is_the_next_ones_input", "_judged")
def keeps_nothing(self, row, job, status):
    for path in Path(job.store).rglob("*"):
        if path.is_file():
            path.unlink()
    return right._judged(self, row, job, status)


@breaks("test_a_file_that_a_task_made_is_a_path_to_the_next", "_judged")
def tells_the_path(self, row, job, status):
    outcome = right._judged(self, row, job, status)
    return replace(outcome, value=f"{job.scratch}/made.txt") if isinstance(outcome.value, dict) else outcome


@breaks("test_a_list_that_a_loop_iterates_is_stored_item_by_item", "submit")
def stores_lists_whole(self, batch):
    with_jobs(self, batch, lambda job: replace(job, iterated=()))


@breaks("test_a_large_input_arrives_whole", "submit")
def cuts_inputs(self, batch):
    def cut(part):
        return part[:60_000] if isinstance(part, str) else part

    with_jobs(self, batch, lambda job: replace(job, inputs={name: cut(part) for name, part in job.inputs.items()}))


@breaks("test_an_expression_over_stored_values_is_evaluated_where_the_task_runs", "submit")
def takes_expressions_for_text(self, batch):
    def text(part):
        return part["$expr"]["text"] if isinstance(part, dict) and "$expr" in part else part

    with_jobs(self, batch, lambda job: replace(job, inputs={name: text(part) for name, part in job.inputs.items()}))


@breaks("test_a_stored_value_that_is_lost_is_named_and_no_other_try_would_help", "_judged")
def takes_a_loss_for_an_error(self, row, job, status):
    return with_failure(right._judged(self, row, job, status), reason="error")


@breaks("test_a_result_that_cannot_be_stored_names_the_culprit", "_judged")
def names_no_culprit(self, row, job, status):
    return with_failure(right._judged(self, row, job, status), message="the result cannot be stored")


@breaks("test_skip_is_an_end_of_its_own", "_judged")
def takes_a_skip_for_success(self, row, job, status):
    return replace(right._judged(self, row, job, status), state="succeeded")


@breaks("test_metrics_come_with_the_outcome", "_judged")
def drops_metrics(self, row, job, status):
    return replace(right._judged(self, row, job, status), metrics={})


@breaks("test_a_task_is_told_what_it_is_about", "submit")
def drops_the_loop_variables(self, batch):
    with_jobs(self, batch, lambda job: replace(job, each={}))


# ------------------------------------------------------------------ failures


@breaks("test_an_exception_is_an_error_with_its_name_its_words_and_the_users_frames", "_judged")
def has_no_traceback(self, row, job, status):
    return with_failure(right._judged(self, row, job, status), traceback="")


@breaks("test_the_words_of_a_failure_may_be_of_any_size_and_kind", "_judged")
def says_it_all(self, row, job, status):
    outcome = right._judged(self, row, job, status)
    return with_failure(outcome, message=outcome.failure.message * 10)


@breaks("test_no_retry_is_a_failure_for_good", "_judged")
def tries_for_ever(self, row, job, status):
    return with_failure(right._judged(self, row, job, status), final=False)


@breaks("test_sys_exit_is_a_failure_also_with_zero", "_judged")
def believes_in_exit_zero(self, row, job, status):
    outcome = right._judged(self, row, job, status)
    return Outcome("succeeded") if outcome.failure and outcome.failure.exit_code == 0 else outcome


@breaks("test_a_process_that_ends_without_a_word_has_failed_also_with_zero", "_judged")
def believes_in_status_zero(self, row, job, status):
    return Outcome("succeeded") if status == 0 else right._judged(self, row, job, status)


@breaks("test_a_crash_is_an_error_with_the_signals_name", "_without_word")
def counts_crashes_as_codes(self, status):
    return right._without_word(self, 128 - status if status < 0 else status)


@breaks("test_a_process_that_is_killed_from_outside_is_lost", "_without_word")
def takes_a_kill_for_an_error(self, status):
    return replace(right._without_word(self, status), reason="error")


@breaks("test_memory_that_python_cannot_have_is_oom", "_judged")
def knows_no_oom(self, row, job, status):
    return with_failure(right._judged(self, row, job, status), reason="error")


@breaks("test_a_module_that_is_not_there_is_said_plainly", "_judged")
def says_only_that_it_failed(self, row, job, status):
    return with_failure(right._judged(self, row, job, status), message="the task failed", exception="")


@breaks("test_after_a_failure_the_next_attempt_is_as_good_as_any", "_fresh", silent=1.5)
def is_done_after_a_failure(self, jobs):
    failed = list(self._world.place.glob("*.words"))
    return iter(()) if failed else right._fresh(self, jobs)


@breaks("test_an_attempt_that_takes_too_long_is_stopped", "_watch", silent=5.0)
def knows_no_time(self, row):
    return


@breaks("test_a_timeout_that_is_not_reached_does_nothing", "_judged")
def is_always_late(self, row, job, status):
    if job.timeout:
        return Outcome("failed", failure=endings.stopped("timeout", job.timeout))
    return right._judged(self, row, job, status)


# ------------------------------------------------------------------ orders


@breaks("test_an_attempt_is_cancelled_while_it_runs", "cancel", silent=1.5)
def cannot_cancel(self, names, *, force=False, begun=True):
    return


@breaks("test_an_attempt_is_cancelled_as_soon_as_it_is_handed_over", "cancel", silent=1.5)
def cancels_only_what_it_saw_begin(self, names, *, force=False, begun=True):
    seen = [name for name in names if (row := self._row_of(name)) and row.read]
    right.cancel(self, seen, force=force, begun=begun)


@breaks("test_to_cancel_twice_does_no_harm_and_who_has_ended_is_gone", "_unknown", silent=1.5)
def ends_what_has_ended(self, name, *, begun):
    self._say_ended(name, Outcome("failed", failure=endings.stopped("cancelled", None)))


@breaks("test_to_cancel_one_leaves_the_others_alone", "cancel")
def cancels_all(self, names, *, force=False, begun=True):
    every = [job.attempt_id for row in self._rows for job in row.jobs]
    right.cancel(self, every, force=force, begun=begun)


@breaks("test_to_release_what_has_begun_does_and_says_nothing", "cancel")
def takes_a_release_for_a_cancel(self, names, *, force=False, begun=True):
    right.cancel(self, names, force=force)


@breaks("test_what_a_task_saves_when_it_is_told_to_stop_counts", "_judged")
def believes_the_order_not_the_outcome(self, row, job, status):
    if row.cause:
        return Outcome("failed", failure=endings.stopped(row.cause, job.timeout))
    return right._judged(self, row, job, status)


@breaks("test_who_does_not_listen_is_killed_after_the_grace_period", "_stop")
def has_no_patience(self, row, cause, *, force):
    right._stop(self, row, cause, force=True)


@breaks("test_force_does_not_wait_for_the_end_of_the_grace_period", "_stop", silent=1.5)
def is_always_polite(self, row, cause, *, force):
    right._stop(self, row, cause, force=False)
