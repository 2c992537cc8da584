"""Attempts that an earlier launch left running elsewhere, and the tasks of this one that may have them.

An attempt that is found again stands for a task that is given the same now as
then: it is submitted under its old name, and nothing is started. What it says
before anybody has asked for it is kept until somebody does; what nobody asks
for ends with the executor.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Job, Report
from yamlflow.core.messages import ExecutorTraits
from yamlflow.engine.attempts.keys import attempt_id
from yamlflow.executors.base import Executor


@dataclass(slots=True)
class Adoption:
    """`reports` are the last words of attempts that were found, by name; `lasting` are executors that keep theirs."""

    run_id: str = ""
    launch: int = 0
    lasting: frozenset[str] = frozenset()
    reports: dict[str, Report] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def claim(self, task: TaskId, given: str) -> str | None:
        """The name of the attempt that does already what the task is to do."""
        for name in self.names.get(given, ()):
            if self._is_of(name, task):
                self.names[given].remove(name)
                return name
        return None

    def _is_of(self, name: str, task: TaskId) -> bool:
        """Whether an attempt of an earlier launch has this name."""
        number = name.rpartition("-a")[2]
        return number.isdigit() and any(
            attempt_id(self.run_id, launch, task, int(number)) == name for launch in range(self.launch)
        )

    def hold(self, report: Report) -> None:
        """Word of an attempt that nobody has asked for yet."""
        if report.attempt_id in self.reports and report.kind in ("ended", "gone"):
            self.reports[report.attempt_id] = report


def find_adoptable(
    run_id: str, launch: int, executors: Mapping[str, Executor], traits: Mapping[str, ExecutorTraits]
) -> Adoption:
    """What is still there of the launches before this one; asked before anybody else calls the executors."""
    found = Adoption(run_id, launch, frozenset(name for name, trait in traits.items() if trait.adopts))
    if launch:
        for executor in {id(executors[name]): executors[name] for name in found.lasting}.values():
            for report in executor.adopt(run_id):
                found.reports[report.attempt_id] = report
                if report.given:
                    found.names.setdefault(report.given, []).append(report.attempt_id)
    return found


def share_log(job: Job, name: str) -> None:
    """The log of an attempt that was found is also the log of the one that it stands for."""
    log = Path(job.log)
    with suppress(OSError):  # it lacks a log then, and nothing else
        log.symlink_to(log.with_name(f"{name}.log"))
