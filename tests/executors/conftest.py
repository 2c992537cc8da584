"""A workshop: a folder of user code, a local executor, and nobody left behind."""

from __future__ import annotations

import os
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Job, JobBatch
from yamlflow.core.values import encode
from yamlflow.executors.local import LocalExecutor, LocalOptions
from yamlflow.worker.codecs import load_value
from yamlflow.worker.processes import kernel
from yamlflow.worker.storage import LocalStorage


class Workshop:
    def __init__(self, root: Path, grace: float = 5.0):
        self.root = root
        self.code = root / "code"
        self.code.mkdir()
        self.store = LocalStorage(root / "store")
        self.executor = LocalExecutor(LocalOptions(grace=grace))
        self.heard = []
        self._count = 0

    def restart(self, grace: float = 5.0) -> None:
        """A new executor, which sees the environment as it is now."""
        self.executor.close()
        self.executor = LocalExecutor(LocalOptions(grace=grace))

    def write(self, name: str, text: str) -> Path:
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def job(self, target, **fields) -> Job:
        """A job for a callable, or for a whole target; `inputs` are plain values."""
        self._count += 1
        name = f"t{self._count}"
        inputs = {key: encode(value) for key, value in fields.pop("inputs", {}).items()}
        body = target if isinstance(target, dict) else {"kind": "python", "callable": target}
        job = Job(
            attempt_id=name,
            run_id="run",
            task=TaskId("step", (self._count,)),
            display=name,
            attempt=1,
            target=body,
            inputs=inputs,
            code_roots=(str(self.code),),
            log=str(self.root / "logs" / f"{name}.log"),
            scratch=str(self.root / "scratch" / name),
            store=self.store.root,
            cwd="scratch" if body["kind"] == "command" else "code",
        )
        return replace(job, **fields)

    def submit(self, *jobs):
        for job in jobs:
            self.executor.submit(JobBatch(job.attempt_id, "step", 1, lambda _, job=job: job))

    def until(self, wanted, patience=30.0):
        """Poll until a report is wanted, and give it."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for report in self.heard:
                if wanted(report):
                    return report
            self.heard += self.executor.poll(0.5)
        raise AssertionError(f"nothing of the kind was reported: {self.heard}")

    def ended(self, job, patience=30.0):
        return self.until(
            lambda report: report.kind == "ended" and report.attempt_id == job.attempt_id, patience
        ).outcome

    def run(self, target, **fields):
        """The outcome of one job."""
        job = target if isinstance(target, Job) else self.job(target, **fields)
        self.submit(job)
        return self.ended(job)

    def value(self, target, **fields):
        """The value of one job that succeeds."""
        outcome = self.run(target, **fields)
        assert outcome.state == "succeeded", outcome
        return load_value(outcome.value, self.store)

    def fails(self, target, **fields):
        """The failure of one job that fails."""
        outcome = self.run(target, **fields)
        assert outcome.state == "failed", outcome
        return outcome.failure

    def log(self, job) -> str:
        """What it printed; who prints nothing may have no log."""
        return Path(job.log).read_text() if Path(job.log).exists() else ""

    def left(self) -> list[str]:
        """What lies beside and in the scratch folders of tasks that have ended."""
        found = (self.root / "scratch").rglob("*")
        return [path.name for path in found if not path.name.startswith(".spare-")]

    def wait_for(self, name: str) -> str:
        """The text of a file in the code folder, once it is there."""
        path = self.code / name
        deadline = time.monotonic() + 20
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < deadline, f"{name} never appeared"
            time.sleep(0.01)
        return path.read_text()

    def processes(self) -> list[int]:
        """Processes that work somewhere in this workshop."""
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_here(path)]

    def _is_here(self, process: Path) -> bool:
        try:
            return str((process / "cwd").readlink()).startswith(str(self.root)) and int(process.name) != os.getpid()
        except OSError:
            return False


def gone(pid: int, patience: float = 5.0) -> bool:
    """Whether a process ends within the time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def workshop(nothing_left, tmp_path):
    made = Workshop(tmp_path)
    yield made
    made.executor.close()
    assert made.processes() == []
    assert list(tmp_path.glob("scratch/.spare-*")) == []


@pytest.fixture
def forks():
    """Whether tasks are forks of a template; else each is an interpreter of its own that imports the module itself."""
    return not kernel.spawns()


@pytest.fixture
def is_gone():
    return gone
