"""A copy of a sample in a folder of its own, and the real command line run on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
PATIENCE = 240


class Copy:
    """One sample, copied; its state folder lies beside it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / name
        self.state = folder / "state"
        shutil.copytree(SAMPLES / name, self.folder, ignore=shutil.ignore_patterns("__pycache__", ".yamlflow"))

    def call(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs `yamlflow WORDS` to its end; the exit code must be `code`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("YAMLFLOW_", "PYTEST_"))}
        done = subprocess.run(
            [sys.executable, "-m", "yamlflow", *words],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(ROOT), "YAMLFLOW_STATE_DIR": str(self.state)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}, not {code}\n{done.stderr}\n{done.stdout}"
        assert done.returncode != 70, done.stderr
        return done
