"""Every executor's bench, by the name that stands in the test ids."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from tests.executors.contract.bench import Bench
from tests.executors.contract.small import SmallExecutor, World
from tests.leaks import working_in
from yamlflow.core.jobs import Job, JobBatch, Outcome
from yamlflow.executors.docker.executor import DockerExecutor, DockerOptions
from yamlflow.executors.fake import FakeExecutor, FakeOptions
from yamlflow.executors.local import LocalExecutor, LocalOptions
from yamlflow.worker.processes.kernel import START_METHOD


class LocalBench(Bench):
    """Forks of a template."""

    kind = "local"
    surroundings: ClassVar[Mapping[str, str]] = {START_METHOD: "fork"}

    def build(self) -> LocalExecutor:
        return LocalExecutor(LocalOptions(grace=self.grace))

    def leftovers(self) -> list[str]:
        return working_in(self.root)


class SpawnBench(LocalBench):
    """A new interpreter for each task, as on macOS."""

    marks = (pytest.mark.slow,)
    surroundings: ClassVar[Mapping[str, str]] = {START_METHOD: "spawn"}


class DockerBench(Bench):
    """Containers of a real engine; the desk is mounted, so that a task's notes are seen from outside."""

    kind = "docker"
    marks = (pytest.mark.needs("docker"), pytest.mark.slow)

    def build(self) -> DockerExecutor:
        volumes = (f"{self.desk}:{self.desk}",)
        return DockerExecutor(DockerOptions(image="yamlflow-test:base", grace=self.grace, volumes=volumes))

    def leftovers(self) -> list[str]:
        listed = ["docker", "ps", "-aq", "--filter", f"label=yamlflow/run={self.run_id}"]
        return subprocess.run(listed, capture_output=True, text=True, check=True, timeout=60).stdout.split()


class SmallBench(Bench):
    """The small executor that is right about everything; it is in no registry, and lacks nothing."""

    marks = (pytest.mark.slow,)  # it is there to be broken
    executor_class = SmallExecutor

    def __init__(self, root: Path) -> None:
        (root / "world").mkdir()
        self.world = World(root / "world")
        super().__init__(root)

    def build(self) -> SmallExecutor:
        return self.executor_class(self.world, self.grace)

    def leftovers(self) -> list[str]:
        return working_in(self.root)


class FakeBench(Bench):
    """The fake, which is told what each attempt comes to by really doing it; what waits is held."""

    kind = "fake"
    patience = 10.0

    def __init__(self, root: Path) -> None:
        (root / "world").mkdir()
        self.world = World(root / "world")
        super().__init__(root)

    def build(self) -> FakeExecutor:
        return FakeExecutor(FakeOptions(answer=self._done, held=frozenset({"wait"})))

    def _done(self, job: Job) -> Outcome:
        """What becomes of a job that somebody does at once."""
        small = SmallExecutor(self.world, self.grace)
        small.submit(JobBatch(job.attempt_id, "step", 1, lambda _: job))
        while True:
            for report in small.poll(self.patience):
                if report.outcome is not None:
                    return report.outcome

    def wait_for_start(self, job: Job) -> None:
        self.until(lambda: self.said(job, "started"))

    def let_go(self, job: Job) -> None:
        super().let_go(job)
        assert isinstance(self.executor, FakeExecutor)
        self.executor.release(job.attempt_id)


BENCHES: Mapping[str, type[Bench]] = {
    "docker": DockerBench,
    "fake": FakeBench,
    "local": LocalBench,
    "small": SmallBench,
    "spawn": SpawnBench,
}
