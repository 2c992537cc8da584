"""Signals, keys and readers that go away: what a run does about each, what it says, what it dies of."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess

import pytest

from tests.crashes.killing import members
from tests.crashes.terminals import CTRL_C, CTRL_Z, ours

TASKS = """
    import signal, sys
    def hold():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
        note("holding")
        try:
            wait_for("go")
        finally:
            note("cleaned")
        note("done")
    def stubborn():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note("holding")
        wait_for("go")
    def after(x=None):
        note("after")
    def fail():
        raise ValueError("the reason")
    def bye(state):
        note("bye", state)
    def linger(state=None):
        note("lingering")
        wait_for("go")
"""
HOLD = 'steps: {hold: {run: "tasks:hold"}, after: {run: "tasks:after", needs: [hold]}}\n'
STUBBORN = 'steps: {hold: {run: "tasks:stubborn"}}\n'
BYE = 'on_exit: {bye: {run: "tasks:bye", inputs: {state: run.state}}}\n'
LINGER = 'on_exit: {linger: {run: "tasks:linger"}}\n'


def send(run, name, times=1):
    for _ in range(times):
        run.send_signal(getattr(signal, name))


def heard(run, words):
    """Reads what the run says until these words come."""
    said = ""
    for line in run.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"{words!r} was never said: {said}")


# --- INT, TERM, HUP


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_the_first_signal_lets_tasks_clean_up_runs_hooks_and_says_how_to_go_on(project, name, code):
    run = project(HOLD + BYE, TASKS).start()
    project.until_noted("holding")
    send(run, name)
    ran = project.finish(run, code=-getattr(signal, name))
    assert project.ledger == ["holding", "cleaned", "bye cancelled"]
    assert (ran.document["state"], ran.document["exit_code"]) == ("cancelled", code)
    assert "stopping 1 task, which may take 10s; once more kills" in ran.err
    assert f"yamlflow resume {ran.document['run_id']}" in ran.err
    project.touch("go")
    assert project.call("resume").code == 0
    assert project.ledger[3:] == ["holding", "cleaned", "done", "after", "bye succeeded"]


def test_the_second_one_kills_what_does_not_listen(project):
    run = project(STUBBORN, TASKS).start()
    project.until_noted("holding")
    send(run, "SIGINT")
    heard(run, "stopping 1 task")
    send(run, "SIGINT")
    heard(run, "killing 1 task; once more leaves at once")
    ran = project.finish(run, code=-signal.SIGINT)
    assert ran.document["state"] == "cancelled"


def test_the_third_one_leaves_at_once_and_says_what_was_in_flight(project):
    """Only a tree of processes that does not answer gets so far: it is frozen here, and thawed when all is said."""
    run = project(STUBBORN, TASKS).start()
    project.until_noted("holding")
    below = members(run.pid)
    frozen = [*below["nursery"], *below["template"]]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        for words in ("stopping 1 task", "killing 1 task"):
            send(run, "SIGINT")
            heard(run, words)
        send(run, "SIGINT")
        ran = project.finish(run, code=-signal.SIGINT)
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    assert (ran.document["state"], ran.document["exit_code"]) == ("interrupted", 130)
    assert "in flight when it was left: hold" in ran.err
    assert "clear away what they leave: yamlflow gc" in ran.err
    assert f"yamlflow resume {ran.document['run_id']}" in ran.err
    shown = project.call("status", "--json").document
    assert shown["state"] == "interrupted"
    project.touch("go")
    assert project.call("resume").code == 0, "which tidies up, too"


def test_a_fourth_one_ends_even_a_command_that_is_stuck(project):
    run = project(STUBBORN, TASKS).start()
    project.until_noted("holding")
    os.kill(run.pid, signal.SIGSTOP)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # of one kind only one can wait
        send(run, name)
    os.kill(run.pid, signal.SIGCONT)
    out, err = run.communicate(timeout=60)
    assert run.returncode in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP)
    assert json.loads(out)["state"] == "interrupted"
    assert "Traceback" not in err
    project.touch("go")
    assert project.call("resume").code == 0


def test_the_first_of_two_signals_is_what_it_dies_of(project):
    run = project(STUBBORN, TASKS).start()
    project.until_noted("holding")
    send(run, "SIGTERM")
    heard(run, "terminated: stopping 1 task")
    send(run, "SIGINT")
    project.finish(run, code=-signal.SIGTERM)


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT"])
def test_a_signal_that_was_ignored_at_the_start_stays_ignored(project, name):
    project(HOLD, TASKS)
    run = subprocess.Popen(
        ["sh", "-c", f"trap '' {name[3:]}; exec {shlex.join(ours('run', '--json'))}"],
        cwd=project.folder,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    project.started.append(run)
    project.until_noted("holding")
    send(run, name)
    project.touch("go")
    assert project.finish(run).document["state"] == "succeeded"


def test_nohup_goes_on_after_a_hangup(project):
    project(HOLD, TASKS)
    run = subprocess.Popen(
        ["nohup", *ours("run", "--json")],
        cwd=project.folder,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    project.started.append(run)
    project.until_noted("holding")
    send(run, "SIGHUP")
    project.touch("go")
    assert project.finish(run).document["state"] == "succeeded"


# --- hooks


def test_a_second_interrupt_among_the_hooks_leaves_a_cancelled_run_cancelled(project):
    run = project(HOLD + LINGER, TASKS).start()
    project.until_noted("holding")
    send(run, "SIGINT")
    project.until_noted("lingering")
    send(run, "SIGINT")
    ran = project.finish(run, code=-signal.SIGINT)
    assert (ran.document["state"], ran.document["exit_code"]) == ("cancelled", 130)
    assert ran.state("on_exit.linger") == "cancelled"
    assert ran.failures == []
    assert "failed" not in ran.err


def test_an_interrupt_among_the_hooks_of_a_good_run_cancels_it(project):
    run = project('steps: {after: {run: "tasks:after"}}\n' + LINGER, TASKS).start()
    project.until_noted("lingering")
    send(run, "SIGINT")
    ran = project.finish(run, code=-signal.SIGINT)
    assert (ran.document["state"], ran.document["exit_code"]) == ("cancelled", 130)
    assert ran.state("on_exit.linger") == "cancelled"
    project.touch("go")
    assert project.call("resume").code == 0
    assert project.ledger == ["after", "lingering", "lingering"], "what had succeeded did not run again"


def test_an_interrupt_among_the_hooks_of_a_failed_run_leaves_it_failed(project):
    run = project('steps: {bad: {run: "tasks:fail"}}\n' + LINGER, TASKS).start()
    project.until_noted("lingering")
    send(run, "SIGINT")
    ran = project.finish(run, code=-signal.SIGINT)
    assert (ran.document["state"], ran.document["exit_code"]) == ("failed", 130)
    assert [failure["step"] for failure in ran.failures] == ["bad"]


# --- --on-interrupt


@pytest.mark.parametrize("how", ["flag", "setting"])
def test_drain_lets_running_tasks_finish_and_starts_nothing(project, how):
    project(HOLD, TASKS)
    if how == "setting":
        project.write("yamlflow.toml", 'on_interrupt = "drain"\n')
    run = project.start(*(["--on-interrupt", "drain"] if how == "flag" else []))
    project.until_noted("holding")
    send(run, "SIGINT")
    heard(run, "nothing new starts, 1 task may finish; once more kills")
    project.touch("go")
    ran = project.finish(run, code=-signal.SIGINT)
    assert project.ledger == ["holding", "cleaned", "done"]
    assert (ran.state("hold"), ran.state("after")) == ("succeeded", "cancelled")
    assert project.call("resume", "--on-interrupt", "drain").code == 0
    assert project.ledger == ["holding", "cleaned", "done", "after"]


def test_a_second_interrupt_kills_what_drains(project):
    run = project(HOLD, TASKS).start("--on-interrupt", "drain")
    project.until_noted("holding")
    send(run, "SIGINT")
    heard(run, "1 task may finish")
    send(run, "SIGINT")
    ran = project.finish(run, code=-signal.SIGINT)
    assert ran.state("hold") == "cancelled"


def test_detach_cannot_leave_what_runs_on_this_machine_and_says_so(project):
    run = project(HOLD, TASKS).start("--on-interrupt", "detach")
    project.until_noted("holding")
    send(run, "SIGINT")
    ran = project.finish(run, code=-signal.SIGINT)
    assert "what runs on this machine cannot be left" in ran.err
    assert ran.state("hold") == "cancelled"


def test_a_wrong_word_for_interrupts_is_refused_before_anything_starts(project):
    project(HOLD, TASKS).write("yamlflow.toml", 'on_interrupt = "panic"\n')
    assert "it is one of cancel, drain, detach" in project.refused(code=78)


# --- terminals and pipes


def test_a_loop_of_a_shell_stops_with_the_run_that_was_interrupted(project, terminal):
    project(HOLD, TASKS)
    loop = f"for i in 1 2 3; do echo round $i; {shlex.join(ours('run', '-q'))}; done; echo all rounds"
    shell = terminal(argv=["bash", "-c", loop])
    project.until_noted("holding")
    shell.press(CTRL_C)
    assert shell.end() == -signal.SIGINT
    assert "round 1" in shell.text
    assert "round 2" not in shell.text
    assert "all rounds" not in shell.text


def test_a_shell_sees_the_codes_of_the_table(project):
    project(HOLD, TASKS)
    shell = subprocess.Popen(
        ["bash", "-c", f"{shlex.join(ours('run', '-q'))} & wait $!; echo code $?"],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    project.until_noted("holding")
    (launcher,) = members(shell.pid)["nursery"]  # a child of the shell
    os.kill(launcher, signal.SIGTERM)
    said, _ = shell.communicate(timeout=60)
    assert said == "code 143\n"


def test_the_terminal_that_is_closed_ends_the_run_as_a_hangup(project, terminal):
    project(HOLD + BYE, TASKS)
    window = terminal("run")
    project.until_noted("holding")
    window.until("hold")
    window.hang_up()
    assert window.end() == -signal.SIGHUP
    assert project.ledger == ["holding", "cleaned", "bye cancelled"]


def test_the_terminal_that_is_closed_does_not_end_a_run_that_ignores_hangups(project, terminal):
    project(HOLD, TASKS)
    window = terminal("run", ignore=(signal.SIGHUP,))
    project.until_noted("holding")
    window.until("hold")
    window.hang_up()
    project.touch("go")
    assert window.end() == 0
    assert project.ledger == ["holding", "cleaned", "done", "after"]


def test_ctrl_c_gives_the_cursor_back(project, terminal):
    project(HOLD, TASKS)
    window = terminal("run")
    project.until_noted("holding")
    window.until("\x1b[?25l")
    window.press(CTRL_C)
    assert window.end() == -signal.SIGINT
    assert window.text.rindex("\x1b[?25h") > window.text.rindex("\x1b[?25l")
    assert "stopping 1 task" in window.text


def test_ctrl_z_gives_the_cursor_back_and_fg_goes_on(project, terminal):
    project(HOLD, TASKS)
    window = terminal("run")
    project.until_noted("holding")
    window.until("\x1b[?25l")
    window.press(CTRL_Z)
    window.stopped()
    assert window.text.rindex("\x1b[?25h") > window.text.rindex("\x1b[?25l")
    project.touch("go")
    project.until_noted("done")
    assert "after" not in project.ledger, "tasks go on, nothing new starts"
    window.go_on()
    assert window.end() == 0
    assert "succeeded" in window.text
    assert window.text.rindex("\x1b[?25h") > window.text.rindex("\x1b[?25l")


@pytest.mark.parametrize("streams", ["2>&1", "2>/dev/null", "2>&1 >/dev/null"])
def test_a_reader_that_has_seen_enough_does_not_end_the_run(project, streams):
    project(HOLD, TASKS).touch("go")
    pipe = f"{shlex.join(ours('run', '--json', '--progress', 'json'))} {streams} | head -c 1 >/dev/null"
    shell = ["bash", "-c", f"{pipe}; echo ${{PIPESTATUS[0]}}"]
    done = subprocess.run(
        shell, cwd=project.folder, env=project.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert project.ledger == ["holding", "cleaned", "done", "after"]
