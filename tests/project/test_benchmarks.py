"""The benchmark program: its table says what it means, and it runs from end to end with tiny numbers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import floors
from tests.benchmarks.bars import Bar, line, summary
from tests.benchmarks.measuring import CommandFailedError, left_behind, race, timed
from tests.benchmarks.rows import ROWS, Plan

ROOT = Path(__file__).parents[2]
TINY = ["--tasks", "20", "--growth", "200", "--repeat", "1", "--without", "metaflow"]
ROWS_SAY = {
    "W1": ["bare fork loop"],
    "shared": ["isolation: shared"],
    "disk": ["files a task", "kB a task"],
    "W2": ["W2"],
    "looking": ["validate", "--help"],
    "W3": ["W3"],
    "W4": ["foreach to join", "memory of the launcher"],
    "again": ["20 cached tasks"],
    "growth": ["200 tasks on the fake executor", "memory of the launcher", "times one of 20"],
    "view": ["live view"],
}
"""What each row says that can be judged without Metaflow."""


def test_a_bar_in_seconds_is_stretched_for_a_slower_machine_and_no_other():
    assert not Bar("w", 0.6, 0.35, "s", clock=True).missed(2.0)
    assert Bar("w", 0.6, 0.35, "s", clock=True).missed(1.0)
    assert Bar("w", 1.6, 1.5, "x").missed(9.0)


def test_a_bar_from_below_is_missed_by_less():
    faster = Bar("w", 99.0, 100, "x", at_least=True)
    assert faster.missed(1.0)
    assert "MISSED" in line(faster, 1.0) and ">= 100" in line(faster, 1.0)


def test_a_missed_bar_is_named_and_ends_the_program_with_1():
    said, code = summary([(Bar("good", 1.0, 2, "s"), 1.0), (Bar("bad", 3.0, 2, "s"), 1.0)])
    assert (said, code) == ("1 of 2 bars kept; missed: bad", 1)


def test_what_needs_a_missing_peer_is_neither_passed_nor_missed():
    lonely = Bar("faster than Metaflow", None, 100, "x", at_least=True, missing="Metaflow is missing")
    assert "not judged: Metaflow is missing" in line(lonely, 1.0)
    assert summary([(lonely, 1.0)]) == ("0 of 1 bars kept; not judged: faster than Metaflow", 0)


def test_a_row_names_the_peers_that_are_not_there():
    (bar,) = ROWS["W2"](Plan(1, 20, 200, {}))
    assert "make missing" in bar.beside and "Metaflow missing" in bar.beside and "fork loop 0." in bar.beside


def test_a_machine_is_as_slow_as_the_middle_one_of_its_floors():
    twice = {name: there * 2 for name, there in floors.THERE.items()}
    assert floors.stretch(twice) == 2.0
    assert floors.stretch({**twice, "import numpy": 1e9}) == 2.0
    assert floors.stretch(floors.THERE) == 1.0


def test_a_command_that_fails_ends_the_measuring_with_what_it_said(tmp_path):
    with pytest.raises(CommandFailedError, match="no such thing") as failed:
        timed([sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"], tmp_path)
    assert failed.value.code == 3


def test_a_race_measures_each_command_in_a_folder_of_its_own():
    code = "import pathlib, time; assert not list(pathlib.Path().iterdir()); pathlib.Path('a').touch(); time.sleep({})"
    found = race({name: lambda _, s=s: [sys.executable, "-c", code.format(s)] for name, s in (("a", 0.3), ("b", 0))}, 2)
    assert found["a"].seconds >= 0.3 and found["a"].megabytes > 1


def test_files_and_bytes_left_behind_are_counted(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("12345")
    (tmp_path / "b").write_text("123")
    assert left_behind(tmp_path) == (2, 8)


def test_the_bare_fork_loop_is_one_short_file_of_the_listed_work_and_nothing_of_ours():
    text = (ROOT / "tests" / "benchmarks" / "forkloop.py").read_text()
    assert len(text.splitlines()) <= 60
    called = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    assert {"setsid", "open", "mkdir", "rmdir", "fork", "wait4", "send", "recv"} <= called
    assert "yamlflow" not in text


@pytest.mark.slow
@pytest.mark.parametrize(("row", "said"), ROWS_SAY.items(), ids=ROWS_SAY)
def test_every_row_is_measured_from_end_to_end_with_tiny_numbers(row, said):
    command = [sys.executable, "-m", "tests.benchmarks", *TINY, "--only", row]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode in (0, 1), done.stderr  # so small, and so busy a machine: what counts is that it measures
    for what in said:
        assert re.search(rf"^.*{re.escape(what)}.* <= .* (ok|MISSED)( |$)", done.stdout, re.MULTILINE), done.stdout
    assert "missing: metaflow (--metaflow installs it)" in done.stdout
    assert ("not judged: Metaflow is missing" in done.stdout) is (row == "W1")
    assert re.search(r"^floors: python start .*fork \+ exit \+ wait with numpy .* ms", done.stdout, re.MULTILINE)
    assert re.search(r"^\d of \d bars kept", done.stdout, re.MULTILINE)


def test_every_row_is_tried_above():
    assert ROWS_SAY.keys() == ROWS.keys()
