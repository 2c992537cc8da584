"""`yamlflow run` started as a program that goes on beside the test."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.cli.conftest import clean_environment


def start(folder, *words, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "yamlflow", "run", *words],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more},
    )


def until(condition, seconds=40):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
