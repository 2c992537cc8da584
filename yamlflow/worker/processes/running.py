"""A task as its template sees it, from the hand-over to the report of its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Job
from yamlflow.worker.processes import kernel, task
from yamlflow.worker.processes.frames import Frame
from yamlflow.worker.processes.masking import Masker

NEVER = float("inf")
LONG = 0.2
"""Seconds after which a task turns out not to be a short one: what waits behind it is given back."""

TICK = 1.0
"""Seconds between two looks at the log of a running task."""


@dataclass(slots=True)
class Running:
    """A task whose end was not yet reported; times are monotonic seconds.

    `variables` are what most tasks of its step have in common, `behind` those of the same
    grant that wait for its end; `dead` is how its process ended, `code`
    the exit code or minus the signal, and `seconds` how long it ran.
    """

    desk: task.Desk
    variables: Mapping[str, str]
    behind: deque[Running]
    started: float = NEVER
    deadline: float = NEVER
    masker: Masker | None = None
    cause: str = ""
    terminate_at: float = NEVER
    kill_at: float = NEVER
    dead: kernel.Dead | None = None
    code: int = 0
    seconds: float = 0.0

    @property
    def job(self) -> Job:
        return self.desk.job

    def end(self, resident: int) -> Frame:
        """What the launcher is told of its end; `resident` is the memory that it began with."""
        usage = self.dead[2] if self.dead else None
        return {
            "id": self.job.attempt_id,
            "status": self.code,
            "cause": self.cause,
            "seconds": self.seconds,
            "cpu": usage.ru_utime + usage.ru_stime if usage else 0.0,
            "memory": max(0, kernel.peak(usage) - resident) if usage else 0,
            "back": [] if self.code in task.GOOD and not self.cause else self.give_back(),
        }

    @property
    def due(self) -> float:
        """When something is to be done about it next."""
        return min(self.deadline, self.terminate_at, self.kill_at, self.started + (LONG if self.behind else TICK))

    def give_back(self) -> list[str]:
        """Nobody waits behind it any more; gives the names of those that did."""
        names = [other.job.attempt_id for other in self.behind]
        self.behind.clear()
        return names

    def release(self, attempt_id: str) -> bool:
        """One of those that wait behind it does no longer; whether it did."""
        for other in self.behind:
            if other.job.attempt_id == attempt_id:
                self.behind.remove(other)
                return True
        return False
