"""The real parts that some tests need, and how to see whether they are here.

A test says `@pytest.mark.needs("tmux")`. Where the part is missing it skips and says what it needs;
`YAMLFLOW_TEST_REQUIRE=tmux,docker` (or `all`) turns such a skip into a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Part:
    here: Callable[[], bool]
    advice: str


def engine_answers() -> bool:
    """An engine, and in it the images that `.ci/engine` makes."""
    if not shutil.which("docker"):
        return False
    asked = ["docker", "image", "inspect", *(f"yamlflow-test:{name}" for name in ("base", "other", "bare"))]
    return subprocess.run(asked, capture_output=True, timeout=30, check=False).returncode == 0


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as place:
        if subprocess.run(["mount", "-t", "tmpfs", "none", place], capture_output=True, check=False).returncode:
            return False
        return subprocess.run(["umount", place], capture_output=True, check=False).returncode == 0


PARTS = {
    "cc": Part(lambda: bool(shutil.which("cc")), "a C compiler, cc, on PATH (Debian: gcc)"),
    "chromium": Part(lambda: bool(shutil.which("chromium")), "chromium on PATH (Debian: chromium)"),
    "docker": Part(engine_answers, "a Docker engine and its test images: .ci/engine"),
    "gpu": Part(lambda: Path("/dev/nvidiactl").exists(), "an NVIDIA GPU with its driver"),
    "numpy": Part(lambda: find_spec("numpy") is not None, "numpy (pip install 'yamlflow[samples]')"),
    "pandas": Part(lambda: find_spec("pandas") is not None, "pandas (pip install 'yamlflow[samples]')"),
    "pyarrow": Part(lambda: find_spec("pyarrow") is not None, "pyarrow (pip install 'yamlflow[samples]')"),
    "tmpfs": Part(may_mount, "the right to mount a tmpfs (root, in a container --privileged)"),
    "tmux": Part(lambda: bool(shutil.which("tmux")), "tmux on PATH"),
    "torch": Part(lambda: find_spec("torch") is not None, "torch, a CPU build will do"),
}


def missing(name: str) -> str | None:
    """What to install for the part, or None where it is here; an unknown name is a KeyError."""
    part = PARTS[name]
    return None if part.here() else f"needs {name}: {part.advice}"


def required(name: str) -> bool:
    asked = {word.strip() for word in os.environ.get("YAMLFLOW_TEST_REQUIRE", "").split(",")}
    return name in asked or "all" in asked
