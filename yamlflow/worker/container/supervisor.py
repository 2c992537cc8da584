"""The first process in a container: does the jobs of a batch one after another, each in a process of its own.

What forks, ends and reaps tasks is the same template as on the launcher's
machine; this stands in for the launcher. It writes an outcome for each job that
began, in the words of `local`, and gives back those that did not. Behind a job
that did not end well, or is a long one, nothing begins. Never runs user code itself.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Failure, Job, Outcome, Usage, jobs_to_json, outcome_from_json, outcome_to_json
from yamlflow.worker.container import batch as words
from yamlflow.worker.container.batch import Batch, Orders
from yamlflow.worker.processes import endings, frames, kernel, oom, task, template
from yamlflow.worker.processes.spec import Spec

TICK = 0.2
"""Seconds between two looks at the launcher's orders."""


@dataclass(slots=True)
class Current:
    """The job that runs; `given` in monotonic seconds."""

    index: int
    job: Job
    given: float
    outcome: Outcome | None = None
    cause: str = ""
    killed: bool = False


def main(folder: str) -> None:
    """The first call in the container; `folder` is the batch's."""
    faulthandler.enable()
    kernel.adopt_orphans()
    task.prepare_streams()
    _share_package()
    batch = words.read_batch(folder)
    os.environ.update(words.take_secrets(folder))
    supervisor = Supervisor(folder, batch)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: supervisor.leave())
    supervisor.work()


class Supervisor:
    def __init__(self, folder: str, batch: Batch) -> None:
        self._folder = folder
        self._batch = batch
        self._waiting = deque(enumerate(batch.jobs))
        self._current: Current | None = None
        self._back: list[str] = []
        self._leaving = False
        self._ready = False
        self._unusable: Failure | None = None
        self._oom_kills = oom.kills()
        self._pid, self._channel = _start_template(_spec(batch))

    def leave(self) -> None:
        """Somebody stops the container: what runs is ended, what waits is given back."""
        self._leaving = True

    def work(self) -> None:
        """Until every job has its word."""
        poll = select.poll()
        poll.register(self._channel.fileno(), select.POLLIN)
        self._begin()
        while self._current is not None:
            if poll.poll(TICK * 1000):
                self._hear()
            self._obey()
            self._keep_time()
        self._channel.close()

    # ---------------------------------------------------------------- jobs

    def _begin(self) -> None:
        """The next job that nobody has taken back."""
        self._sort(words.read_orders(self._folder), everything=self._leaving)
        if self._waiting:
            index, job = self._waiting.popleft()
            self._current = Current(index, job, time.monotonic())
            frame = {"op": "run", **jobs_to_json([job])}
            self._channel.send(frames.pack(frame, f"{job.scratch}.run.json"))

    def _sort(self, orders: Orders, *, everything: bool = False) -> None:
        """Those that wait and are to be stopped have been; those that are not to begin are given back."""
        waiting, self._waiting = self._waiting, deque()
        back = len(self._back)
        for index, job in waiting:
            if job.attempt_id in orders.stop or job.attempt_id in orders.kill:
                self._write(index, Outcome("failed", failure=endings.stopped("cancelled", None)))
            elif everything or job.attempt_id in orders.release:
                self._back.append(job.attempt_id)
            else:
                self._waiting.append((index, job))
        if len(self._back) > back:
            words.put_back(self._folder, self._back)

    def _end(self, outcome: Outcome) -> None:
        """The last word about the current job; then the next one, if this one ended well."""
        assert self._current is not None
        self._write(self._current.index, outcome)
        if outcome.state == "failed":
            self._give_back()
        self._current = None
        self._begin()

    def _write(self, index: int, outcome: Outcome) -> None:
        words.put(self._folder, words.outcome_name(index), outcome_to_json(outcome))

    def _give_back(self) -> None:
        """Nothing that waits begins here any more."""
        self._sort(words.read_orders(self._folder), everything=True)

    # ---------------------------------------------------------------- orders and time

    def _obey(self) -> None:
        """What the launcher wants."""
        current = self._current
        if current is None:
            return
        orders = words.read_orders(self._folder)
        self._sort(orders, everything=self._leaving)
        name = current.job.attempt_id
        if name in orders.kill and not current.killed:
            current.killed = True
            self._stop(current, "cancelled", force=True)
        elif (name in orders.stop or self._leaving) and not current.cause:
            self._stop(current, "cancelled")

    def _stop(self, current: Current, cause: str, *, force: bool = False) -> None:
        current.cause = current.cause or cause
        if not self._ready:  # its module is being imported: nobody listens
            kernel.signal_process(self._pid, signal.SIGKILL)
        else:
            frame = {"op": "kill", "id": current.job.attempt_id, "cause": cause, "force": force}
            self._channel.send(frames.to_bytes(frame))

    def _keep_time(self) -> None:
        current, patience = self._current, self._batch.patience
        if current is None:
            return
        ran = time.monotonic() - current.given
        if not self._ready and current.job.timeout and ran >= current.job.timeout:
            self._stop(current, "timeout")
        if self._waiting and patience is not None and ran >= patience:
            self._give_back()

    # ---------------------------------------------------------------- what the template says

    def _hear(self) -> None:
        try:
            frame = self._channel.receive()
        except BlockingIOError:
            return
        if frame is None:
            self._bury()
            return
        current = self._current
        match frame["op"]:
            case "ready":
                self._ready = True
                if current is not None:
                    current.given = time.monotonic()
            case "unusable":
                self._unusable = outcome_from_json(frame["outcome"]).failure
            case "progress" if current:
                said = {"message": frame["message"], "fraction": frame["fraction"]}
                words.put(self._folder, words.progress_name(current.index), said)
            case "outcome" if current:
                current.outcome = outcome_from_json(frame["outcome"])
            case "exit" if current:
                for end in frame["each"]:
                    usage = Usage(end["seconds"], end["cpu"], end["memory"])
                    told = current.outcome or _unsent(current.job)
                    outcome = endings.outcome_of(current.job, told, end, self._oom_happened)
                    self._end(replace(outcome, usage=usage))
            case _:
                pass

    def _oom_happened(self) -> bool:
        before, self._oom_kills = self._oom_kills, oom.kills()
        return self._oom_kills > before

    def _bury(self) -> None:
        """The template has died, and with it the job that it did or was made for."""
        current = self._current
        assert current is not None
        _, status = os.waitpid(self._pid, 0)
        self._give_back()
        self._end(current.outcome or Outcome("failed", failure=self._orphaned(current, status)))

    def _orphaned(self, current: Current, status: int) -> Failure:
        if current.cause:
            return endings.stopped(current.cause, current.job.timeout)
        if self._unusable is not None:
            return self._unusable
        code = os.waitstatus_to_exitcode(status)
        failure = _ended(code, code == -signal.SIGKILL and self._oom_happened(), 0, current.job)
        where = "the process that the task was started from" if self._ready else "importing the step's module"
        return replace(failure, message=f"{where}: {failure.message}")


