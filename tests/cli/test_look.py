"""`status`, `logs`, `runs`, `artifacts`, `cancel`: looking at runs from another terminal, and stopping one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import clean_environment

PIPELINE = """yamlflow: 1
name: demo
steps:
  prep: {run: "tasks:prep"}
  fit: {foreach: {m: [xgb, mlp]}, run: "tasks:fit", inputs: {m: each.m, n: steps.prep.rows}, fail_fast: false}
  last: {run: "tasks:last", inputs: {aucs: steps.fit.auc}}
"""
TASKS = """
import time
from pathlib import Path

def prep():
    print("preparing")
    return {"rows": 3, "odd key": 1}
def fit(m, n):
    print("fitting", m)
    print("still \\x1b[31mfitting\\x1b[0m", m)
    if m == FAILS:
        raise ValueError("no " + m)
    return {"auc": 0.5, "name": m}
def last(aucs):
    return sum(aucs)
def hold():
    print("holding", flush=True)
    Path(__file__).with_name("holding").touch()
    time.sleep(60)
"""


@pytest.fixture
def ran(yamlflow, tmp_path):
    """A project with one run; `ran(fails="mlp")` makes one of its tasks fail."""

    def go(fails="none", *words):
        (tmp_path / "pipeline.yaml").write_text(PIPELINE)
        (tmp_path / "tasks.py").write_text(TASKS.replace("FAILS", repr(fails)))
        done = yamlflow("run", "--json", *words)
        return json.loads(done.stdout)

    return go


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "yamlflow", "run", *words],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def holding(folder):
    (folder / "pipeline.yaml").write_text('yamlflow: 1\nsteps: {hold: {run: "tasks:hold"}}\n')
    (folder / "tasks.py").write_text(TASKS)
    program = start(folder)
    end = time.monotonic() + 40
    while not (folder / "holding").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    return program


LOOKING = [
    ["status"],
    ["logs"],
    ["runs", "list"],
    ["runs", "show"],
    ["artifacts", "list"],
    ["artifacts", "show", "fit"],
    ["cancel"],
    ["resume"],
]


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_looking_where_nothing_ever_ran_is_an_error_that_makes_no_folder(yamlflow, tmp_path, command):
    done = yamlflow(*command)
    assert done.returncode == 2
    assert "yamlflow run" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [word for word in LOOKING if word[0] not in ("cancel", "resume")], ids=" ".join)
def test_looking_changes_nothing(yamlflow, tmp_path, ran, command):
    ran("mlp")

    def files():
        found = [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))]
        return {str(path): path.read_bytes() for path in found}

    before = files()
    assert yamlflow(*command).returncode == 0
    assert files() == before


def test_status_has_a_line_for_each_step_and_the_end_block(yamlflow, ran):
    ran("mlp")
    shown = yamlflow("status").stdout
    assert "✓ succeeded" in shown
    assert "1/2 ✓1 ✗1" not in shown
    assert "2/2 ✓1 ✗1" in shown
    assert "upstream failed" in shown
    assert "upstream_failed" not in shown, "one word for one thing"
    assert "ValueError: no mlp" in shown
    assert "yamlflow resume" in shown


def test_status_as_json_is_the_document_of_the_run(yamlflow, ran):
    document = ran("mlp")
    again = json.loads(yamlflow("status", "--json").stdout)
    assert again == document


def test_a_run_is_found_by_id_prefix_name_and_last(yamlflow, ran):
    first = ran("none", "--name", "nightly")["run_id"]
    second = ran("mlp")["run_id"]
    for word, run_id in ((first, first), ("last", second), ("nightly", first), (second[:-1], second)):
        found = json.loads(yamlflow("status", word, "--json").stdout)
        assert found["run_id"] == run_id
    wrong = yamlflow("status", first[:4])
    assert wrong.returncode == 2
    assert first in wrong.stderr


def test_a_steps_name_in_place_of_a_run_means_the_last_one(yamlflow, ran):
    ran()
    shown = yamlflow("status", "fit").stdout.splitlines()
    assert "fit" in shown[0]
    assert "prep" not in "\n".join(shown[:1])
    unknown = yamlflow("status", "fitt")
    assert unknown.returncode == 2
    assert "fit" in unknown.stderr


def test_logs_of_everything_have_names_and_of_one_task_have_none(yamlflow, ran):
    ran("mlp")
    everything = yamlflow("logs").stdout
    assert "prep | preparing\n" in everything
    assert "fit[xgb] | still fitting xgb\n" in everything
    assert yamlflow("logs", "last", "fit[xgb]").stdout == "fitting xgb\nstill fitting xgb\n"
    assert yamlflow("logs", "fit[mlp]").stdout.startswith("fitting mlp\n")
    assert yamlflow("logs", "fit[xgb]", "--tail", "1").stdout == "still fitting xgb\n"


def test_logs_of_the_failed_are_of_those_alone(yamlflow, ran):
    ran("mlp")
    shown = yamlflow("logs", "--failed").stdout
    assert "mlp" in shown
    assert "xgb" not in shown


def test_logs_follow_a_run_to_its_end(yamlflow, tmp_path):
    program = holding(tmp_path)
    follower = subprocess.Popen(
        [sys.executable, "-m", "yamlflow", "logs", "-f"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert follower.stdout.readline() == "hold | holding\n"
    program.terminate()
    program.communicate(timeout=30)
    assert follower.wait(30) == 0
    follower.stdout.close()


def test_runs_are_listed_newest_first(yamlflow, ran):
    first, second = ran()["run_id"], ran("mlp", "--name", "again", "--tag", "why=test")["run_id"]
    lines = yamlflow("runs", "list").stdout.splitlines()
    assert lines[0].split() == ["RUN", "PIPELINE", "STATE", "STARTED", "TOOK", "NAME"]
    assert [line.split()[0] for line in lines[1:]] == [second, first]
    assert lines[1].split()[2] == "failed"
    listed = json.loads(yamlflow("runs", "list", "--json", "--limit", "1").stdout)["runs"]
    assert [(run["run_id"], run["state"], run["name"], run["tags"]) for run in listed] == [
        (second, "failed", "again", {"why": "test"})
    ]


def test_one_run_is_shown_in_full(yamlflow, ran, tmp_path):
    ran("none", "--tag", "why=test")
    shown = yamlflow("runs", "show").stdout
    for word in ("demo", str(tmp_path / "pipeline.yaml"), "why=test", "last: 1.0", "2/2 ✓2"):
        assert word in shown
    assert json.loads(yamlflow("runs", "show", "--json").stdout)["outputs"] == {"last": 1.0}


def test_artifacts_are_listed_shown_by_field_and_written(yamlflow, ran, tmp_path):
    ran()
    listed = yamlflow("artifacts", "list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["prep", "fit[xgb]", "fit[mlp]", "last"]
    assert yamlflow("artifacts", "show", "fit[xgb].auc").stdout == "0.5\n"
    assert json.loads(yamlflow("artifacts", "show", "last", "fit", "--json").stdout) == {
        "fit[xgb]": {"auc": 0.5, "name": "xgb"},
        "fit[mlp]": {"auc": 0.5, "name": "mlp"},
    }
    assert yamlflow("artifacts", "get", "prep").stdout == "prep.json\n"
    assert json.loads((tmp_path / "prep.json").read_text()) == {"rows": 3, "odd key": 1}
    several = yamlflow("artifacts", "get", "fit")
    assert several.returncode == 2
    assert "fit[xgb]" in several.stderr
    missing = yamlflow("artifacts", "show", "fit[xgb].auk")
    assert missing.returncode == 2
    assert "auc" in missing.stderr


def test_a_run_in_progress_is_seen_and_cancelled_from_another_terminal(yamlflow, tmp_path):
    program = holding(tmp_path)
    seen = json.loads(yamlflow("status", "--json").stdout)
    assert (seen["state"], seen["exit_code"], seen["steps"]["hold"]["state"]) == ("running", None, "running")
    asked = yamlflow("cancel")
    assert asked.returncode == 0
    assert seen["run_id"] in asked.stdout
    _, err = program.communicate(timeout=30)
    assert program.returncode == 130, err
    assert "yamlflow resume" in err
    assert json.loads(yamlflow("status", "--json").stdout)["state"] == "cancelled"
    again = yamlflow("cancel", "last")
    assert again.returncode == 2
    assert "cancelled" in again.stderr


def test_a_run_whose_launcher_was_killed_is_interrupted_not_running(yamlflow, tmp_path):
    program = holding(tmp_path)
    program.send_signal(signal.SIGKILL)
    program.communicate()
    seen = json.loads(yamlflow("status", "--json").stdout)
    assert seen["state"] == "interrupted"
    assert "interrupted" in yamlflow("runs", "list").stdout
    assert "yamlflow resume" in yamlflow("status").stdout


def test_a_hook_may_be_called_by_its_bare_name(yamlflow, tmp_path):
    (tmp_path / "tasks.py").write_text("def one(): print('paging'); return {'n': 7}\n")
    both = 'yamlflow: 1\non_success: {page: {run: "tasks:one"}}\non_exit: {HOOK: {run: "tasks:one"}}\n'
    both += 'steps: {a: {run: "tasks:one"}}\n'
    (tmp_path / "pipeline.yaml").write_text(both.replace("HOOK", "other"))
    assert yamlflow("run").returncode == 0
    assert yamlflow("logs", "page").stdout == "paging\n"
    assert yamlflow("artifacts", "show", "last", "page.n").stdout == "7\n"
    (tmp_path / "pipeline.yaml").write_text(both.replace("HOOK", "page"))
    assert yamlflow("run").returncode == 0
    several = yamlflow("artifacts", "show", "page")
    assert several.returncode == 2
    assert "on_success.page or on_exit.page" in several.stderr or "on_exit.page or on_success.page" in several.stderr


def test_a_run_whose_launcher_was_killed_has_nothing_running(yamlflow, tmp_path):
    program = holding(tmp_path)
    time.sleep(0.5)
    live = yamlflow("status").stdout
    assert "▶ running" in live
    program.kill()
    program.communicate()
    shown = yamlflow("status").stdout
    assert "■ interrupted" in shown.splitlines()[0]
    assert "▶" not in shown
    assert "▶" not in yamlflow("runs", "show").stdout
    document = json.loads(yamlflow("status", "--json").stdout)
    assert document["steps"]["hold"]["state"] == "interrupted"
    assert document["steps"]["hold"]["counts"] == {"interrupted": 1}
