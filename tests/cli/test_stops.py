"""`run` is stopped: by signals, by a second one, by its time."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.cli.programs import start, until
from tests.cli.projects import HOLDS, TASKS


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


def test_tasks_that_were_stopped_are_cancelled_not_failed(place):
    program = start(place(HOLDS), "--max-time", "1s", "--json")
    out, err = program.communicate(timeout=30)
    assert json.loads(out)["failures"] == []
    assert "failed" not in err
    assert err.count("■ hold cancelled") == 1
