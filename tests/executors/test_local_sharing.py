"""`isolation: shared` on real processes: many tasks one after another in one, and what happens when it ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from yamlflow.core.jobs import Grant, JobBatch
from yamlflow.worker.codecs import load_value

TIMES = 30


@pytest.fixture
def share(workshop):
    """Hands jobs over as the ones of one grant; gives them, to be waited for."""

    def hand(*jobs):
        together = [replace(job, shares=jobs[0].attempt_id, isolation="shared") for job in jobs]
        workshop.executor.submit(JobBatch("batch", "step", len(together), together.__getitem__))
        return together

    return hand


@pytest.fixture
def values(workshop, share):
    """The values of jobs of one grant that all succeed."""

    def of(*jobs):
        outcomes = [workshop.ended(job) for job in share(*jobs)]
        assert {outcome.state for outcome in outcomes} == {"succeeded"}, outcomes
        return [load_value(outcome.value, workshop.store) for outcome in outcomes]

    return of


def states(workshop, jobs):
    """How jobs ended: `succeeded`, or the reason of their failure."""
    outcomes = [workshop.ended(job) for job in jobs]
    return [outcome.failure.reason if outcome.failure else outcome.state for outcome in outcomes]


def test_tasks_of_one_grant_run_one_after_another_in_one_process_that_is_kept_for_the_next(workshop, values):
    workshop.write("work.py", "import os\nseen = []\ndef f(x): seen.append(x); return [os.getpid(), len(seen)]")
    first = values(*(workshop.job("work:f", inputs={"x": x}) for x in range(5)))
    later = values(*(workshop.job("work:f", inputs={"x": x}) for x in range(5)))
    assert len({pid for pid, _ in first + later}) == 1
    assert [count for _, count in first + later] == list(range(1, 11))


def test_two_grants_have_two_processes_at_once(workshop, share):
    workshop.write(
        "work.py",
        """
        import os, time
        def meet(me, other):
            open(me, "w").close()
            end = time.monotonic() + 30
            while not os.path.exists(other) and time.monotonic() < end: time.sleep(0.005)
            return os.path.exists(other)
        """,
    )
    one = share(workshop.job("work:meet", inputs={"me": "a", "other": "b"}))
    two = share(workshop.job("work:meet", inputs={"me": "b", "other": "a"}))
    assert [workshop.ended(job).value for job in one + two] == [True, True]


def test_each_task_has_its_own_log_and_one_that_prints_nothing_has_none(workshop, values):
    workshop.write(
        "work.py",
        """
        import os, subprocess, sys
        def f(how):
            if how == "print": print("printed", how)
            if how == "err": print("printed", how, file=sys.stderr)
            if how == "raw": os.write(1, b"printed raw\\n")
            if how == "child": subprocess.run(["echo", "printed child"])
            if how == "both": os.write(2, b"printed "); print("both")
        """,
    )
    hows = ["", "print", "", "err", "raw", "", "child", "both", ""]
    jobs = [workshop.job("work:f", inputs={"how": how}) for how in hows]
    values(*jobs)
    said = [Path(job.log).read_text() if Path(job.log).exists() else None for job in jobs]
    assert said == [f"printed {how}\n" if how else None for how in hows]


def test_what_importing_the_module_printed_is_in_the_first_log_and_not_lost(workshop, values):
    workshop.write("work.py", "print('imported')\ndef f(): print('called')")
    jobs = [workshop.job("work:f"), workshop.job("work:f")]
    values(*jobs)
    assert [workshop.log(job) for job in jobs] == ["imported\ncalled\n", "called\n"]


def test_a_failed_task_says_why_in_its_log_and_the_others_do_not_notice(workshop, share):
    workshop.write("work.py", "def f(x): return 1 // x")
    jobs = share(*(workshop.job("work:f", inputs={"x": x}) for x in (1, 0, 1)))
    assert states(workshop, jobs) == ["succeeded", "error", "succeeded"]
    assert "ZeroDivisionError" in workshop.log(jobs[1])


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("os._exit(0)", "error"),
        ("os._exit(7)", "error"),
        ("ctypes.string_at(0)", "error"),
        ("os.kill(os.getpid(), 9)", "lost"),
        ("sys.exit(0)", "error"),
    ],
)
def test_a_task_that_ends_its_process_ends_alone(workshop, share, ending, reason):
    workshop.write(
        "work.py",
        f"""
        import ctypes, os, sys
        def f(x):
            with open("begun.txt", "a") as file: print(x, file=file)
            os.write(1, b"before the end\\n")
            if x == 2: {ending}
        """,
    )
    jobs = share(*(workshop.job("work:f", inputs={"x": x}) for x in range(5)))
    assert states(workshop, jobs) == ["succeeded", "succeeded", reason, "succeeded", "succeeded"]
    assert workshop.wait_for("begun.txt").split() == list("01234")
    assert workshop.log(jobs[2]).startswith("before the end\n")


def test_a_timeout_ends_the_one_that_was_late_and_the_others_begin_elsewhere(workshop, share, values):
    workshop.write(
        "work.py",
        """
        import time
        def f(x):
            with open("begun.txt", "a") as file: print(x, file=file)
            if x == 1: hang()
        def hang(): time.sleep(600)
        """,
    )
    values(workshop.job("work:f", inputs={"x": 9}))  # the module is imported: that takes no task's time
    jobs = share(*(workshop.job("work:f", inputs={"x": x}, timeout=1.0) for x in range(4)))
    assert states(workshop, jobs) == ["succeeded", "timeout", "succeeded", "succeeded"]
    assert workshop.wait_for("begun.txt").split() == list("90123")
    assert "in hang" in workshop.log(jobs[1])


def test_a_timeout_is_that_of_one_task_not_of_all_together(workshop, values):
    workshop.write("work.py", "import os, time\ndef f(): time.sleep(0.05); return os.getpid()")
    values(workshop.job("work:f"))
    first = values(*(workshop.job("work:f", timeout=1.0) for _ in range(24)))
    time.sleep(1.2)  # nor does time pass when there is nothing to do
    assert set(values(workshop.job("work:f", timeout=1.0))) == set(first)


def test_a_task_that_ignores_sigterm_is_killed_after_the_grace_period(workshop, share, values):
    workshop.restart(grace=0.3)
    workshop.write(
        "work.py",
        """
        import signal, time
        def f(x):
            if x: return
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True: time.sleep(0.05)
        """,
    )
    values(workshop.job("work:f", inputs={"x": 1}))
    jobs = share(*(workshop.job("work:f", inputs={"x": x}, timeout=1.0) for x in (0, 1)))
    assert states(workshop, jobs) == ["timeout", "succeeded"]


WAITING = """
    import os, time
    def f(x):
        with open("begun.txt", "a") as file: print(x, file=file)
        while x == "wait" and not os.path.exists("go"): time.sleep(0.01)
