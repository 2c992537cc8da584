"""A task as its template sees it, from the fork to the reaping."""

from __future__ import annotations

from collections import deque

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Job
from yamlflow.worker.processes.masking import Masker

NEVER = float("inf")
LONG = 0.2
"""Seconds after which a task turns out not to be a short one: what waits behind it is given back."""


@dataclass(slots=True)
class Running:
    """A task that was started and not yet reaped; times are monotonic seconds.

    `behind` are the jobs of the same grant that wait for its end.
    """

    job: Job
    started: float
    deadline: float
    behind: deque[Job]
    masker: Masker | None = None
    cause: str = ""
    terminate_at: float = NEVER
    kill_at: float = NEVER

    @property
    def due(self) -> float:
        """When something is to be done about it next."""
        long = self.started + LONG if self.behind else NEVER
        return min(self.deadline, self.terminate_at, self.kill_at, long)

    def give_back(self) -> list[str]:
        """Nobody waits behind it any more; gives the names of those that did."""
        names = [job.attempt_id for job in self.behind]
        self.behind.clear()
        return names

    def release(self, attempt_id: str) -> bool:
        """One of those that wait behind it does no longer; whether it did."""
        for job in self.behind:
            if job.attempt_id == attempt_id:
                self.behind.remove(job)
                return True
        return False
