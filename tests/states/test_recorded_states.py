"""Every state folder that was ever recorded opens, answers, and resumes."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
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


LOOKING = (
    ("status",),
    ("status", "--json"),
    ("logs", "last"),
    ("logs", "last", "--failed"),
    ("logs", "last", "square", "--tail", "1"),
    ("runs", "list"),
    ("runs", "list", "--json"),
    ("runs", "show", "last"),
    ("artifacts", "list", "last"),
    ("artifacts", "list", "last", "--json"),
    ("artifacts", "show", "last", "by_sign:plus/apply", "--json"),
    ("artifacts", "get", "last", "text", "-o", "squares.txt"),
    ("gc", "--dry-run"),
    ("cache", "list"),
)


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_every_command_that_looks_understands_it(recorded: Path, words: tuple[str, ...]) -> None:
    before = contents(recorded / "state")
    call(recorded, *words)
    assert contents(recorded / "state") == before, "who looks changes nothing"


def contents(folder: Path) -> dict[str, object]:
    """Every file of a state, and what its database is and says of runs."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("state.db")]
    with closing(sqlite3.connect(folder / "state.db")) as database:
        rows = {
            table: database.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("runs", "events", "controls", "sqlite_master", "pragma_user_version")
        }
    return {**rows, **{str(path): path.read_bytes() for path in files if not {"names", "locks"} & {*path.parts}}}


def test_gc_keeps_what_its_runs_refer_to(recorded: Path) -> None:
    call(recorded, "gc")
    shown = call(recorded, "artifacts", "show", "last", "text")
    assert Path(shown.partition(": ")[2].strip()).read_text() == "0 1 4"


def test_it_resumes_where_it_lies_now_and_redoes_no_success(recorded: Path) -> None:
    (recorded / "mended").touch()
    done = json.loads(call(recorded, "resume", "--json"))
    assert done["outputs"] == {"totals": [5, -5], "late": "[5, -5] 0 1 4"}
    assert done["steps"]["square"]["counts"] == {"succeeded": 3}
    assert call(recorded, "logs", "last", "square").count("squaring") == 3, "each ran once, in the first launch"
