"""Short tasks handed over together: a process each, one after another, and what ends such a row."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from yamlflow.core.jobs import UNSTARTED, JobBatch
from yamlflow.worker.codecs import load_value


@pytest.fixture
def chain(workshop):
    """Hands jobs over as the ones of one grant; gives them, to be waited for."""

    def hand(*jobs):
        together = [replace(job, shares=jobs[0].attempt_id) for job in jobs]
        workshop.executor.submit(JobBatch("batch", "step", len(together), together.__getitem__))
        return together

    return hand


@pytest.fixture
def ends(workshop, chain):
    """How jobs end that are handed over together: those behind one that took long once more."""

    def of(*jobs):
        found = []
        chain(*jobs)
        while len(found) < len(jobs):
            found.append(end(workshop, jobs[len(found)]))
            if found[-1] == UNSTARTED and found[-2] == "succeeded":
                found.pop()
                rest = jobs[len(found) :]
                assert {end(workshop, job) for job in rest} == {UNSTARTED}
                workshop.heard = [report for report in workshop.heard if report.kind != "gone"]
                chain(*rest)
        return found

    return of


def end(workshop, job):
    """How it ended: `succeeded`, the reason of its failure, or that it never began."""
    report = workshop.until(lambda report: report.attempt_id == job.attempt_id and report.kind in ("ended", "gone"))
    if report.kind == "gone":
        return report.message
    return report.outcome.failure.reason if report.outcome.failure else report.outcome.state


def said(workshop, *kinds):
    return [(report.kind, report.attempt_id) for report in workshop.heard if report.kind in kinds]


MODULE = """
    import atexit, os, signal, sys, time

    def note(what):
        with open("ledger", "a") as file:
            file.write(what + "\\n")

    def f(x, how=""):
        note(f"begins {x}")
        if how == "sleep":
            note("sleeps")
            time.sleep(60)
        elif how == "pause":
            time.sleep(0.4)
        elif how == "raise":
            raise ValueError(x)
        elif how == "exit":
            os._exit(3)
        elif how == "template":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        elif how == "murder":
            atexit.register(os.kill, os.getppid(), signal.SIGKILL)  # runs when the outcome is told
            raise ValueError(x)
        elif how == "mess":
            open("mess", "w").close()
        elif how == "hold":
            while not os.path.exists("go"):
                time.sleep(0.005)
        print("says", x)
        note(f"ends {x}")
        return [os.getpid(), os.getsid(0), x]
