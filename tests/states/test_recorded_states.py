"""Every state folder that was ever recorded opens, answers, and resumes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RECORDED = sorted(path.parent for path in HERE.glob("*/run.json"))


@pytest.fixture(params=RECORDED, ids=[path.name for path in RECORDED])
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    shutil.copytree(request.param, tmp_path / "copy")
    return tmp_path / "copy"


def call(folder: Path, *words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "yamlflow", *words, "--state-dir", "state"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def test_there_is_at_least_one() -> None:
    assert RECORDED


def test_a_recorded_run_is_shown_as_it_was_then(recorded: Path) -> None:
    then = json.loads((recorded / "run.json").read_text())
    now = json.loads(call(recorded, "runs", "show", "last", "--json"))
    assert {name: now[name] for name in ("run_id", "state", "params")} == {
        name: then[name] for name in ("run_id", "state", "params")
    }
    assert {step: found["counts"] for step, found in now["steps"].items()} == {
        step: found["counts"] for step, found in then["steps"].items()
    }


def test_its_values_and_logs_can_be_read(recorded: Path) -> None:
    assert call(recorded, "artifacts", "show", "last", "square[2]").strip() == "4"
    assert "squaring 2" in call(recorded, "logs", "last", "square[2]")


def test_it_resumes_where_it_lies_now_and_redoes_no_success(recorded: Path) -> None:
    (recorded / "mended").touch()
    done = json.loads(call(recorded, "resume", "--json"))
    assert done["outputs"] == {"totals": [5, -5], "late": "[5, -5] 0 1 4"}
    assert done["steps"]["square"]["counts"] == {"succeeded": 3}
    assert call(recorded, "logs", "last", "square").count("squaring") == 3, "each ran once, in the first launch"
