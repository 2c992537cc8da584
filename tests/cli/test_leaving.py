"""How the process ends after its command: at once, but with everything said and done."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import clean_environment


def left(*lines: str, stdout=subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """What came of a process that did these lines, the last of them a call of `leave`."""
    script = "\n".join(["import atexit, sys, threading, time", "from yamlflow.cli.guard import leave", *lines])
    command, environment = [sys.executable, "-c", script], clean_environment()
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.run(
        command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


def test_what_was_printed_arrives_and_the_code_is_the_commands():
    done = left("print('x' * 300_000, end='')", "print('e', file=sys.stderr, end='')", "leave(75)")
    assert (done.returncode, len(done.stdout), done.stderr) == (75, 300_000, "e")


def test_what_was_registered_for_the_end_runs_once_and_may_still_print():
    done = left("atexit.register(print, 'bye')", "leave(0)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "bye\n", "")


def test_nothing_is_taken_apart_object_by_object():
    code = "class Loud:\n    def __del__(self): print('taken apart')\nloud = Loud()\nloud.itself = loud"
    assert left(code, "leave(0)").stdout == ""


def test_a_thread_that_still_works_is_waited_for():
    code = "def work():\n    time.sleep(0.3); print('done', flush=True)"
    done = left(code, "threading.Thread(target=work).start()", "leave(3)")
    assert (done.returncode, done.stdout) == (3, "done\n")


@pytest.mark.parametrize("kind", ["profile", "trace"])
def test_a_profiler_or_a_tracer_has_its_last_word(kind):
    done = left("import os", f"sys.set{kind}(lambda *_: None)", "os._exit = None", "leave(4)")
    assert done.returncode == 4, done.stderr


def test_a_stream_that_takes_no_more_gives_no_traceback():
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device, not a path
        done = left("print('lost')", "leave(0)", stdout=full)
    assert "Traceback" not in done.stderr and "yamlflow" not in done.stderr
    assert done.returncode != 0
