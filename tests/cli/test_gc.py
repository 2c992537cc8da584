"""`yamlflow gc`: what it frees, what it says, and that a run beside it does not notice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import clean_environment

PIPELINE = """
yamlflow: 1
name: beside
steps:
  make: {run: work.py:make, foreach: {n: [0, 1, 2, 3, 4, 5, 6, 7]}, inputs: {n: each.n}}
  use: {run: work.py:use, foreach: {text: steps.make}, inputs: {text: each.text}}
outputs: {total: sum(steps.use)}
"""

WORK = """
import time


def make(n):
    time.sleep(0.1)
    return f"{n}" * 20000


def use(text):
    time.sleep(0.1)
    return len(text)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def objects(project: Path) -> int:
    return sum(1 for path in (project / ".yamlflow" / "store" / "objects").rglob("*") if path.is_file())


def test_it_says_what_it_frees_and_a_dry_run_what_it_would(yamlflow, project):
    assert yamlflow("run", "-q").returncode == 0
    assert "kept 8 values" in yamlflow("gc").stdout
    would = yamlflow("gc", "--older-than", "0s", "--dry-run")
    assert would.stdout.startswith("would forget 1 run: ")
    assert "would free 156.3 KiB: 8 values" in would.stdout
    assert objects(project) == 8
    done = json.loads(yamlflow("gc", "--older-than", "0s", "--json").stdout)
    assert (len(done["runs"]), done["values"], done["kept"]) == (1, 8, {"values": 0, "size": 0})
    assert done["freed"] >= 160_016
    assert objects(project) == 0
    assert yamlflow("status").returncode == 2, "there is no run any more"


def test_one_run_is_forgotten_by_name(yamlflow, project):
    assert yamlflow("run", "-q", "--name", "mine").returncode == 0
    done = yamlflow("runs", "rm", "mine")
    assert done.stdout.startswith("forgot run ")
    assert json.loads(yamlflow("runs", "list", "--json").stdout)["runs"] == []
    assert json.loads(yamlflow("gc", "--json").stdout)["values"] == 8


def test_a_wrong_age_is_a_usage_error(yamlflow, project):
    assert yamlflow("run", "-q").returncode == 0
    done = yamlflow("gc", "--older-than", "soon")
    assert done.returncode == 2
    assert "not a duration" in done.stderr
    assert objects(project) == 8


def test_a_run_beside_it_comes_to_the_same_end(yamlflow, project):
    command = [sys.executable, "-m", "yamlflow", "run", "--json"]
    with subprocess.Popen(command, cwd=project, env=clean_environment(), stdout=subprocess.PIPE, text=True) as run:
        swept = 0
        while run.poll() is None:
            done = yamlflow("gc", "--older-than", "0s")
            assert done.returncode in (0, 2), done.stderr  # 2: there is no run yet
            swept += done.returncode == 0
        outputs = json.loads(run.stdout.read())["outputs"]
    assert run.returncode == 0
    assert outputs == {"total": 8 * 20000}
    assert swept
    assert "run again" not in yamlflow("status").stdout, "nothing was lost"
