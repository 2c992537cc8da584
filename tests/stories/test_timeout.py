"""timeout: per attempt; the whole process group goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

TASKS = """
    import os, subprocess, time, sys

    def hang():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        note("pids", os.getpid(), child.pid)
        time.sleep(300)
    def slow_once():
        if count("try") == 0:
            time.sleep(300)
        return "second"
    def ok():
        return 1
"""


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_task_that_takes_too_long_is_ended_with_all_its_children(project):
    story = project('steps: {hang: {run: "tasks:hang", timeout: 1s}}', TASKS)
    ran = story.run(code=1)
    assert [failure["reason"] for failure in ran.failures] == ["timeout"]
    assert "1 s" in ran.failures[0]["message"]
    pids = [int(word) for word in story.ledger[0].split()[1:]]
    end = time.monotonic() + 10
    while not all(map(gone, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert all(map(gone, pids))


def test_a_command_is_ended_too(project):
    ran = project('steps: {hang: {sh: "sleep 300", timeout: 500ms}}', TASKS).run(code=1)
    assert ran.failures[0]["reason"] == "timeout"


def test_a_timeout_is_retried_like_an_error_and_counts_per_attempt(project):
    ran = project(
        'steps: {s: {run: "tasks:slow_once", timeout: 1s, retry: {attempts: 2}}}\noutputs: {s: steps.s}', TASKS
    ).run()
    assert ran.outputs == {"s": "second"}


def test_what_is_in_time_is_left_alone(project):
    assert project('steps: {ok: {run: "tasks:ok", timeout: 30s}}', TASKS).run().state("ok") == "succeeded"