"""


def until_begun(workshop):
    """Waits until a task has said so; the executor works meanwhile."""
    deadline = time.monotonic() + 30
    place = workshop.code / "begun.txt"
    while not (place.exists() and place.read_text()):
        assert time.monotonic() < deadline
        workshop.heard += workshop.executor.poll(0.01)


@pytest.mark.parametrize("force", [False, True])
def test_cancelling_the_task_that_runs_ends_it_and_no_other(workshop, share, force):
    workshop.write("work.py", WAITING)
    jobs = share(*(workshop.job("work:f", inputs={"x": x}) for x in ("wait", "b", "c")))
    until_begun(workshop)
    workshop.executor.cancel([jobs[0].attempt_id], force=force)
    assert states(workshop, jobs) == ["cancelled", "succeeded", "succeeded"]
    assert workshop.wait_for("begun.txt").split() == ["wait", "b", "c"]


def test_cancelling_all_of_them_ends_them_all(workshop, share):
    workshop.write("work.py", WAITING)
    jobs = share(*(workshop.job("work:f", inputs={"x": x}) for x in ("wait", "b", "c")))
    until_begun(workshop)
    workshop.executor.cancel([job.attempt_id for job in jobs])
    assert states(workshop, jobs) == ["cancelled"] * 3
    assert workshop.wait_for("begun.txt").split() == ["wait"]


def test_tasks_that_are_cancelled_at_any_moment_end_once_and_never_run_afterwards(workshop, share):
    """Whatever the race: what ended as cancelled and had not begun does not begin."""
    workshop.write("work.py", "import os\ndef f(x):\n    os.close(os.open(f'{x}.begun', os.O_CREAT | os.O_EXCL))")
    everything = []
    for round_ in range(TIMES):
        jobs = share(*(workshop.job("work:f", inputs={"x": f"{round_}-{x}"}) for x in range(20)))
        everything += jobs
        victims = jobs[round_ % 7 :: 3]
        workshop.executor.cancel([job.attempt_id for job in victims])
        for job in jobs:
            outcome = workshop.ended(job)
            assert outcome.state == "succeeded" or outcome.failure.reason == "cancelled", outcome
            if job not in victims:
                assert outcome.state == "succeeded"
                assert (workshop.code / f"{round_}-{jobs.index(job)}.begun").exists()
    ends = [report.attempt_id for report in workshop.heard if report.kind == "ended"]
    assert sorted(ends) == sorted(job.attempt_id for job in everything)


def test_when_the_process_is_killed_between_two_tasks_nothing_is_lost(workshop, values, is_gone):
    workshop.write("work.py", "import os\ndef f(): return os.getpid()")
    (pid,) = set(values(*(workshop.job("work:f") for _ in range(3))))
    os.kill(pid, signal.SIGKILL)
    assert is_gone(pid)
    assert pid not in values(*(workshop.job("work:f") for _ in range(3)))


def test_when_the_template_dies_the_task_that_ran_is_lost_and_the_others_begin_again_from_a_new_one(workshop, share):
    workshop.write(
        "work.py",
        """
        import os, signal
        def f(x):
            with open("begun.txt", "a") as file: print(x, file=file)
            if x == 1:
                os.kill(os.getppid(), signal.SIGKILL)
                signal.pause()
        """,
    )
    jobs = share(*(workshop.job("work:f", inputs={"x": x}) for x in range(4)))
    assert states(workshop, jobs) == ["succeeded", "lost", "succeeded", "succeeded"]
    assert workshop.wait_for("begun.txt").split() == list("0123")


def test_a_task_finds_the_surroundings_as_if_it_were_alone(workshop, values):
    workshop.write(
        "work.py",
        """
        import os, random, sys, tempfile
        def spoil():
            os.environ.clear(); os.environ["LEFT"] = "1"; os.chdir("/"); sys.argv.append("x")
            sys.stdout.close(); sys.stderr = None; random.seed(1)
            open(os.path.join(SCRATCH or "", "left"), "w").close()
        SCRATCH = None
        def note():
            global SCRATCH
            SCRATCH = os.environ["TMPDIR"]
        def look():
            print("still there")
            return [
                os.environ.get("LEFT"), os.environ.get("GIVEN"), os.getcwd(), sys.argv, random.random(),
                os.listdir(os.environ["TMPDIR"]), tempfile.gettempdir() == os.environ["TMPDIR"],
                os.environ["YAMLFLOW_ATTEMPT_ID"], bool(os.environ.get("PATH")),
            ]
        """,
    )
    targets = ["note", "look", "spoil", "look"]
    jobs = [workshop.job(f"work:{name}", env={"GIVEN": "yes"}, seed=at) for at, name in enumerate(targets)]
    _, before, _, after = values(*jobs)
    assert workshop.log(jobs[3]) == "still there\n"
    assert before[:4] == after[:4] == [None, "yes", str(workshop.code), ["work:note"]]
    assert before[4] != after[4]
    assert before[5:7] == after[5:7] == [[], True]
    assert [before[7], after[7]] == [jobs[1].attempt_id, jobs[3].attempt_id]
    assert before[8] is after[8] is True


def test_files_a_task_returns_are_kept_and_what_a_failure_leaves_lies_under_its_own_name(workshop, share):
    workshop.write(
        "work.py",
        """
        from pathlib import Path
        from yamlflow import Context
        def f(x: int, ctx: Context) -> Path:
            file = ctx.tmp / "out.txt"
            assert not file.exists()
            file.write_text(str(x))
            assert x != 1, "one"
            return file
        """,
    )
    jobs = share(*(workshop.job("work:f", inputs={"x": x}) for x in range(3)))
    assert states(workshop, jobs) == ["succeeded", "error", "succeeded"]
    kept = [load_value(workshop.ended(jobs[at]).value, workshop.store).read_text() for at in (0, 2)]
    assert kept == ["0", "2"]
    assert (Path(jobs[1].scratch) / "out.txt").read_text() == "1"


def test_a_child_that_a_task_forked_does_not_go_on_with_its_work(workshop, values):
    workshop.write(
        "work.py",
        """
        import os
        def f(x):
            with open("begun.txt", "a") as file: print(x, file=file)
            if x == 0 and os.fork(): os.wait()
            return os.getpid()
        """,
    )
    pids = values(*(workshop.job("work:f", inputs={"x": x}) for x in range(3)))
    assert len(set(pids)) == 1
    assert workshop.wait_for("begun.txt").split() == list("012")


def test_only_a_task_that_runs_for_a_while_is_said_to_have_started_and_its_log_is_there_at_once(workshop, share):
    workshop.write("work.py", WAITING.replace("with open", "print('hello')\n        with open"))
    jobs = share(*(workshop.job("work:f", inputs={"x": x}) for x in ("a", "b", "wait", "c")))
    workshop.until(lambda report: report.kind == "started")
    assert [report.attempt_id for report in workshop.heard if report.kind == "started"] == [jobs[2].attempt_id]
    assert workshop.log(jobs[2]) == "hello\n"
    workshop.write("go", "")
    assert states(workshop, jobs) == ["succeeded"] * 4


def test_what_a_task_used_is_its_own(workshop, share):
    workshop.write(
        "work.py",
        """
        import time
        def f(x):
            if x == 1:
                end = time.process_time() + 0.2
                while time.process_time() < end: pass
            data = bytearray(60_000_000 if x == 2 else 0)
        """,
    )
    jobs = share(*(workshop.job("work:f", inputs={"x": x}) for x in range(4)))
    used = [workshop.ended(job).usage for job in jobs]
    assert used[1].cpu_seconds >= 0.15 > max(used[0].cpu_seconds, used[3].cpu_seconds)
    assert used[2].peak_memory >= 55_000_000 > max(used[1].peak_memory, used[3].peak_memory)


def test_a_module_that_cannot_be_imported_fails_every_one(workshop, share):
    workshop.write("work.py", "raise RuntimeError('no')")
    jobs = share(*(workshop.job("work:f") for _ in range(3)))
    assert states(workshop, jobs) == ["error"] * 3
    assert workshop.ended(jobs[2]).failure.exception == "RuntimeError"


def test_tasks_that_wait_for_a_module_can_be_cancelled_and_run_out_of_time(workshop, share):
    workshop.write("work.py", "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\ndef f(): pass")
    first, second, third = share(workshop.job("work:f"), workshop.job("work:f", timeout=0.3), workshop.job("work:f"))
    workshop.executor.cancel([first.attempt_id])
    assert states(workshop, [first, second]) == ["cancelled", "timeout"]
    workshop.write("go", "")
    assert states(workshop, [third]) == ["succeeded"]
    ends = [report for report in workshop.heard if report.kind == "ended"]
    assert len(ends) == 3


def test_a_worker_with_devices_sees_these_alone_and_others_get_another(workshop, share):
    workshop.write("work.py", "import os\ndef f(): return [os.getpid(), os.environ['CUDA_VISIBLE_DEVICES']]")
    ran = []
    for device in ("0", "1", "0"):
        jobs = share(*(workshop.job("work:f", grant=Grant(gpus=(device,))) for _ in range(2)))
        ran += [(device, *workshop.ended(job).value) for job in jobs]
    assert all(device == seen for device, _, seen in ran)
    assert len({pid for _, pid, _ in ran}) == 2


def test_another_interpreter_runs_many_tasks_too(workshop, values):
    workshop.write("work.py", "import os, sys\ndef f(): return [os.getpid(), sys.executable]")
    ran = values(*(workshop.job("work:f", python=sys.executable) for _ in range(3)))
    assert len({pid for pid, _ in ran}) == 1


def test_a_module_that_must_not_be_forked_runs_in_a_new_interpreter(workshop, values):
    workshop.write(
        "work.py",
        """
        import os, threading
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        def f(): return [os.getpid(), threading.active_count()]
        """,
    )
    ran = values(*(workshop.job("work:f") for _ in range(3)))
    assert len({pid for pid, _ in ran}) == 1
    assert {count for _, count in ran} == {2}


def test_large_inputs_and_results_pass(workshop, values):
    workshop.write("work.py", "def f(x): return x + x")
    assert values(*(workshop.job("work:f", inputs={"x": "é" * 40_000}) for _ in range(4))) == ["é" * 80_000] * 4


def test_nothing_is_left_when_the_launcher_lets_go_in_the_middle(workshop, share):
    workshop.write("work.py", WAITING)
    share(*(workshop.job("work:f", inputs={"x": "wait"}) for _ in range(3)))
    until_begun(workshop)
    workshop.restart()
    assert workshop.processes() == []
    assert list((workshop.root / "logs").iterdir()) == list((workshop.root / "scratch").iterdir()) == []


def test_a_task_that_closes_every_descriptor_has_its_result_and_is_done_once(workshop, values):
    workshop.write(
        "work.py",
        """
        import os
        def f(x):
            with open("begun.txt", "a") as file: print(x, file=file)
            open(os.path.join(os.environ["TMPDIR"], "left"), "w").close()
            if x == 2: os.closerange(0, 1000)
            return x
        """,
    )
    assert values(*(workshop.job("work:f", inputs={"x": x}) for x in range(5))) == [0, 1, 2, 3, 4]
    assert workshop.wait_for("begun.txt").split() == list("01234")


@pytest.mark.parametrize("harm", ["os.close(1)", "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)", "os.closerange(1, 3)"])
def test_a_task_that_takes_away_its_streams_takes_away_nobody_elses(workshop, values, harm):
    workshop.write(
        "work.py", f"import os, sys\ndef harm(): {harm}\ndef f(): print('out'); print('err', file=sys.stderr)"
    )
    jobs = [workshop.job(f"work:{name}") for name in ("harm", "f")]
    values(*jobs)
    assert workshop.log(jobs[1]) == "out\nerr\n"
