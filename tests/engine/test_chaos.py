"""The moments at which a test can have the launcher die, and that nothing of it is there otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.bench import bench, graph, over, step
from yamlflow.core.errors import UsageError
from yamlflow.engine.chaos import MOMENTS, VARIABLE

ROOT = Path(__file__).parents[2]
LAUNCHER = """
import sys
from pathlib import Path
from tests.engine.test_chaos import PLAN
from tests.engine.bench import Bench, StateFolder
print(Bench(StateFolder(Path(sys.argv[1]))).run(PLAN, {"src": [1, 2]}).state)
"""
PLAN = graph(
    step("beside"),
    step("src"),
    step("fan", "src", loop=over({"x": "steps.src"}), inputs={"x": "each.x"}),
    step("last", "fan", inputs={"all": "steps.fan"}),
    step("yes", hook="on_success"),
    step("bye", hook="on_exit"),
    hooks={"on_success": ("yes",), "on_exit": ("bye",)},
)


def launched(folder, omen):
    return subprocess.run(
        [sys.executable, "-c", LAUNCHER, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: omen},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("omen", ["start:1", "end:1", "ended:1"])
def test_the_launcher_dies_at_the_moment_that_was_named(tmp_path, omen):
    assert launched(tmp_path, omen).returncode == -9


@pytest.mark.parametrize("omen", ["", "ended:99", "end:2"])
def test_a_moment_that_does_not_come_changes_nothing(tmp_path, omen):
    done = launched(tmp_path, omen)
    assert (done.returncode, done.stdout) == (0, "succeeded\n"), done.stderr


@pytest.mark.parametrize("omen", ["submit", "submit:0", "submit:x", "never:1"])
def test_a_wrong_word_names_the_moments(tmp_path, monkeypatch, omen):
    monkeypatch.setenv(VARIABLE, omen)
    with pytest.raises(UsageError, match=", ".join(MOMENTS)):
        bench(tmp_path).run(PLAN, {"src": [1, 2]})


def test_hooks_that_ended_before_the_launcher_died_are_kept(tmp_path):
    here = bench(tmp_path)
    assert launched(here.folder.path, "end:1").returncode == -9
    with here.folder.look() as state:
        run_id = state.find_run().id
    assert here.resume(PLAN, run_id).state == "succeeded"
    assert here.ran() == ["bye"], "which ended together with the run: neither was durable"
    here.resume(PLAN, run_id)
    assert here.ran() == ["yes", "bye"], "this is another end"


def test_hooks_run_again_when_anything_else_has_run_since(tmp_path):
    here = bench(tmp_path)
    assert launched(here.folder.path, "end:1").returncode == -9
    with here.folder.look() as state:
        run_id = state.find_run().id
    here.resume(PLAN, run_id, refresh=("beside",))
    assert here.ran() == ["beside", "yes", "bye"]
