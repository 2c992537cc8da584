"""Executors that are wrong about words, surroundings, rows and what is left: one for each behaviour of these."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.executors.contract.breaking import breaks, right, with_failure, with_jobs
from yamlflow.core.jobs import JobBatch, Outcome, Report
from yamlflow.worker.processes import environment
from yamlflow.worker.processes.environment import SecretMissingError

# ------------------------------------------------------------------ what is printed and said


@breaks("test_a_log_holds_both_streams_completely_and_in_order", "_redirect")
def loses_a_stream(self, output):
    right._redirect(self, output)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


@breaks("test_a_log_holds_what_descriptors_and_children_write_in_order", "_redirect")
def buffers_what_python_prints(self, output):
    right._redirect(self, output)
    sys.stdout = io.TextIOWrapper(io.BytesIO())


@breaks("test_a_log_keeps_every_byte", "_say_ended")
def decodes_logs(self, name, outcome):
    for path in (self._world.place.parent / "logs").iterdir():
        path.write_text(path.read_bytes().decode(errors="replace"))
    right._say_ended(self, name, outcome)


@breaks("test_each_attempt_has_a_log_of_its_own", "_open_log")
def has_one_log_for_all(self, job):
    return right._open_log(self, replace(job, log=str(Path(job.log).with_name("all.log"))))


@breaks("test_why_a_task_failed_stands_at_the_end_of_its_log", "_explain")
def explains_nothing(self, job, outcome):
    return


@breaks("test_what_was_printed_before_a_sudden_end_is_not_lost", "_say_ended")
def drops_logs_of_failures(self, name, outcome):
    for path in (self._world.place.parent / "logs").iterdir():
        path.unlink()
    right._say_ended(self, name, outcome)


@breaks("test_a_log_can_be_read_while_the_task_runs", "_open_log", silent=1.5)
def hides_a_log(self, job):
    return right._open_log(self, replace(job, log=f"{job.log}.part"))


@breaks("test_progress_is_reported_while_the_task_runs", "_hear", silent=1.5)
def keeps_progress_to_itself(self, row, frame):
    if frame["op"] != "progress":
        right._hear(self, row, frame)


@breaks("test_a_secret_is_a_variable_of_the_task", "_identity")
def has_another_token(self, job):
    return {**right._identity(self, job), "TOKEN": "x"}


@breaks("test_a_secret_is_in_no_report", "_masked")
def masks_no_report(self, outcome, secrets):
    return outcome


@breaks("test_a_secret_is_not_in_the_log_whoever_wrote_it", "_masker")
def masks_no_log(self, job, secrets):
    return


@breaks("test_a_secret_may_lie_in_a_file", "_secrets")
def reads_no_files(self, job):
    if any(reference.startswith("file:") for reference in job.secrets.values()):
        raise SecretMissingError("secret TOKEN: from a file")
    return right._secrets(self, job)


@breaks("test_a_secret_that_is_not_there_is_said_by_its_names", "_secrets")
def does_without_a_secret(self, job):
    return {}


# ------------------------------------------------------------------ surroundings


@breaks("test_a_step_has_its_own_variables_also_while_its_module_is_imported", "submit")
def drops_variables(self, batch):
    with_jobs(self, batch, lambda job: replace(job, env={}))


@breaks("test_every_task_knows_who_it_is", "submit")
def counts_no_attempts(self, batch):
    with_jobs(self, batch, lambda job: replace(job, attempt=1))


@breaks("test_numeric_libraries_use_the_cores_that_were_granted", "_variables")
def grants_no_threads(self, job):
    return {**environment.inherited(self._launcher, everything=job.env_inherit), **job.env}


@breaks("test_the_callers_environment_is_inherited_and_the_steps_own_comes_on_top", "_variables")
def inherits_nothing(self, job):
    return right._variables(self, replace(job, env_inherit=False))


@breaks("test_a_clean_environment_has_what_every_program_needs_and_what_is_declared", "_variables")
def inherits_everything(self, job):
    return right._variables(self, replace(job, env_inherit=True))


@breaks("test_a_callable_starts_in_the_code_root_and_has_an_empty_scratch_folder", "_enter")
def leaves_something_in_scratch(self, job, secrets):
    right._enter(self, job, secrets)
    Path(job.scratch, "rest").touch()


@breaks("test_a_callable_may_start_in_its_scratch_folder", "_cwd")
def starts_always_in_the_code(self, job):
    return "code"


@breaks("test_two_attempts_have_two_scratch_folders", "submit")
def has_one_scratch_folder(self, batch):
    with_jobs(self, batch, lambda job: replace(job, scratch=str(Path(job.scratch).with_name("scratch"))))


@breaks("test_a_command_runs_without_a_shell_and_its_output_is_its_value", "submit")
def runs_commands_in_a_shell(self, batch):
    def shell(job):
        argv = job.target.get("argv")
        return replace(job, target={**job.target, "argv": ["sh", "-c", " ".join(argv)]}) if argv else job

    with_jobs(self, batch, shell)


@breaks("test_a_script_reads_its_inputs_and_leaves_files", "submit")
def runs_scripts_in_the_code(self, batch):
    with_jobs(self, batch, lambda job: replace(job, cwd="code"))


@breaks("test_how_a_command_failed_is_told", "_judged")
def drops_exit_codes(self, row, job, status):
    return with_failure(right._judged(self, row, job, status), exit_code=None)


@breaks("test_a_checkpoint_survives_the_attempt_that_wrote_it", "_identity")
def keeps_checkpoints_in_scratch(self, job):
    return {**right._identity(self, job), "YAMLFLOW_CHECKPOINT_DIR": f"{job.scratch}/checkpoints"}


@breaks("test_memory_and_cpu_of_a_task_are_its_own", "_with_usage")
def measures_nothing(self, outcome, used):
    return outcome


@breaks("test_who_takes_more_memory_than_granted_ends_with_oom", "_limit")
def limits_nothing(self, job):
    return


# ------------------------------------------------------------------ rows


@breaks("test_jobs_of_one_grant_run_one_after_another", "submit")
def begins_with_the_last(self, batch):
    jobs = batch.jobs()[::-1]
    right.submit(self, JobBatch(batch.name, batch.step, len(jobs), jobs.__getitem__))


@breaks("test_each_of_them_has_its_own_process_log_and_end", "submit")
def shares_always(self, batch):
    with_jobs(self, batch, lambda job: replace(job, isolation="shared"))


@breaks("test_none_of_them_is_said_to_start_before_the_one_in_front_has_ended", "submit")
def announces_all_at_once(self, batch):
    right.submit(self, batch)
    self._reports += [Report("started", job.attempt_id) for job in batch.jobs()[1:]]


@breaks("test_behind_one_that_fails_nothing_begins_and_the_others_are_given_back", "_follow")
def goes_on_behind_a_failure(self, row, outcome):
    right._follow(self, row, Outcome("succeeded"))


@breaks("test_one_that_waits_can_be_released_and_never_begins", "cancel", silent=1.5)
def releases_nothing(self, names, *, force=False, begun=True):
    if begun:
        right.cancel(self, names, force=force)


@breaks("test_jobs_that_share_a_process_run_one_after_another_in_it", "submit")
def shares_never(self, batch):
    with_jobs(self, batch, lambda job: replace(job, isolation="process"))


@breaks("test_each_of_those_has_its_own_log_and_failure", "_explain")
def ends_the_process_with_a_failure(self, job, outcome):
    if outcome.state == "failed":
        os._exit(1)


@breaks("test_one_that_has_not_begun_is_cancelled_alone", "_claim")
def cannot_take_back(self, name):
    return os.getpid() != self._launcher_pid  # a task's own process claims, never the launcher


# ------------------------------------------------------------------ what is left


@breaks("test_what_a_task_started_ends_with_it", "_clear_away", silent=1.5)
def leaves_children(self, row):
    return


@breaks("test_when_the_launcher_lets_go_nothing_runs_on", "_end")
def lets_tasks_run_on(self, row):
    self._forget(row)


@breaks("test_when_all_has_ended_nothing_is_left_of_it", "_start")
def starts_somebody_else_too(self, row):
    subprocess.Popen(["sleep", "60"], cwd=self._world.place, start_new_session=True)
    right._start(self, row)


@breaks("test_the_next_launcher_finds_what_was_left_running_and_hears_its_end", "adopt")
def finds_nothing(self, run_id):
    return ()


@breaks("test_what_ended_while_nobody_listened_is_told_to_the_next_launcher", "adopt", silent=1.5)
def finds_only_what_runs(self, run_id):
    ended = [row for row in self._world.rows if os.waitid(os.P_PID, row.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)]
    self._world.rows[:] = [row for row in self._world.rows if row not in ended]
    return right.adopt(self, run_id)


@breaks("test_what_was_left_running_and_is_handed_over_again_does_not_begin_again", "_fresh")
def begins_again(self, jobs):
    for path in [*self._world.place.glob("*.begun"), *self._world.place.glob("*.words")]:
        path.unlink()
    return (replace(job, scratch=f"{job.scratch}-{len(self._world.processes)}") for job in jobs)


@breaks("test_the_next_launcher_can_end_what_it_found", "adopt", silent=1.5)
def only_looks(self, run_id):
    found = right.adopt(self, run_id)
    self._rows.clear()
    return found


@breaks("test_what_belongs_to_another_run_is_not_found", "adopt")
def finds_everything(self, run_id):
    return [report for row in list(self._world.rows) for report in right.adopt(self, row.jobs[0].run_id)]
