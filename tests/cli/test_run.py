"""`run` as a process: its streams, its codes, its signals, and readers that go away."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import clean_environment

FINE = """yamlflow: 1
steps:
  a: {run: "tasks:a"}
  b: {foreach: {x: [1, 2, 3]}, run: "tasks:b", inputs: {x: each.x, a: steps.a}}
"""
BROKEN = FINE + '  bad: {run: "tasks:bad", inputs: {x: steps.b}}\n'
HOLDS = 'yamlflow: 1\nsteps:\n  hold: {run: "tasks:hold"}\n'
TASKS = """
import time
from pathlib import Path

def a():
    print("from \\x1b[31ma\\x1b[0m [bold]here[/bold]")
    return 1
def b(x, a):
    return x + a
def bad(x):
    raise ValueError("bad [red]input[/red] \\x1b[2J")
def hold():
    Path(__file__).with_name("holding").touch()
    try:
        time.sleep(60)
    finally:
        Path(__file__).with_name("cleaned").touch()
"""


GATE = """
def gate():
    Path(__file__).with_name("holding").touch()
    while not Path(__file__).with_name("go").exists():
        time.sleep(0.02)
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "tasks.py").write_text(TASKS)

    def write(text):
        (tmp_path / "pipeline.yaml").write_text(text)
        return tmp_path

    return write


def start(folder, *words, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "yamlflow", "run", *words],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more},
    )


def until(condition, seconds=40):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# --- streams


def test_a_pipe_gets_a_line_per_change_and_an_end_block(yamlflow, place):
    place(FINE)
    done = yamlflow("run")
    assert done.returncode == 0
    assert done.stdout == "b: [2, 3, 4]\n"
    lines = done.stderr.splitlines()
    assert lines[0] == "▶ a running"
    assert "  b: 3 items" in lines
    assert sum(line.startswith("✓ b[") for line in lines) == 3
    assert any(line.startswith("✓ succeeded: run ") for line in lines)


