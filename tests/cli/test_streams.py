"""What `run` says on its streams, and streams that are full, closed or left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import clean_environment
from tests.cli.programs import start
from tests.cli.projects import BROKEN, FINE


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
