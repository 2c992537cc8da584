"""A small executor that does all that the contract asks: every attempt is a fork of the test's own process.

It shows that the contract can be met, and is what broken.py breaks, one thing at a
time; so each of its methods does one thing. What outlives a launcher is the World.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from yamlflow.core.jobs import (
    UNSTARTED,
    Failure,
    Job,
    JobBatch,
    Outcome,
    Report,
    Usage,
    outcome_from_json,
    outcome_to_json,
)
from yamlflow.executors.base import Traits
from yamlflow.worker import invocation
from yamlflow.worker.calls import importing
from yamlflow.worker.commands import execute
from yamlflow.worker.processes import endings, environment, frames, seeding, task
from yamlflow.worker.processes.masking import Masker

NEVER = float("inf")


@dataclass(eq=False)
class Row:
    """Jobs of one grant, the first of which has begun; `pid` is its process, or that of all when it is shared."""

    jobs: deque[Job]
    words: Path
    pid: int = 0
    since: float = 0.0
    kill_at: float = NEVER
    cause: str = ""
    read: int = 0
    masker: Masker | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def shared(self) -> bool:
        return self.jobs[0].isolation == "shared"


@dataclass
class World:
    """What there is whether a launcher lives or not."""

    place: Path
    rows: list[Row] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)

    def end(self) -> None:
        """Whatever still runs of what was started here ends now."""
        for pid in self.processes:
            with suppress(ChildProcessError):  # a child that was not reaped: nobody else has its number
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


class SmallExecutor:
    traits = Traits(max_batch=1000, chain=8, depth=100)

    def __init__(self, world: World, grace: float) -> None:
        self._world = world
        self._grace = grace
        self._launcher = dict(os.environ)
        self._launcher_pid = os.getpid()
        self._rows: list[Row] = []
        self._reports: list[Report] = []
        self._woken = threading.Event()

    # ---------------------------------------------------------------- the protocol

    def submit(self, batch: JobBatch) -> None:
        rows: dict[str, Row] = {}
        for job in self._fresh(batch.jobs()):
            words = self._world.place / f"{job.attempt_id}.words"
            rows.setdefault(job.shares or job.attempt_id, Row(deque(), words)).jobs.append(job)
        for row in rows.values():
            self._rows.append(row)
            self._world.rows.append(row)
            self._start(row)

    def poll(self, timeout: float) -> Sequence[Report]:
        deadline = time.monotonic() + timeout
        self._look()
        while not self._reports and time.monotonic() < deadline and not self._woken.wait(0.005):
            self._look()
        self._woken.clear()
        reports, self._reports = self._reports, []
        return reports

    def wake(self) -> None:
        self._woken.set()

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        self._look()
        for name in names:
            row = self._row_of(name)
            if row is None:
                self._unknown(name, begun=begun)
            elif self._current(row).attempt_id == name or not self._claim(name):
                if begun:
                    self._stop(row, "cancelled", force=force)
            else:
                self._withdraw(row, name, begun=begun)

    def adopt(self, run_id: str) -> Sequence[Report]:
        found = [row for row in self._world.rows if row not in self._rows and row.jobs[0].run_id == run_id]
        self._rows += found
        return [Report("started", row.jobs[0].attempt_id) for row in found]

    def close(self, *, detach: bool = False) -> None:
        if not detach:
            for row in self._rows:
                self._end(row)
        self._rows.clear()

    # ---------------------------------------------------------------- orders

    def _fresh(self, jobs: Sequence[Job]) -> Iterator[Job]:
        """Those of the jobs that nobody knows yet; what a launcher before us began is ours now."""
        known = {job.attempt_id: row for row in self._world.rows for job in row.jobs}
        for job in jobs:
            row = known.get(job.attempt_id)
            if row is None:
                yield job
            elif row not in self._rows:
                self._rows.append(row)

    def _row_of(self, name: str) -> Row | None:
        return next((row for row in self._rows if any(job.attempt_id == name for job in row.jobs)), None)

    def _unknown(self, name: str, *, begun: bool) -> None:
        if begun:
            self._reports.append(Report("gone", name))

    def _withdraw(self, row: Row, name: str, *, begun: bool) -> None:
        """One that waits never begins."""
        row.jobs = deque(job for job in row.jobs if job.attempt_id != name)
        if begun:
            self._say_ended(name, Outcome("failed", failure=endings.stopped("cancelled", None)))
        else:
            self._reports.append(Report("gone", name, message=UNSTARTED))

    def _stop(self, row: Row, cause: str, *, force: bool) -> None:
        row.cause = row.cause or cause
        if row.kill_at == NEVER:
            self._signal(row, signal.SIGTERM)
            row.kill_at = time.monotonic() + self._grace
        if force:
            self._signal(row, signal.SIGKILL)

    def _signal(self, row: Row, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(row.pid, number)

    def _end(self, row: Row) -> None:
        """It ends now, and is forgotten."""
        self._signal(row, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(row.pid, 0)
        self._forget(row)

    def _forget(self, row: Row) -> None:
        if row.masker:
            os.close(row.masker.write_end)
            row.masker.finish()
            row.masker = None
        if row in self._world.rows:
            self._world.rows.remove(row)

    # ---------------------------------------------------------------- looking

    def _look(self) -> None:
        for row in list(self._rows):
            if row.masker:
                row.masker.pump()
            self._read(row)
            self._watch(row)
            if os.waitid(os.P_PID, row.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._clear_away(row)
                _, status, usage = os.wait4(row.pid, 0)
                self._read(row)
                self._bury(row, os.waitstatus_to_exitcode(status), usage)

    def _watch(self, row: Row) -> None:
        now = time.monotonic()
        limit = self._current(row).timeout if row.jobs else None
        if limit and now - row.since > limit and not row.cause:
            self._stop(row, "timeout", force=False)
        if now > row.kill_at:
            self._signal(row, signal.SIGKILL)

    def _read(self, row: Row) -> None:
        """What its tasks have said since."""
        data = row.words.read_bytes() if row.words.exists() else b""
        while len(data) > row.read:
            start = row.read + 4
            row.read = start + int.from_bytes(data[row.read : start], "big")
            self._hear(row, frames.unpack(data[start : row.read]))

    def _hear(self, row: Row, frame: frames.Frame) -> None:
        match frame["op"]:
            case "begins":
                row.since = time.monotonic()
                self._reports.append(Report("started", frame["id"]))
            case "progress":
                said = Report("progress", frame["id"], message=frame["message"], fraction=frame["fraction"])
                self._reports.append(said)
            case "outcome":
                row.outcomes[frame["id"]] = outcome_from_json(frame["outcome"])
                if row.shared and len(row.jobs) > 1:
                    self._say_ended(row.jobs.popleft().attempt_id, row.outcomes[frame["id"]])

    def _clear_away(self, row: Row) -> None:
        """Those that it has left of its group, while nobody else can have its number."""
        self._signal(row, signal.SIGKILL)

    def _current(self, row: Row) -> Job:
        return row.jobs[0]

    def _bury(self, row: Row, status: int, usage: resource.struct_rusage) -> None:
        """The process has ended: the first of its jobs too, and the next begins or is given back."""
        job = row.jobs.popleft()
        outcome = self._judged(row, job, status)
        cpu = usage.ru_utime + usage.ru_stime
        used = Usage(time.monotonic() - row.since, cpu, usage.ru_maxrss << 10)
        self._forget(row)
        self._rows.remove(row)
        self._say_ended(job.attempt_id, self._with_usage(outcome, used))
        self._follow(row, outcome)

    def _with_usage(self, outcome: Outcome, used: Usage) -> Outcome:
        return replace(outcome, usage=used)

    def _follow(self, row: Row, outcome: Outcome) -> None:
        """What waited behind one that has ended."""
        if not row.jobs:
            return
        if outcome.state == "failed":
            self._reports += [Report("gone", job.attempt_id, message=UNSTARTED) for job in row.jobs]
            return
        again = Row(row.jobs, self._world.place / f"{row.jobs[0].attempt_id}.words")
        self._rows.append(again)
        self._world.rows.append(again)
        self._start(again)

    def _judged(self, row: Row, job: Job, status: int) -> Outcome:
        outcome = row.outcomes.get(job.attempt_id)
        if row.cause and (outcome is None or outcome.state == "failed"):
            return Outcome("failed", failure=endings.stopped(row.cause, job.timeout))
        return outcome or Outcome("failed", failure=self._without_word(status))

    def _without_word(self, status: int) -> Failure:
        return endings.ended(status, oom=False, memory=0, limit=0)

    def _say_ended(self, name: str, outcome: Outcome) -> None:
        self._reports.append(Report("ended", name, outcome=outcome))

    # ---------------------------------------------------------------- a process

    def _start(self, row: Row) -> None:
        job = row.jobs[0]
        Path(job.log).parent.mkdir(exist_ok=True)
        try:
            secrets = self._secrets(job)
        except environment.SecretMissingError as error:
            self._rows.remove(row)
            self._world.rows.remove(row)
            self._say_ended(job.attempt_id, Outcome("failed", failure=Failure("error", str(error), final=True)))
            return
        row.masker = self._masker(job, secrets)
        row.since = time.monotonic()
        jobs = list(row.jobs) if row.shared else [job]
        row.pid = os.fork() or self._become(row, jobs, secrets)
        self._world.processes.append(row.pid)

    def _secrets(self, job: Job) -> Mapping[str, str]:
        return environment.secrets(job.secrets, self._launcher)

    def _masker(self, job: Job, secrets: Mapping[str, str]) -> Masker | None:
        return Masker.of(tuple(secrets.values()), job.log) if secrets else None

    def _become(self, row: Row, jobs: Sequence[Job], secrets: Mapping[str, str]) -> NoReturn:
        """The child: does the jobs and ends."""
        status = 1
        try:
            os.setsid()
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            for job in jobs:
                if self._claim(job.attempt_id):
                    self._do(row, job, secrets)
            status = 0
        finally:
            os._exit(status)

    def _claim(self, name: str) -> bool:
        """Whoever is first: the process that begins it, or the launcher that takes it back."""
        try:
            os.close(os.open(self._world.place / f"{name}.begun", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _do(self, row: Row, job: Job, secrets: Mapping[str, str]) -> None:
        self._tell(row, {"op": "begins", "id": job.attempt_id})
        self._redirect(row.masker.write_end if row.masker else self._open_log(job))
        self._enter(job, secrets)
        seeding.seed(job.seed)
        outcome = invocation.Invocation(job, self._speaker(row, job)).perform(self._work(job))
        outcome = self._masked(outcome, tuple(secrets.values()))
        self._explain(job, outcome)
        task.flush()
        self._tell(row, {"op": "outcome", "id": job.attempt_id, "outcome": outcome_to_json(outcome)})
        if task.leave(job, outcome):
            os.chdir("/")
            Path(job.scratch).rmdir()

    def _open_log(self, job: Job) -> int:
        return os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _redirect(self, output: int) -> None:
        os.dup2(output, 1)
        os.dup2(output, 2)
        task.prepare_streams()
        faulthandler.enable()

    def _explain(self, job: Job, outcome: Outcome) -> None:
        task.write_down(job, outcome)

    def _enter(self, job: Job, secrets: Mapping[str, str]) -> None:
        """The folders, the environment and the limits of a task."""
        Path(job.scratch).mkdir(parents=True)
        os.chdir(job.scratch if self._cwd(job) == "scratch" else job.code_roots[0])
        os.environ.clear()
        os.environ.update({**self._variables(job), **secrets, **self._identity(job)})
        importing.prepare_path(job.code_roots)
        self._limit(job)

    def _cwd(self, job: Job) -> str:
        return "scratch" if job.target["kind"] == "command" else job.cwd

    def _variables(self, job: Job) -> dict[str, str]:
        inherited = environment.inherited(self._launcher, everything=job.env_inherit)
        own = {**inherited, **job.env}
        counts = environment.threads(job.grant.cpu, own)
        return {**own, **{name: count for name, count in counts.items() if name not in own}}

    def _identity(self, job: Job) -> dict[str, str]:
        return environment.task_variables(job)

    def _limit(self, job: Job) -> None:
        if job.grant.memory:
            now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (now + job.grant.memory, resource.RLIM_INFINITY))

    def _work(self, job: Job) -> invocation.Work:
        return execute if job.target["kind"] == "command" else invocation.call

    def _masked(self, outcome: Outcome, secrets: Sequence[str]) -> Outcome:
        return task.without_secrets(outcome, secrets)

    def _speaker(self, row: Row, job: Job) -> Any:
        def say(message: str, fraction: float | None) -> None:
            self._tell(row, {"op": "progress", "id": job.attempt_id, "message": message, "fraction": fraction})

        return say

    def _tell(self, row: Row, frame: frames.Frame) -> None:
        data = frames.to_bytes(frame)
        with row.words.open("ab", buffering=0) as file:
            file.write(len(data).to_bytes(4, "big") + data)
