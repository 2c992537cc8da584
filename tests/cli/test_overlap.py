"""Runs of the same pipeline at the same time: allowed, refused, skipped, waited for."""

from __future__ import annotations

import time

from tests.cli.programs import start, until
from tests.cli.projects import HOLDS, TASKS

GATE = """
def gate():
    Path(__file__).with_name("holding").touch()
    while not Path(__file__).with_name("go").exists():
        time.sleep(0.02)
"""


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
