"""One answer for each way a command can go wrong."""

from __future__ import annotations

import errno
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from yamlflow.cli.guard import Signalled, guarded
from yamlflow.core import errors
from yamlflow.worker.storage import StorageError


def fail(error):
    def action():
        raise error

    return guarded(action)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.StateError, 74),
        (errors.TemporaryError, 75),
        (errors.AccessError, 77),
        (errors.SetupError, 78),
    ],
)
def test_an_expected_failure_is_one_line_a_hint_and_its_code(kind, code, capsys):
    assert fail(kind("no such thing", hint="make one")) == code
    assert capsys.readouterr().err == "error: no such thing\n  help: make one\n"


def test_an_error_that_quotes_foreign_text_does_not_pass_its_escapes_on(capsys):
    fail(errors.UsageError("no step \x1b[2J\u202eevil"))
    assert capsys.readouterr().err == "error: no step evil\n"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/x/state"),
        StorageError("/x/state", OSError(errno.EIO, "Input/output error"), "read from"),
    ],
)
def test_a_disk_that_fails_under_the_state_is_not_said_to_be_the_output(capsys, error):
    assert fail(error) == 74
    said = capsys.readouterr().err
    assert "/x/state" in said and "output could not be written" not in said
    assert "  help: free some space or check the disk" in said


def test_a_bug_is_code_70_and_its_traceback_lies_in_the_file_that_is_named(capsys):
    assert fail(ZeroDivisionError("oops")) == 70
    said = capsys.readouterr().err
    assert "Traceback" not in said
    place = Path(re.search(r"\S+yamlflow-crash-\S+\.txt", said).group())
    assert "ZeroDivisionError: oops" in place.read_text()
    assert place.stat().st_mode & 0o077 == 0
    place.unlink()


def test_a_command_that_returns_a_code_ends_with_it():
    assert guarded(lambda: 75) == 75
    assert guarded(lambda: None) == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"])
def test_a_command_that_was_signalled_dies_of_that_signal(name):
    script = f"from yamlflow.cli.guard import *\ndef go(): raise Signalled({name!r})\nguarded(go)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.Signals[name]
    assert done.stderr == ""


def test_a_keyboard_interrupt_leaves_no_traceback_and_dies_of_the_interrupt():
    script = "from yamlflow.cli.guard import *\ndef go(): raise KeyboardInterrupt\nguarded(go)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_signalled_knows_the_number_of_its_name():
    assert Signalled("SIGTERM").number == signal.SIGTERM
