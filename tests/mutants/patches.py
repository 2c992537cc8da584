"""Patches that break yamlflow on purpose, and the tests that must notice.

    # One sentence: what is missing.
    # file: yamlflow/worker/disk.py
    # killed-by: tests/store/test_power_cut.py
     a line that stays
    -a line that goes
    +a line that comes

No line numbers: what stays and what goes must be found in the file exactly once, as one piece. `@@` on a line of
its own parts two pieces. A patch that no longer applies is an error, never passed over.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
_NEEDED = ("yamlflow", "tests", "samples", "pyproject.toml", "README.md")
_LEFT_OUT = ("__pycache__", ".hypothesis", "mutants")


class StaleError(Exception):
    """The patch does not fit the code any more."""


@dataclass(frozen=True)
class Patch:
    name: str
    file: str
    killers: tuple[str, ...]
    pieces: tuple[tuple[str, str], ...]

    def applied(self, text: str) -> str:
        for old, new in self.pieces:
            if text.count(old) != 1:
                raise StaleError(f"{self.name}: found {text.count(old)} times in {self.file}:\n{old}")
            text = text.replace(old, new)
        return text


def patches() -> list[Patch]:
    return [read(path) for path in sorted(HERE.glob("*.patch"))]


def read(path: Path) -> Patch:
    lines = path.read_text().splitlines()
    heads = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    fields = dict(head.split(": ", 1) for head in heads if head.startswith(("file: ", "killed-by: ")))
    body = "\n".join(line for line in lines if not line.startswith("# ")).split("\n@@\n")
    return Patch(path.stem, fields["file"], tuple(fields["killed-by"].split()), tuple(map(_piece, body)))


def _piece(body: str) -> tuple[str, str]:
    lines = body.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "-"))
    return old, "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "+"))


class Copy:
    """A copy of the project to break: its own yamlflow, its own tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in _NEEDED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*_LEFT_OUT))
            else:
                shutil.copyfile(ROOT / name, folder / name)

    def outlives(self, patch: Patch) -> str:
        """What the tests said if they did not notice; nothing if they did."""
        file = self.folder / patch.file
        before = file.read_text()
        file.write_text(patch.applied(before))
        try:
            done = self.test(patch.killers)
        finally:
            file.write_text(before)
        return "" if done.returncode == 1 else f"exit {done.returncode}: {done.stdout}{done.stderr}"

    def test(self, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Exit 1: a test failed. Anything else but 0 is trouble with the tests themselves."""
        noise = ("PYTEST_", "YAMLFLOW_", "COV_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(noise)}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests],
            cwd=self.folder,
            env={**env, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
