"""`run` as a process: where its settings come from, and where its outputs go."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.conftest import clean_environment
from tests.cli.projects import BROKEN, FINE


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


def test_a_duration_in_the_help_of_a_file_has_its_unit(yamlflow, place):
    place("yamlflow: 1\nparams: {limit: {type: duration, default: 90s}}\n" + FINE.partition("\n")[2])
    assert "default: 90s" in yamlflow("run", "pipeline.yaml", "--help").stdout
