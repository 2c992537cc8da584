"""A project in a folder of its own, and the real command line run on it.

A story writes a pipeline and its module, runs `yamlflow` as a process, and
reads what a user could read: the exit code, the streams, `run --json`, files.
`ledger` is a module every project has: tasks use it to leave notes and to wait
for files, so that a story can say what ran, how often, and what ran at once,
without a clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from yamlflow.worker.processes.kernel import START_METHOD

ROOT = Path(__file__).parents[2]
PATIENCE = 60

LEDGER = '''
"""Notes that tasks leave for the test, and files they wait for."""
import os, time
from pathlib import Path

HERE = Path(__file__).parent


def note(*words):
    line = " ".join(map(str, words)) + "\\n"
    handle = os.open(HERE / "ledger.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line.encode())
    os.close(handle)


def count(*words):
    """How often this note was left before; leaves it once more."""
    line = " ".join(map(str, words))
    file = HERE / "ledger.txt"
    before = file.read_text().splitlines().count(line) if file.exists() else 0
    note(line)
    return before


def wait_for(name, seconds=45):
    end = time.monotonic() + seconds
    while not (HERE / name).exists():
        if time.monotonic() > end:
            raise TimeoutError("nobody made " + name)
        time.sleep(0.005)


def meet(name, others, seconds=45):
    """Waits until `others` tasks have come to this place: they run at once, or nobody gets on."""
    note("at", name)
    end = time.monotonic() + seconds
    while (HERE / "ledger.txt").read_text().splitlines().count("at " + name) < others:
        if time.monotonic() > end:
            raise TimeoutError("waited alone at " + name)
        time.sleep(0.005)


class busy:
    """`with busy("x"):` brackets a stretch in the ledger."""
    def __init__(self, name="x"):
        self.name = name
    def __enter__(self):
        note("in", self.name)
        time.sleep(0.03)
    def __exit__(self, *_):
        note("out", self.name)
'''


@dataclass(frozen=True)
class Ran:
    """A process of ours that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` printed: exactly one document."""
        return json.loads(self.out)

    @property
    def outputs(self) -> Any:
        return self.document["outputs"]

    @property
    def failures(self) -> list[dict[str, Any]]:
        return self.document["failures"]

    def state(self, step: str) -> str:
        return self.document["steps"][step]["state"]

    def counts(self, step: str) -> dict[str, int]:
        return {state: number for state, number in self.document["steps"][step]["counts"].items() if number}


class Project:
    """A folder with pipeline.yaml, tasks.py and ledger.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        (folder / "ledger.py").write_text(LEDGER)
        (folder / "yamlflow.toml").write_text("")

    def __call__(self, pipeline: str, tasks: str = "", **files: str) -> Project:
        """Writes the files: `yamlflow: 1` and the imports of every story are put in front."""
        self.write("pipeline.yaml", "yamlflow: 1\n" + dedent(pipeline))
        self.write("tasks.py", "from ledger import *\nfrom pathlib import Path\n" + dedent(tasks))
        for name, text in files.items():
            self.write(name.replace("__", "."), dedent(text))
        return self

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.stat().st_mtime if path.exists() else 0.0
        path.write_text(text)
        if before:  # nobody edits twice in a second, and Python's bytecode knows seconds and sizes alone
            os.utime(path, (before + 2, before + 2))
        return path

    def environment(self, **more: str) -> dict[str, str]:
        noise = ("YAMLFLOW_", "PYTEST_", "COLUMNS", "NO_COLOR", "CI", "TERM", "PYTHONPATH", "TMPDIR")
        kept = {name: value for name, value in os.environ.items() if name == START_METHOD or not name.startswith(noise)}
        return {**kept, "PYTHONPATH": str(ROOT), **more}

    def call(self, *words: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Ran:
        """Runs `yamlflow WORDS` to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "yamlflow", *words],
            cwd=cwd or self.folder,
            env=self.environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback (most recent call last)" not in done.stderr, done.stderr
        assert done.returncode != 70, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def run(self, *words: str, code: int = 0, env: dict[str, str] | None = None) -> Ran:
        """`yamlflow run --json WORDS`; the exit code must be `code`."""
        ran = self.call("run", "pipeline.yaml", "--json", *words, env=env)
        assert ran.code == code, f"exit {ran.code}, not {code}\n{ran.err}\n{ran.out}"
        return ran

    def refused(self, *words: str, code: int = 2, env: dict[str, str] | None = None) -> str:
        """A run that must be refused before anything starts; what it said, on one line."""
        ran = self.call("run", "pipeline.yaml", *words, env=env)
        assert ran.code == code, f"exit {ran.code}, not {code}\n{ran.err}\n{ran.out}"
        assert ran.out == ""
        assert self.ledger == []
        return " ".join(ran.err.split())

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A run that goes on while the story does; the fixture ends it if the story does not."""
        process = subprocess.Popen(
            [sys.executable, "-m", "yamlflow", "run", "pipeline.yaml", "--json", *words],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def finish(self, process: subprocess.Popen[str], code: int = 0) -> Ran:
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, f"exit {process.returncode}, not {code}\n{err}\n{out}"
        return Ran(process.returncode, out, err)

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    @property
    def ledger(self) -> list[str]:
        """The notes so far, in order."""
        file = self.folder / "ledger.txt"
        return file.read_text().splitlines() if file.exists() else []

    def until_noted(self, *lines: str) -> None:
        """Waits until all of these notes were left."""
        end = time.monotonic() + PATIENCE
        while not set(lines) <= set(self.ledger):
            for process in self.started:
                if process.poll() not in (None, 0):
                    raise AssertionError(f"the run ended before {lines}: {process.communicate()}")
            assert time.monotonic() < end, f"never noted: {sorted(set(lines) - set(self.ledger))}"
            time.sleep(0.01)

    def until_status(self, holds: Callable[[Ran], bool]) -> None:
        """Waits until what `yamlflow status --json` says from another terminal is as wanted."""
        end = time.monotonic() + PATIENCE
        while True:
            ran = self.call("status", "--json")
            if ran.code == 0 and holds(ran):
                return
            assert time.monotonic() < end, f"never so: {ran.out} {ran.err}"
            time.sleep(0.05)

    def until_state(self, step: str, state: str) -> None:
        self.until_status(lambda ran: ran.state(step) == state)

    def at_once(self, name: str = "x") -> int:
        """The largest number of stretches of this name that were open at the same time."""
        now = most = 0
        for line in self.ledger:
            now += {f"in {name}": 1, f"out {name}": -1}.get(line, 0)
            most = max(most, now)
        return most

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.terminate()
                try:
                    process.communicate(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
