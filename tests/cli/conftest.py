"""The command line as a user starts it: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.projects import TASKS
from yamlflow.worker.processes.kernel import START_METHOD

ROOT = Path(__file__).parents[2]


@pytest.fixture
def yamlflow(tmp_path):
    """Runs `yamlflow ARGS` in a fresh folder and returns the completed process, output as text."""

    def call(
        *arguments: str, cwd: Path = tmp_path, env: dict[str, str] | None = None, stdin: str = "", timeout: float = 60
    ):
        return subprocess.run(
            [sys.executable, "-m", "yamlflow", *arguments],
            cwd=cwd,
            env={**clean_environment(), **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return call


@pytest.fixture
def place(tmp_path):
    (tmp_path / "tasks.py").write_text(TASKS)

    def write(text):
        (tmp_path / "pipeline.yaml").write_text(text)
        return tmp_path

    return write


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change the program's mind."""
    noise = ("YAMLFLOW_", "PYTEST_", "COLUMNS", "NO_COLOR", "CI", "TERM")
    kept = {name: value for name, value in os.environ.items() if name == START_METHOD or not name.startswith(noise)}
    return {**kept, "PYTHONPATH": str(ROOT)}
