"""One process that does many small tasks one after another: `isolation: shared`.

A fork of the template, or a fresh interpreter, in a session of its own. Each
task has its own log, random sequence, working directory and environment, and an
empty scratch folder; modules, open files and threads pass from one to the next.
Its outcome is told as soon as a task is done: one that ends the process ends
itself alone. Must never start a task once it was told to stop.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Job, Outcome, Usage, job_from_json, outcome_to_json
from yamlflow.worker import invocation
from yamlflow.worker.disk import remove_tree
from yamlflow.worker.processes import environment, frames, kernel, seeding, task
from yamlflow.worker.processes.capture import Capture
from yamlflow.worker.processes.page import NEVER, Page


def bench_of(body: Mapping[str, Any], channel: frames.Channel, page: Page) -> Bench:
    return Bench(channel, page, body["scratch"], body["capture"], body["gpus"])


@dataclass(frozen=True, slots=True)
class Bench:
    """What a worker is made with: its launcher's end, the page, and the places of its tasks."""

    channel: frames.Channel
    page: Page
    scratch: str
    capture: str
    gpus: Sequence[str] = ()


def become(bench: Bench, parent: int) -> NoReturn:
    """Turn a fresh fork of the template into a worker."""
    status = 1
    try:
        os.setsid()
        task.detach(parent)
        serve(bench)
        status = 0
    finally:
        os._exit(status)


def serve(bench: Bench) -> None:
    """Until the launcher closes its end, or says stop."""
    os.makedirs(bench.scratch, mode=0o700, exist_ok=True)
    if bench.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(bench.gpus)
    worker = Worker(bench)
    while (frame := bench.channel.receive()) is not None:
        if not worker.work_off(frame["first"], frame["common"], frame["each"]):
            break
    task.wind_down()
    remove_tree(bench.scratch)
    with suppress(OSError):
        os.unlink(bench.capture)


class Worker:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._pid = os.getpid()
        self._home = os.open(".", os.O_RDONLY)
        self._capture = Capture(bench.capture)
        self._surroundings = _Surroundings()
        self._used = resource.getrusage(resource.RUSAGE_SELF)
        self._resident = kernel.resident()

    def work_off(self, first: int, common: Mapping[str, Any], each: Sequence[Mapping[str, Any]]) -> bool:
        """Do the jobs in order; False when told to stop before the last."""
        page = self._bench.page
        for number, own in enumerate(each, first):
            job = job_from_json({**common, **own, "scratch": self._bench.scratch})
            page.due = time.monotonic() + job.timeout if job.timeout else NEVER
            page.current = number
            if page.stop:
                page.current = 0
                return False
            self._do(number, job, own["scratch"])
            page.current = 0
        return True

    def _do(self, number: int, job: Job, own_scratch: str) -> None:
        began = time.monotonic()
        self._prepare(job)
        outcome = self._perform(job, own_scratch)
        task.write_down(job, outcome)
        self._capture.end(job.log)
        self._tidy(own_scratch, outcome)
        usage = self._usage(time.monotonic() - began)
        told = outcome_to_json(replace(outcome, usage=usage))
        frame = {"op": "done", "id": job.attempt_id, "number": number, "outcome": told}
        try:
            self._say(frame, own_scratch)
        except OSError:  # the task closed the socket, or the launcher is gone: this one is done, no other is begun
            with open(task.outcome_file(own_scratch), "wb") as file:
                file.write(frames.to_bytes(frame))
            os._exit(0)

    def _say(self, frame: frames.Frame, own_scratch: str) -> None:
        self._bench.channel.send(frames.pack(frame, f"{own_scratch}.{frame['op']}.json"))

    def _prepare(self, job: Job) -> None:
        self._capture.begin(job.log)
        self._surroundings.set(environment.task_variables(job))
        if job.cwd == "scratch":
            os.chdir(job.scratch)
        else:
            os.fchdir(self._home)
        seeding.seed(job.seed)

    def _perform(self, job: Job, own_scratch: str) -> Outcome:
        def say(message: str, fraction: float | None) -> None:
            frame = {"op": "progress", "id": job.attempt_id, "message": message, "fraction": fraction}
            with suppress(OSError):
                self._say(frame, own_scratch)

        outcome = invocation.Invocation(job, say).perform(invocation.call)
        if os.getpid() != self._pid:  # the task forked, and its child came back from the call
            os._exit(0)
        return outcome

    def _tidy(self, own_scratch: str, outcome: Outcome) -> None:
        """An empty scratch folder for the next task; after a failure, what is in it may explain that, and is kept."""
        scratch = self._bench.scratch
        try:
            if not os.listdir(scratch):
                return
            with suppress(OSError):  # the task closed it
                os.fchdir(self._home)
            if outcome.state == "failed":
                os.rename(scratch, own_scratch)
            else:
                remove_tree(scratch)
        except FileNotFoundError:  # the task removed it
            pass
        os.makedirs(scratch, mode=0o700, exist_ok=True)

    def _usage(self, seconds: float) -> Usage:
        """Peak memory is that of the process, and so is only known to be this task's when it rose."""
        before, now = self._used, resource.getrusage(resource.RUSAGE_SELF)
        self._used = now
        cpu = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
        rose = now.ru_maxrss > before.ru_maxrss
        return Usage(seconds, cpu, max(0, kernel.peak(now) - self._resident) if rose else 0)


class _Surroundings:
    """The environment and argv that every task finds, whatever the one before it did to them."""

    def __init__(self) -> None:
        self._variables = dict(os.environ)
        self._argv = list(sys.argv)
        self._raw = self._known()

    def _known(self) -> dict[bytes, bytes]:
        return dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001 - as it is: decoding costs more than the task

    def set(self, own: Mapping[str, str]) -> None:
        """Everything as it was, but for what differs from task to task."""
        if os.environ._data != self._raw:  # type: ignore[attr-defined]  # noqa: SLF001
            os.environ.clear()
            os.environ.update(self._variables)
        changed = {name: value for name, value in own.items() if self._variables.get(name) != value}
        if changed:
            os.environ.update(changed)
            self._variables.update(changed)
            self._raw = self._known()
        if sys.argv != self._argv:
            sys.argv[:] = self._argv