def test_ascii_streams_get_ascii(yamlflow, place):
    place(FINE)
    done = yamlflow("run", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stderr.isascii()
    assert "+ a succeeded" in done.stderr


def test_quiet_is_silent_on_success_and_short_on_failure(yamlflow, place):
    place(FINE)
    done = yamlflow("run", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    place(BROKEN)
    done = yamlflow("run", "-q")
    assert done.returncode == 1
    assert done.stdout == ""
    assert 1 <= len(done.stderr.splitlines()) <= 20
    assert "ValueError: bad" in done.stderr


def test_quiet_with_json_prints_the_document_and_nothing_else(yamlflow, place):
    place(FINE)
    done = yamlflow("run", "-q", "--json")
    assert json.loads(done.stdout)["state"] == "succeeded"
    assert done.stderr == ""


def test_progress_as_json_is_one_object_a_line_and_only_that(yamlflow, place):
    place(BROKEN)
    done = yamlflow("run", "--progress", "json")
    records = [json.loads(line) for line in done.stderr.splitlines()]
    assert records[0]["event"] == "RunStarted"
    assert records[-1] == {"event": "RunEnded", "at": records[-1]["at"], "state": "failed"}
    assert {"b[1]", "b[2]", "b[3]", "bad"} <= {record.get("task") for record in records}


def test_no_progress_leaves_the_end_block(yamlflow, place):
    place(FINE)
    done = yamlflow("run", "--progress", "none")
    assert done.stderr.splitlines()[0].startswith("✓ succeeded")


def test_what_tasks_print_is_shown_when_asked_and_is_only_text(yamlflow, place):
    place(BROKEN)
    assert "a | " not in yamlflow("run").stderr
    shown = yamlflow("run", "--show-output", "all").stderr
    assert "a | from a [bold]here[/bold]" in shown
    assert "\x1b" not in shown


def test_a_ci_page_gets_lines_even_on_a_terminal(place):
    folder = place(FINE)
    text, code = on_a_terminal(folder, "run", env={"CI": "true", "TERM": "xterm"})
    assert code == 0
    assert "▶ a running" in text
    assert "\x1b[?25l" not in text


def on_a_terminal(folder, *words, env):
    """The program with a pseudo terminal as all three streams: what it wrote, and its code."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-m", "yamlflow", *words], {**clean_environment(), **env})
    written = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            written += piece
    _, status = os.waitpid(pid, 0)
    os.close(master)
    return written.decode(errors="replace"), os.waitstatus_to_exitcode(status)


def test_a_terminal_gets_rows_that_change_and_its_cursor_back(place):
    folder = place(BROKEN)
    text, code = on_a_terminal(folder, "run", env={"TERM": "xterm-256color", "LANG": "C.UTF-8"})
    assert code == 1
    assert "\x1b[?25l" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "a | from a [bold]here[/bold]" in text
    assert "bad [red]input[/red]" in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_a_dumb_terminal_and_no_color_get_no_colour(place, env):
    text, code = on_a_terminal(place(BROKEN), "run", env={**env, "LANG": "C.UTF-8"})
    assert code == 1
    assert "\x1b[31m" not in text
    assert "failed" in text


# --- codes and signals


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_cleans_up_says_how_to_go_on_and_is_what_the_process_dies_of(place, name, code):
    folder = place(HOLDS)
    program = start(folder, "--json")
    until((folder / "holding").exists)
    program.send_signal(signal.Signals[name])
    out, err = program.communicate(timeout=30)
    assert program.returncode == -signal.Signals[name]
    document = json.loads(out)
    assert (document["state"], document["exit_code"]) == ("cancelled", code)
    assert f"yamlflow resume {document['run_id']}" in err
    assert "Traceback" not in err


def test_a_second_interrupt_does_not_wait_for_tasks_that_clean_up(place):
    folder = place(HOLDS)
    (folder / "tasks.py").write_text(
        TASKS.replace("time.sleep(60)", "__import__('signal').signal(15, 1) or time.sleep(60)")
    )
    program = start(folder)
    until((folder / "holding").exists)
    time.sleep(0.3)
    began = time.monotonic()
    program.send_signal(signal.SIGINT)
    time.sleep(0.3)
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)
    assert program.returncode == -signal.SIGINT
    assert time.monotonic() - began < 8


def test_a_hangup_that_was_ignored_at_the_start_stays_ignored(place):
    folder = place(HOLDS.replace("tasks:hold", "tasks:short"))
    (folder / "tasks.py").write_text(
        TASKS + "\ndef short():\n    Path(__file__).with_name('holding').touch()\n    time.sleep(1)\n"
    )
    program = start(folder, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    until((folder / "holding").exists)
    program.send_signal(signal.SIGHUP)
    program.communicate(timeout=30)
    assert program.returncode == 0


def test_max_time_ends_as_a_termination(place):
    folder = place(HOLDS)
    program = start(folder, "--max-time", "1s")
    program.communicate(timeout=30)
    assert program.returncode == -signal.SIGTERM


def test_runs_that_must_not_overlap_get_75_or_silence_or_patience(yamlflow, place):
    folder = place(HOLDS.replace("tasks:hold", "tasks:gate"))
    (folder / "tasks.py").write_text(TASKS + GATE)
    first = start(folder)
    until((folder / "holding").exists)
    second = yamlflow("run", "--overlap", "fail")
    assert second.returncode == 75
    assert f"pid {first.pid}" in second.stderr
    skipped = yamlflow("run", "--overlap", "skip", "-q")
    assert (skipped.returncode, skipped.stdout, skipped.stderr) == (0, "", "")
    patient = start(folder, "--overlap", "wait:1m")
    time.sleep(0.5)
    assert patient.poll() is None
    (folder / "go").touch()
    assert first.wait(30) == 0
    assert patient.wait(30) == 0
    first.communicate()
    patient.communicate()


def test_the_same_pipeline_may_run_twice_at_once_unless_it_must_not(place):
    folder = place(HOLDS.replace("tasks:hold", "tasks:gate"))
    (folder / "tasks.py").write_text(TASKS + GATE)
    first = start(folder)
    until((folder / "holding").exists)
    (folder / "holding").unlink()
    second = start(folder)
    until((folder / "holding").exists)
    (folder / "go").touch()
    assert [first.wait(30), second.wait(30)] == [0, 0]
    first.communicate()
    second.communicate()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_goes_away_does_not_end_the_run(yamlflow, place, stream):
    folder = place(FINE)
    program = start(folder, "--json")
    getattr(program, stream).close()
    other = program.stderr if stream == "stdout" else program.stdout
    said = other.read()
    assert program.wait(30) == 0
    other.close()
    assert "Traceback" not in said
    assert json.loads(yamlflow("status", "--json").stdout)["state"] == "succeeded"


def test_under_cron_it_runs_with_nothing_in_its_environment(place):
    folder = place(FINE)
    done = subprocess.run(
        [sys.executable, "-m", "yamlflow", "run", "-q", "--overlap", "skip", str(folder / "pipeline.yaml")],
        cwd="/",
        env={"PYTHONPATH": clean_environment()["PYTHONPATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / ".yamlflow").is_dir()


def test_settings_come_from_flags_then_the_environment_then_the_project(yamlflow, place):
    folder = place(BROKEN.replace("steps:", "steps:\n  ok: {run: 'tasks:a'}"))
    (folder / "yamlflow.toml").write_text('progress = "none"\n')
    assert "running" not in yamlflow("run").stderr
    assert "running" in yamlflow("run", env={"YAMLFLOW_PROGRESS": "plain"}).stderr
    assert json.loads(yamlflow("run", "--progress", "json", env={"YAMLFLOW_PROGRESS": "plain"}).stderr.splitlines()[0])
    wrong = yamlflow("run", env={"YAMLFLOW_PROGRESS": "loud"})
    assert wrong.returncode == 2
    assert "YAMLFLOW_PROGRESS" in wrong.stderr


def test_an_executor_of_the_projects_configuration_is_known_and_plan_says_where_from(yamlflow, place):
    folder = place(FINE)
    (folder / "yamlflow.toml").write_text('[executors.big]\ntype = "local"\nmax_parallel = 1\n')
    planned = yamlflow("plan", "--executor", "big")
    assert planned.returncode == 0, planned.stderr
    assert "big (from yamlflow.toml)" in planned.stdout
    assert yamlflow("run", "--executor", "big").returncode == 0
    (folder / "yamlflow.toml").write_text('[executors.big]\ntype = "lokal"\n')
    wrong = yamlflow("run")
    assert wrong.returncode == 78
    assert "big" in wrong.stderr


# --- results that cannot be shown or written


@pytest.mark.parametrize("words", [["run"], ["run", "--json"], ["status"], ["run", "--help"]], ids=" ".join)
def test_a_full_disk_behind_stdout_is_code_74_and_one_line(yamlflow, place, words):
    folder = place(FINE)
    assert yamlflow("run").returncode == 0
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "yamlflow", *words],
            cwd=folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 74
    said = [line for line in done.stderr.splitlines() if "error" in line]
    assert said == ["error: the output could not be written: No space left on device"]


def test_a_failed_run_keeps_its_code_when_its_document_is_lost(place):
    with Path("/dev/full").open("w") as full:
        program = start(place(BROKEN), "--json", stdout=full)
        _, err = program.communicate(timeout=60)
    assert program.returncode == 1
    assert "could not be written" in err


@pytest.mark.parametrize("words", ["run -q", "run --json", "status"])
@pytest.mark.parametrize("closed", ["2>&- >&-", "<&- >&-"])
def test_streams_that_are_closed_at_the_start_do_not_matter(yamlflow, place, words, closed):
    folder = place(FINE)
    if words.startswith("status"):
        assert yamlflow("run").returncode == 0
    command = f"{sys.executable} -m yamlflow {words} {closed}"
    done = subprocess.run(
        command, shell=True, cwd=folder, env=clean_environment(), capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert "a | " not in done.stdout.decode()
    assert json.loads(yamlflow("status", "--json").stdout)["state"] == "succeeded"


@pytest.mark.parametrize("where", ["taken", "taken/below"])
@pytest.mark.parametrize("command", ["run", "resume"])
def test_an_output_dir_that_is_a_file_is_refused_before_anything_starts(yamlflow, place, command, where):
    folder = place(FINE)
    (folder / "taken").write_text("mine")
    if command == "resume":
        assert yamlflow("run").returncode == 0
    before = yamlflow("runs", "list").stdout
    done = yamlflow(command, "--output-dir", where)
    assert done.returncode == 78
    assert "taken is no folder" in done.stderr
    assert "running" not in done.stderr
    assert yamlflow("runs", "list").stdout == before
    assert (folder / "taken").read_text() == "mine"


def test_outputs_in_a_folder_replace_those_of_the_run_before_and_nothing_else(yamlflow, place):
    folder = place(FINE)
    (folder / "out").mkdir()
    (folder / "out" / "other.txt").write_text("mine")
    (folder / "out" / "b.json").write_text("old")
    assert yamlflow("run", "--output-dir", "out").returncode == 0
    assert json.loads((folder / "out" / "b.json").read_text()) == [2, 3, 4]
    assert (folder / "out" / "other.txt").read_text() == "mine"
    assert "replaced" in " ".join(yamlflow("run", "--help").stdout.split())


def test_tasks_that_were_stopped_are_cancelled_not_failed(place):
    program = start(place(HOLDS), "--max-time", "1s", "--json")
    out, err = program.communicate(timeout=30)
    assert json.loads(out)["failures"] == []
    assert "failed" not in err
    assert err.count("■ hold cancelled") == 1


def test_a_duration_in_the_help_of_a_file_has_its_unit(yamlflow, place):
    place("yamlflow: 1\nparams: {limit: {type: duration, default: 90s}}\n" + FINE.partition("\n")[2])
    assert "default: 90s" in yamlflow("run", "pipeline.yaml", "--help").stdout


# --- resume --refresh


def test_refresh_runs_a_step_again_although_nothing_changed(yamlflow, place):
    folder = place(FINE)
    note = "    Path(__file__).with_name('ledger').open('a').write('{}\\n')\n    return"
    a, b = TASKS.replace("    return 1", note.format("a") + " 1").split("    return x + a")
    (folder / "tasks.py").write_text(a + note.format("b") + " x + a" + b)
    assert yamlflow("run").returncode == 0
    assert yamlflow("resume").returncode == 0
    first = (folder / "ledger").read_text().split()
    assert first == ["a", "b", "b", "b"]
    assert yamlflow("resume", "--refresh", "a*").returncode == 0
    again = (folder / "ledger").read_text().split()
    assert again == ["a", "b", "b", "b", "a"], "what reads the same value is kept"
    assert yamlflow("resume", "--refresh", "a", "--refresh", "b").returncode == 0
    last = (folder / "ledger").read_text().split()
    assert (last.count("a"), last.count("b")) == (3, 6)
    wrong = yamlflow("resume", "--refresh", "nothing")
    assert wrong.returncode == 2
    assert "the steps are a, b" in wrong.stderr


def test_refresh_of_a_step_that_the_run_only_read_is_refused(yamlflow, place):
    place(FINE)
    assert yamlflow("run").returncode == 0
    assert yamlflow("run", "--only", "b").returncode == 0
    wrong = yamlflow("resume", "--refresh", "a")
    assert wrong.returncode == 2
    assert "the steps are b" in wrong.stderr
