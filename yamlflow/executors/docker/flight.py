"""A container as the launcher follows it: its jobs, and what its folder says of them.

Reads words as they appear, each once. Decides nothing but what an attempt came
to that ended without a word.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import UNSTARTED, Failure, Job, Outcome, Report, outcome_from_json
from yamlflow.executors.docker.container import UNFIT
from yamlflow.worker.container import batch as words
from yamlflow.worker.container.batch import Orders
from yamlflow.worker.processes import endings

FRESH = 0.1
"""Seconds in which a folder's time of change may not tell two changes apart."""


@dataclass(slots=True, eq=False)
class Flight:
    """`left` are the jobs without an end, in their order: while it runs, the first one does.

    `python`: which of its names Python has in the image.
    """

    name: str
    folder: str
    left: dict[int, Job]
    running: bool = False
    ended: bool = False
    orders: Orders = field(default_factory=Orders)
    python: int = 0
    told: int = -1
    changed: int = -1
    fresh: float = 0.0
    progress: tuple[int, int] = (0, 0)

    def job(self, name: str) -> Job | None:
        return next((job for job in self.left.values() if job.attempt_id == name), None)

    # ---------------------------------------------------------------- reading

    def look(self) -> Iterator[Report]:
        """What has been said since the last look."""
        try:
            changed = Path(self.folder).stat().st_mtime_ns
        except OSError:  # somebody removed it: the end of the container will say more
            return
        now = time.monotonic()
        if changed != self.changed:
            self.changed, self.fresh = changed, now + FRESH
        elif now > self.fresh:
            return
        yield from self._read()

    def _read(self) -> Iterator[Report]:
        names = [path.name for path in Path(self.folder).iterdir()]
        found = [index for name in names if (index := words.index_of(name)) is not None]
        for index in sorted(found):
            if index in self.left and (body := self._word(words.outcome_name(index))) is not None:
                yield self._over(index, outcome_from_json(body))
        if words.BACK in names:
            yield from self._given_back(self._word(words.BACK) or ())
        yield from self._news(names)

    def _word(self, name: str) -> Any:
        """What a file says; None for one that a power cut left empty."""
        try:
            return words.read(self.folder, name)
        except (OSError, ValueError):
            return None

    def _over(self, index: int, outcome: Outcome) -> Report:
        return Report("ended", self.left.pop(index).attempt_id, outcome=outcome)

    def _given_back(self, names: Any) -> Iterator[Report]:
        for index, job in list(self.left.items()):
            if job.attempt_id in names:
                del self.left[index]
                yield Report("gone", job.attempt_id, message=UNSTARTED)

    def _news(self, names: list[str]) -> Iterator[Report]:
        """Who runs now, and what it says of itself."""
        if not (self.left and self.running):
            return
        index = min(self.left)
        if self.told != index:
            self.told = index
            yield Report("started", self.left[index].attempt_id)
        progress = words.progress_name(index)
        if progress in names and (mark := _mark(f"{self.folder}/{progress}")) != self.progress:
            self.progress = mark
            said: Mapping[str, Any] = self._word(progress) or {}
            if said:
                name = self.left[index].attempt_id
                yield Report("progress", name, message=said["message"], fraction=said["fraction"])

    # ---------------------------------------------------------------- the end

    def conclude(self, state: Mapping[str, Any] | None, said: str) -> Iterator[Report]:
        """The container has ended: all that it said, then what became of the rest."""
        self.changed = -1
        yield from self.look()
        running = min(self.left, default=-1)
        for index, job in list(self.left.items()):
            if index == running:
                yield self._over(index, Outcome("failed", failure=self._why(job, state, said)))
            elif self._is_to_end(job):
                yield self._over(index, Outcome("failed", failure=endings.stopped("cancelled", None)))
        yield from self._given_back([job.attempt_id for job in self.left.values()])

    def _is_to_end(self, job: Job) -> bool:
        return job.attempt_id in self.orders.stop or job.attempt_id in self.orders.kill

    def _why(self, job: Job, state: Mapping[str, Any] | None, said: str) -> Failure:
        """What the end of a container says about the job that ran in it."""
        if self._is_to_end(job):
            return endings.stopped("cancelled", None)
        if state is None:
            return Failure("lost", "the container was removed while it ran")
        if state.get("OOMKilled"):
            return endings.ended(-signal.SIGKILL, oom=True, memory=0, limit=job.grant.memory)
        code = int(state.get("ExitCode") or 0)
        if code == UNFIT:
            message = f"the image's {said} is too old: yamlflow needs Python 3.10 or newer in it"
            return Failure("start_failed", message, final=True)
        if code in (137, 143, 255):
            return Failure("lost", f"the container was ended from outside (exit code {code})")
        tail = f": {said}" if said else ""
        message = f"no task can be run in the container, it ended with exit code {code}{tail}"
        return Failure("start_failed", message, final=True)


def _mark(path: str) -> tuple[int, int]:
    try:
        state = Path(path).stat()
    except OSError:
        return (0, 0)
    return state.st_ino, state.st_mtime_ns