def _share_package() -> None:
    """A command's own Python finds this yamlflow too, behind all that the image has."""
    found = [os.environ.get("PYTHONPATH", ""), str(Path(__file__).resolve().parents[3])]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, found))


def _start_template(spec: Spec) -> tuple[int, frames.Channel]:
    ours, theirs = frames.pair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        ours.close()
        template.become(spec, theirs, os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), parent)
    theirs.close()
    return pid, ours


def _spec(batch: Batch) -> Spec:
    """What worker.processes.spec.Spec is made of: here the values of secrets are variables already."""
    job = batch.jobs[0]
    return Spec(
        target=str(job.target.get("callable", "")),
        code_roots=job.code_roots,
        cwd=job.code_roots[0] if job.code_roots else "",
        env=job.env,
        secrets={name: f"env:{name}" for name in job.secrets},
        masked=job.masked,
        cpu=job.grant.cpu,
        log=job.log,
        grace=batch.grace,
        fresh=job.target["kind"] == "python" and bool(job.grant.gpus or job.python),
        python=job.python,
    )


def _ended(status: int, out_of_memory: bool, memory: int, job: Job) -> Failure:
    return endings.ended(status, oom=out_of_memory, memory=memory, limit=job.grant.memory)


def _unsent(job: Job) -> Outcome | None:
    """The outcome of a task that had closed its socket."""
    path = task.outcome_file(job.scratch)
    if not os.path.exists(path):
        return None
    folder, _, name = path.rpartition("/")
    return outcome_from_json(words.read(folder, name)["outcome"])
