"""Durations are measured with a clock that cannot be set and stands still while a laptop sleeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WALL = re.compile(r"time\.time\b|datetime\.(?:now|today|utcnow)\b|date\.today\b|from time import (?:.*, )?time\b")
ALLOWED = {
    "yamlflow/engine/clock.py": "the one place that the engine has it from",
    "yamlflow/engine/runs/opening.py": "a run's id and when it was made",
    "yamlflow/engine/runs/history.py": "when a request was left",
    "yamlflow/engine/runs/rehearsal.py": "run.date of a plan",
    "yamlflow/worker/s3/wire/clock.py": "the moment of a signature, and when credentials end",
    "yamlflow/cli/gc.py": "the age of what is cleared away, in days",
    "yamlflow/cli/runs.py": "the age of what a removed run leaves",
    "yamlflow/cli/looking.py": "the time that a run has taken so far, as shown",
}


def askers() -> set[str]:
    """The modules that ask what time it is."""
    files = (ROOT / "yamlflow").rglob("*.py")
    return {str(file.relative_to(ROOT)) for file in files if WALL.search(file.read_text(encoding="utf-8"))}


def test_nobody_asks_what_time_it_is_but_to_show_it_or_write_it_down():
    assert askers() - set(ALLOWED) == set()


def test_every_exception_is_needed():
    assert set(ALLOWED) - askers() == set()


@pytest.mark.parametrize("line", ["end = time.time() + 3", "from time import monotonic, time", "datetime.now()"])
def test_a_clock_that_jumps_is_found(line):
    assert WALL.search(line)
