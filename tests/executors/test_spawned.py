"""The local suite once more, with every task started as a new interpreter: what macOS does, on this machine.

The same tests, their expectations and their accounting; each file in a pytest of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from yamlflow.worker.processes.kernel import START_METHOD

ROOT = Path(__file__).parents[2]
SUITE = (
    *sorted(str(path.relative_to(ROOT)) for path in Path(__file__).parent.glob("test_local_*.py")),
    "tests/executors/test_ways_to_die.py",
    "tests/crashes/test_kills.py::test_ten_kills_at_any_moment_and_every_task_is_kept_exactly_once",
    "tests/worker/test_processes.py",
    "tests/engine/test_real.py",
    "tests/stories/test_checkpoints.py",
    "tests/stories/test_commands.py",
    "tests/stories/test_isolation.py",
    "tests/stories/test_secrets.py",
    "tests/stories/test_timeout.py",
    "tests/stories/test_values.py",
    "tests/stories/test_working_directory.py",
)


@pytest.mark.slow
@pytest.mark.parametrize("file", SUITE)
def test_the_local_suite_passes_with_spawned_tasks(file):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file],
        cwd=ROOT,
        env={**kept, START_METHOD: "spawn"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    counted = re.search(r"collected (\d+), passed (\d+)", ran.stdout)
    assert counted, ran.stdout
    assert int(counted[2]) > 0


def test_tasks_are_new_interpreters_when_the_environment_says_so(workshop, monkeypatch):
    workshop.write("work.py", "import os\nHOME = os.getpid()\ndef f(): return HOME == os.getpid()")
    for method in ("fork", "spawn"):
        monkeypatch.setenv(START_METHOD, method)
        workshop.restart()
        assert workshop.value("work:f") is (method == "spawn")


def test_another_word_for_how_tasks_start_is_refused_with_the_two_there_are(tmp_path):
    (tmp_path / "pipeline.yaml").write_text('yamlflow: 1\nsteps: {a: {sh: "true"}}\n')
    ran = subprocess.run(
        [sys.executable, "-m", "yamlflow", "run", "pipeline.yaml"],
        cwd=tmp_path,
        env={**os.environ, START_METHOD: "spwan", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 78, ran.stderr
    assert "YAMLFLOW_START_METHOD is `spwan`" in ran.stderr
    assert "`fork` or `spawn`" in ran.stderr
