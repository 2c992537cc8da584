"""A bench: one executor, the code that its tasks run, and what a behaviour may see of both.

A behaviour asks only its bench. Whoever adds an executor derives a class here
or beside, says how the executor is built, and overrides what is different where
its tasks run; nothing else of the contract may know one executor from another.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Job, JobBatch, Outcome, Report
from yamlflow.core.values import encode
from yamlflow.executors.base import Executor
from yamlflow.executors.registry import TYPES
from yamlflow.worker.codecs import load_value
from yamlflow.worker.storage import LocalStorage

TASKS = Path(__file__).with_name("tasks.py")
WAITING = ("wait", "tidies", "family", "tells")
"""Functions of tasks.py that go on when they are told to."""


NEVER = "it never came true"


class Bench:
    """`kind` is the executor's type in the registry; `marks` are for every behaviour on it.

    `surroundings` are variables that the executor must find when it is built. `grace`: seconds between being told to
    stop and being killed; a behaviour may change it before a `relaunch`.
    `patience`: seconds in which what must happen happens, on a machine that is busy with something else.
    """

    kind: ClassVar[str] = ""
    marks: ClassVar[Collection[pytest.MarkDecorator]] = ()
    surroundings: ClassVar[Mapping[str, str]] = {}
    grace: float = 1.0
    patience: float = 60.0

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run_id = f"contract-{secrets.token_hex(4)}"
        self.code, self.desk = self._folder("code"), self._folder("desk")
        shutil.copy(TASKS, self.code / "tasks.py")
        self.store = LocalStorage(root / "store")
        self.heard: list[Report] = []
        self._count = 0
        self._lives = True
        self.executor = self.build()

    # ---------------------------------------------------------------- what differs from one executor to another

    def build(self) -> Executor:
        """An executor, as a launcher has one; called again for a launcher that comes after."""
        raise NotImplementedError

    def adapted(self, job: Job) -> Job:
        """A job as the engine would make it for this executor: its paths, its image."""
        return job

    def log(self, job: Job) -> bytes:
        """What it printed so far; who prints nothing may have no log."""
        return Path(job.log).read_bytes() if Path(job.log).exists() else b""

    def leftovers(self) -> list[str]:
        """Processes, containers and the like that are still there, in words."""
        return []

    def lose(self, digest: str) -> None:
        """A stored value is gone."""
        Path(self.store.object_path(digest)).unlink()

    def let_go(self, job: Job) -> None:
        """A task that waits goes on."""
        (self.desk / f"{job.display}.go").touch()

    def wait_for_start(self, job: Job) -> None:
        """Until the task itself has said that it began."""
        self.until(lambda: f"begins {job.display}" in self.notes())

    # ---------------------------------------------------------------- lifetime

    @classmethod
    def lacks(cls) -> Mapping[str, str]:
        """The abilities it does not have, with the reasons."""
        return TYPES[cls.kind].lacks if cls.kind else {}

    @classmethod
    @contextmanager
    def opened(cls, root: Path) -> Iterator[Bench]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in cls.surroundings.items():
                patch.setenv(name, value)
            made = cls(root)
            try:
                yield made
            finally:
                made.end()

    def end(self, *, detach: bool = False) -> None:
        """The launcher lets go of its executor, once."""
        if self._lives:
            self._lives = False
            self.executor.close(detach=detach)

    def relaunch(self, *, detach: bool = False) -> None:
        """The launcher ends, and another one begins: it sees the environment as it is now."""
        self.end(detach=detach)
        self.heard.clear()
        self.executor = self.build()
        self._lives = True

    def _folder(self, name: str) -> Path:
        made = self.root / name
        made.mkdir(mode=0o755)
        return made

    # ---------------------------------------------------------------- jobs

    def job(self, target: str | Mapping[str, Any], **fields: Any) -> Job:
        """A job for a function of tasks.py, for `module:name`, or for a whole target; `inputs` are plain values."""
        self._count += 1
        name = f"t{self._count}"
        kind = fields.pop("node", "step")
        if isinstance(target, str):
            target = {"kind": "python", "callable": target if ":" in target else f"tasks:{target}"}
        inputs = {key: encode(value) for key, value in fields.pop("inputs", {}).items()}
        job = Job(
            attempt_id=f"{self.run_id}-{name}",
            run_id=self.run_id,
            task=TaskId(kind, (self._count,)),
            display=name,
            attempt=1,
            target=target,
            inputs=inputs,
            code_roots=(str(self.code),),
            log=str(self.root / "logs" / f"{name}.log"),
            scratch=str(self.root / "scratch" / name),
            store=str(self.store.root),
            cwd="code" if target["kind"] == "python" else "scratch",
        )
        return self.adapted(replace(job, **fields))

    def noting(self, target: str, **fields: Any) -> Job:
        """A job for a function that leaves notes on the desk, under the name of its task."""
        inputs = {"desk": str(self.desk), "me": f"t{self._count + 1}", **fields.pop("inputs", {})}
        return self.job(target, inputs=inputs, node="wait" if target in WAITING else "step", **fields)

    def waiting(self, target: str = "wait", **fields: Any) -> Job:
        """A job that begins, says so, and waits until it is let go."""
        assert target in WAITING
        return self.noting(target, **fields)

    # ---------------------------------------------------------------- orders

    def submit(self, *jobs: Job) -> None:
        """Jobs as one batch."""
        self.executor.submit(JobBatch(f"{self.run_id}-b{self._count}", "step", len(jobs), jobs.__getitem__))

    def together(self, *jobs: Job, isolation: str = "process") -> list[Job]:
        """Jobs as the ones of one grant, to be done one after another."""
        made = [replace(job, shares=jobs[0].attempt_id, isolation=isolation) for job in jobs]
        self.submit(*made)
        return made

    def cancel(self, *jobs: Job, force: bool = False, begun: bool = True) -> None:
        self.executor.cancel([job.attempt_id for job in jobs], force=force, begun=begun)

    def started(self, job: Job) -> Job:
        """The job, handed over and begun."""
        self.submit(job)
        self.wait_for_start(job)
        return job

    # ---------------------------------------------------------------- what comes back

    def until(self, holds: Callable[[], Any]) -> Any:
        """Polls until something holds, and gives it."""
        deadline = time.monotonic() + self.patience
        while not (found := holds()):
            assert time.monotonic() < deadline, f"{NEVER}; reported was {self.heard}"
            self.heard += self.executor.poll(0.05)
        return found

    def said(self, job: Job, *kinds: str) -> list[Report]:
        """What was reported about a job, up to now."""
        return [report for report in self.heard if report.attempt_id == job.attempt_id and report.kind in kinds]

    def listen(self, seconds: float = 0.3) -> list[Report]:
        """What is reported in a while."""
        deadline, before = time.monotonic() + seconds, len(self.heard)
        while time.monotonic() < deadline:
            self.heard += self.executor.poll(0.05)
        return self.heard[before:]

    def ended(self, job: Job) -> Outcome:
        (report, *_) = self.until(lambda: self.said(job, "ended"))
        assert report.outcome is not None
        return report.outcome

    def gone(self, job: Job) -> Report:
        (report, *_) = self.until(lambda: self.said(job, "gone"))
        return report

    def run(self, target: Job | str | Mapping[str, Any], **fields: Any) -> Outcome:
        """The outcome of one job."""
        job = target if isinstance(target, Job) else self.job(target, **fields)
        self.submit(job)
        return self.ended(job)

    def loaded(self, outcome: Outcome) -> Any:
        assert outcome.state == "succeeded", outcome
        return load_value(outcome.value, self.store)

    def value(self, target: Job | str | Mapping[str, Any], **fields: Any) -> Any:
        """The value of one job that succeeds."""
        return self.loaded(self.run(target, **fields))

    def failure(self, target: Job | str | Mapping[str, Any], **fields: Any) -> Failure:
        """The failure of one job that fails."""
        outcome = self.run(target, **fields)
        assert outcome.state == "failed" and outcome.failure is not None, outcome
        return outcome.failure

    def notes(self) -> list[str]:
        """What tasks have written down, in order."""
        path = self.desk / "notes"
        return path.read_text().splitlines() if path.exists() else []
