"""A loop of 10,000 items in one go, each in a process of its own, from a small launcher."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.memory import peak_memory

PIPELINE = """
yamlflow: 1
steps:
  fan:
    run: tasks.py:double
    foreach: {n: "range(10000)"}
    inputs: {n: each.n}
    resources: {cpu: 0.1}
  total: {run: "tasks.py:total", inputs: {values: steps.fan}}
outputs: {total: steps.total}
"""

TASKS = """
def double(n: int) -> int:
    return 2 * n


def total(values: list[int]) -> int:
    return sum(values)
"""

MEGABYTES = 150


@pytest.mark.slow
def test_ten_thousand_tasks_run_in_one_go_from_a_launcher_under_150_mb(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "tasks.py").write_text(TASKS)
    command = [sys.executable, "-m", "yamlflow", "run", "--json", "--max-workers", "4", "--progress", "none"]
    with (tmp_path / "printed").open("wb") as printed:
        peak = peak_memory(process := subprocess.Popen(command, cwd=tmp_path, stdout=printed))
    assert process.returncode == 0
    document = json.loads((tmp_path / "printed").read_text())
    assert document["outputs"] == {"total": 99_990_000}
    assert document["steps"]["fan"]["counts"] == {"succeeded": 10_000}
    assert 10 < peak < MEGABYTES
