"""Many small tasks of a step in few processes: `isolation: shared`.

Jobs that came under one grant go to one worker, which does them in order. When
it ends, only the task that ran has ended with it: those it had not begun go to
a new worker, and nobody counts that as a try of theirs. A worker without work
is kept for the step's next jobs.

Must never report a task's end twice, nor have one that was begun begun again.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Failure, Job, Outcome, Report, jobs_to_json, outcome_from_json
from yamlflow.executors.processes import Packet, Template, Tree
from yamlflow.worker.disk import remove_tree
from yamlflow.worker.processes import endings, frames, logs

if TYPE_CHECKING:
    from yamlflow.worker.processes.page import Page

LONG = 0.1
"""Seconds after which a task is worth saying that it runs."""

IDLE_WORKERS = 8
"""Workers without work that are kept."""

TRIES = 3
"""How many workers in a row may end before they begin anything."""

Judge = Callable[[Job, frames.Frame], Outcome]


@dataclass(slots=True, eq=False)
class Worker:
    """A process with jobs to do: `first` is the number of `jobs[0]`, `since` when it could begin that one."""

    number: int
    template: Template
    channel: frames.Channel
    page: Page
    scratch: Path
    capture: Path
    gpus: tuple[str, ...]
    first: int = 1
    jobs: deque[Job] = field(default_factory=deque)
    since: float = 0.0
    cancelled: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    announced: int = 0
    looked: float = 0.0
    outbox: deque[Packet] = field(default_factory=deque)

    @property
    def usable(self) -> bool:
        return self.channel.fileno() >= 0 and self.template.usable and not self.page.stop


class Sharing:
    """All workers of one launcher. `judge` says how a task's process ended that told no outcome."""

    def __init__(
        self,
        tree: Tree,
        ended: Callable[[Job, Outcome], None],
        unstarted: Callable[[Job], None],
        reports: Callable[[Report], None],
    ) -> None:
        self._tree = tree
        self._ended = ended
        self._unstarted = unstarted
        self._report = reports
        self._numbers = 0
        self._tries = 0
        self._workers: dict[int, Worker] = {}
        self._idle: list[Worker] = []
        self._waiting: dict[int, list[list[Job]]] = {}  # by template whose module is still being imported
        self._places: dict[str, Worker] = {}  # attempt id -> who does it

    # ---------------------------------------------------------------- handing out

    def submit(self, template: Template, jobs: Sequence[Job]) -> None:
        """Jobs of one grant. Raises OSError."""
        if template.ready:
            self._hand(template, jobs)
        else:
            self._waiting.setdefault(template.number, []).append(list(jobs))

    def ready(self, template: Template) -> None:
        """The template's module is imported: what waited for that can begin."""
        _drop_empty(template)
        for jobs in self._waiting.pop(template.number, []):
            if jobs:
                self._hand(template, jobs)

    def withdraw(self, name: str) -> None:
        """Forget a job that waits for its module."""
        for batches in self._waiting.values():
            for jobs in batches:
                jobs[:] = [job for job in jobs if job.attempt_id != name]

    def _hand(self, template: Template, jobs: Iterable[Job]) -> None:
        jobs = list(jobs)
        worker = self._free(template, jobs[0]) or self._hire(template, jobs[0])
        frame = {"op": "jobs", "first": worker.first, **jobs_to_json(jobs)}
        worker.jobs.extend(jobs)
        worker.since = time.monotonic()
        self._places.update((job.attempt_id, worker) for job in jobs)
        self._tree.send(worker, frame, spill=f"{jobs[0].scratch}.run.json")

    def _free(self, template: Template, job: Job) -> Worker | None:
        for worker in self._idle:
            if worker.template is template and worker.gpus == job.grant.gpus and worker.usable:
                self._idle.remove(worker)
                return worker
        return None

    def _hire(self, template: Template, job: Job) -> Worker:
        self._let_go()
        self._numbers += 1
        name = f"shared-{os.getpid()}-{self._numbers}"
        scratch, capture = Path(job.scratch).parent / name, Path(job.log).parent / f".{name}"
        from yamlflow.worker.processes.page import Page  # late: most runs need none

        ours, theirs = frames.pair()
        ours.setblocking(False)
        page, descriptor = Page.make()
        worker = Worker(self._numbers, template, ours, page, scratch, capture, job.grant.gpus)
        bench = {"scratch": str(scratch), "capture": str(capture), "gpus": list(job.grant.gpus)}
        frame = {"op": "worker", "id": worker.number, "bench": bench}
        self._tree.send(template, frame, descriptors=(os.dup(theirs.fileno()), descriptor))
        theirs.close()
        self._workers[worker.number] = worker
        self._tree.plug(worker)
        return worker

    def _let_go(self) -> None:
        """End the workers that have been idle for longest, and those that can do no more; end of file tells them."""
        spent = [worker for worker in self._idle if not worker.usable]
        for worker in spent or self._idle[: max(0, len(self._idle) - IDLE_WORKERS + 1)]:
            self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        self._tree.unplug(worker)
        self._workers.pop(worker.number, None)
        if worker in self._idle:
            self._idle.remove(worker)
        worker.page.close()
        _remove(worker)

    # ---------------------------------------------------------------- hearing

    def hear(self, worker: Worker, frame: frames.Frame) -> None:
        """A worker says something about one of its tasks."""
        if frame["op"] == "done" and worker.jobs and frame["number"] == worker.first:
            self._close(worker, outcome_from_json(frame["outcome"]))
        elif frame["op"] == "progress" and frame["id"] in self._places:
            self._announce(worker)
            said = Report("progress", frame["id"], message=frame["message"], fraction=frame["fraction"])
            self._report(said)

    def _close(self, worker: Worker, outcome: Outcome) -> None:
        """The first of a worker's jobs has ended."""
        job = worker.jobs.popleft()
        worker.first += 1
        worker.since = time.monotonic()
        self._tries = 0
        del self._places[job.attempt_id]
        self._ended(job, outcome)
        if not worker.jobs:
            self._idle.append(worker)

    def left(self, frame: frames.Frame, judge: Judge) -> None:
        """A worker's process has ended: so has the task it did, the others begin elsewhere."""
        worker = self._workers.get(frame["id"])
        if worker is not None:
            self._bury(worker, frame, judge)

    def _bury(self, worker: Worker, frame: frames.Frame, judge: Judge) -> None:
        for said in self._tree.drain(worker):
            self.hear(worker, said)
        if worker.jobs and worker.page.current == worker.first:
            job = worker.jobs[0]
            _save(worker, job)
            self._close(worker, judge(job, frame))
        elif worker.jobs and not frame["cause"] and not worker.page.stop:
            self._tries += 1
        self._forget(worker)
        self._again(worker)

    def _again(self, worker: Worker) -> None:
        """What a worker leaves undone was never begun."""
        template = worker.template
        for job in [job for job in worker.jobs if job.attempt_id in worker.cancelled]:
            worker.jobs.remove(job)
            self._drop(job)
        for job in [job for job in worker.jobs if job.attempt_id in worker.released]:
            worker.jobs.remove(job)
            del self._places[job.attempt_id]
            self._unstarted(job)
        jobs = list(worker.jobs)
        worker.jobs.clear()
        if not jobs:
            return
        if not template.usable or self._tries >= TRIES:
            failure = Failure("start_failed", "the process that shared tasks are done in ends before it begins any")
            for job in jobs:
                del self._places[job.attempt_id]
                self._ended(job, Outcome("failed", failure=failure))
        else:
            self._hand(template, jobs)

    def bury(self, template: Template, judge: Judge) -> list[Job]:
        """A template has died and its workers with it; gives the jobs that were not begun."""
        undone = [job for jobs in self._waiting.pop(template.number, []) for job in jobs]
        for worker in [worker for worker in self._workers.values() if worker.template is template]:
            for said in self._tree.drain(worker):
                self.hear(worker, said)
            if worker.jobs and worker.page.current == worker.first:
                _save(worker, worker.jobs[0])
                self._close(worker, judge(worker.jobs[0], {}))
            else:
                self._tries += 1
            undone += worker.jobs
            self._forget(worker)
        for job in undone:
            self._places.pop(job.attempt_id, None)
        return undone if self._tries < TRIES else []

    # ---------------------------------------------------------------- stopping

    def cancel(self, name: str, *, force: bool) -> bool:
        """End a task, or see to it that it never begins; whether it is one of ours."""
        worker = self._places.get(name)
        if worker is None:
            return False
        worker.page.stop = True
        place = [job.attempt_id for job in worker.jobs].index(name)
        number, current = worker.first + place, worker.page.current
        if 0 < current < number:  # another one runs, and is the last
            job = worker.jobs[place]
            del worker.jobs[place]
            self._drop(job)
        else:
            worker.cancelled.add(name)
            frame = {"op": "end", "id": worker.number, "number": number, "cause": "cancelled", "force": force}
            self._tree.send(worker.template, frame)
        return True

    def release(self, job: Job) -> None:
        """See to it that a task never begins, if it has not: the one that its worker does now is that one's last."""
        worker = self._places.get(job.attempt_id)
        if worker is None:
            self.withdraw(job.attempt_id)
            self._unstarted(job)
        else:
            worker.page.stop = True
            worker.released.add(job.attempt_id)

    def _drop(self, job: Job) -> None:
        """A cancelled job that was never begun."""
        del self._places[job.attempt_id]
        self._ended(job, Outcome("failed", failure=endings.stopped("cancelled", None)))

    # ---------------------------------------------------------------- watching

    def patience(self, timeout: float) -> float:
        """Until somebody has to be looked at."""
        busy = [worker for worker in self._workers.values() if worker.jobs]
        if any(worker.announced < worker.first for worker in busy):
            return min(timeout, LONG)
        return min(timeout, 1.0) if busy else timeout

    def watch(self) -> None:
        """Say which tasks have run for a while, and keep their logs in bounds."""
        now = time.monotonic()
        for worker in self._workers.values():
            if worker.jobs and now - worker.since >= LONG:
                self._announce(worker)
                if now - worker.looked >= 1.0:
                    worker.looked = now
                    logs.trim(worker.jobs[0].log)

    def _announce(self, worker: Worker) -> None:
        if worker.jobs and worker.announced < worker.first == worker.page.current:
            worker.announced = worker.first
            self._report(Report("started", worker.jobs[0].attempt_id))

    def close(self) -> None:
        for worker in self._workers.values():
            self._tree.unplug(worker)

    def clear(self) -> None:
        """Remove what workers leave that were killed."""
        for worker in list(self._workers.values()):
            self._forget(worker)


def _drop_empty(template: Template) -> None:
    """Importing printed nothing: there is no log of that."""
    for attempt in template.attempts.values():
        if attempt.job.isolation == "shared":
            with suppress(OSError):
                if not Path(attempt.job.log).stat().st_size:
                    Path(attempt.job.log).unlink()
            return


def _save(worker: Worker, job: Job) -> None:
    """What a task had printed and made when it ended with its process, under its own names."""
    with suppress(OSError):
        if worker.capture.stat().st_size:
            worker.capture.rename(job.log)
    with suppress(OSError):
        if any(worker.scratch.iterdir()):
            worker.scratch.rename(job.scratch)


def _remove(worker: Worker) -> None:
    """What a worker that has ended did not remove itself."""
    with suppress(OSError):
        worker.capture.unlink()
    remove_tree(str(worker.scratch))