"""


@pytest.fixture
def jobs(workshop):
    workshop.write("work.py", MODULE)

    def make(*hows, **fields):
        return [workshop.job("work:f", inputs={"x": number, "how": how}, **fields) for number, how in enumerate(hows)]

    return make


def begun(workshop):
    """Which tasks began, in order."""
    ledger = workshop.code / "ledger"
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith("begins")]


def test_each_has_a_process_session_log_and_scratch_folder_of_its_own_and_they_run_in_order(workshop, ends, jobs):
    made = jobs("", "mess", "", "", "mess", "", "", "")
    assert ends(*made) == ["succeeded"] * 8
    values = [load_value(workshop.ended(job).value, workshop.store) for job in made]
    assert len({pid for pid, _, _ in values}) == len({session for _, session, _ in values}) == 8
    ledger = (workshop.code / "ledger").read_text().splitlines()
    assert ledger == [line for x in range(8) for line in (f"begins {x}", f"ends {x}")]
    assert [workshop.log(job) for job in made] == [f"says {x}\n" for x in range(8)]
    assert workshop.left() == []


def test_each_is_said_to_have_started_when_the_one_before_it_has_ended(workshop, ends, jobs):
    made = jobs("", "", "")
    assert ends(*made) == ["succeeded"] * 3
    expected = [(kind, job.attempt_id) for job in made for kind in ("started", "ended")]
    assert said(workshop, "started", "ended") == expected


@pytest.mark.parametrize(("how", "reason"), [("raise", "error"), ("exit", "error"), ("pause", "timeout")])
def test_behind_one_that_fails_nothing_begins_and_the_others_are_given_back(workshop, ends, jobs, how, reason):
    made = jobs("", how, "", "")
    made[1] = replace(made[1], timeout=0.05 if reason == "timeout" else None)
    assert ends(*made) == ["succeeded", reason, UNSTARTED, UNSTARTED]
    assert set(begun(workshop)) - {1} == {0}
    assert said(workshop, "started") == [("started", job.attempt_id) for job in made[:2]]
    workshop.heard.clear()
    assert ends(*made[2:]) == ["succeeded", "succeeded"]


def test_what_waits_behind_one_that_turns_out_long_is_given_back_and_the_long_one_goes_on(workshop, chain, jobs):
    made = chain(*jobs("hold", "", ""))
    assert [end(workshop, job) for job in made[1:]] == [UNSTARTED, UNSTARTED]
    (workshop.code / "go").touch()
    assert end(workshop, made[0]) == "succeeded"
    assert begun(workshop) == [0]


def test_one_that_is_withdrawn_never_begins_and_one_that_has_begun_goes_on(workshop, chain, jobs):
    made = chain(*jobs("hold", "", ""))
    workshop.executor.cancel([made[2].attempt_id, made[0].attempt_id], begun=False)
    assert end(workshop, made[2]) == UNSTARTED
    (workshop.code / "go").touch()
    assert end(workshop, made[0]) == "succeeded"
    assert end(workshop, made[1]) in ("succeeded", UNSTARTED)
    assert 2 not in begun(workshop)
    workshop.executor.cancel([job.attempt_id for job in made], begun=False)
    assert workshop.executor.poll(0.1) == []


def test_to_cancel_ends_the_one_that_runs_and_none_begins_behind_it(workshop, chain, jobs):
    made = chain(*jobs("sleep", "", ""))
    while "sleeps" not in workshop.wait_for("ledger"):
        pass
    workshop.executor.cancel([job.attempt_id for job in made[:1]])
    assert [end(workshop, job) for job in made] == ["cancelled", UNSTARTED, UNSTARTED]
    assert begun(workshop) == [0]


def test_with_the_template_only_the_one_that_ran_is_lost(workshop, ends, jobs):
    made = jobs("", "template", "", "")
    assert ends(*made) == ["succeeded", "lost", UNSTARTED, UNSTARTED]
    assert begun(workshop) == [0, 1]
    workshop.heard.clear()
    assert ends(*made[2:]) == ["succeeded", "succeeded"]


def test_what_a_killed_template_kept_for_its_next_tasks_is_cleared_away_at_the_end(workshop, ends, jobs):
    assert ends(*jobs("", "pause", "template")) == ["succeeded", "succeeded", "lost"]
    folder = Path(workshop.job("work:f").scratch).parent
    assert [path for path in folder.iterdir() if path.name.startswith(".spare-")]
    workshop.executor.close()
    assert list(folder.glob(".spare-*")) == []


def test_behind_one_that_cannot_be_prepared_nothing_begins(ends, jobs):
    made = jobs("", "", "")
    Path(made[1].scratch, "in the way").mkdir(parents=True)
    assert ends(*made) == ["succeeded", "start_failed", UNSTARTED]


def test_a_module_that_cannot_be_imported_fails_the_first_of_them_at_least(workshop, ends):
    workshop.write("broken.py", "raise SystemExit('no')")
    first, *others = ends(*(workshop.job("broken:f") for _ in range(3)))
    assert first == "error"
    assert set(others) <= {"error", UNSTARTED}


def test_cancelled_while_their_module_is_imported_none_begins(workshop, chain):
    workshop.write("slow.py", "import time\nopen('importing', 'w').write('now')\ntime.sleep(60)\ndef f(): pass")
    made = chain(*(workshop.job("slow:f") for _ in range(3)))
    workshop.wait_for("importing")
    workshop.executor.cancel([job.attempt_id for job in made])
    first, *others = [end(workshop, job) for job in made]
    assert first == "cancelled"
    assert set(others) <= {"cancelled", UNSTARTED}


def test_commands_stand_in_a_row_too(workshop, ends):
    def command(number, script):
        target = {"kind": "command", "script": f"{script}; echo {number} >> {workshop.code}/ledger", "outputs": {}}
        return workshop.job(target)

    assert ends(command(0, "true"), command(1, "set -e; false"), command(2, "true")) == [
        "succeeded",
        "error",
        UNSTARTED,
    ]
    assert (workshop.code / "ledger").read_text() == "0\n"


def test_behind_one_that_is_killed_nothing_begins(workshop, chain, jobs):
    made = chain(*jobs("sleep", ""))
    while "sleeps" not in workshop.wait_for("ledger"):
        pass
    for pid in workshop.processes():
        if os.getsid(pid) == pid:
            os.kill(pid, signal.SIGKILL)
    assert [end(workshop, job) for job in made] == ["lost", UNSTARTED]


def test_an_end_is_told_although_the_next_one_runs_for_long(workshop, jobs, chain):
    made = chain(*jobs("", "sleep"))
    assert end(workshop, made[0]) == "succeeded"
    assert ("ended", made[1].attempt_id) not in said(workshop, "ended")
    workshop.executor.cancel([made[1].attempt_id], force=True)
    assert end(workshop, made[1]) == "cancelled"


def test_a_task_that_told_its_failure_before_the_template_died_lets_none_begin(workshop, ends, jobs):
    made = jobs("", "murder", "")
    assert ends(*made) == ["succeeded", "error", UNSTARTED]
    assert begun(workshop) == [0, 1]
