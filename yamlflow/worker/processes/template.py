"""One process per step module: imports it once, then forks a task for each job.

It alone reaps its tasks and so it alone signals them: a pid can not be somebody
else's while its zombie is ours. Single-threaded; a module that starts threads,
opens sockets or touches a GPU while it is imported makes forking unsafe, and the
template starts anew as one that executes a fresh interpreter per task.

What its tasks leave behind (processes that escaped their session) it adopts
and kills. Must never call the step's code, nor outlive its launcher or nursery.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import socket
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from yamlflow.core.jobs import Failure, Job, Outcome, job_from_json, outcome_to_json
from yamlflow.worker import invocation
from yamlflow.worker.calls import importing
from yamlflow.worker.calls.failures import failure_of
from yamlflow.worker.processes import environment, frames, fresh, hazards, kernel, logs, masking, seeding, task
from yamlflow.worker.processes.masking import Masker
from yamlflow.worker.processes.scratches import Scratches

NEVER = float("inf")
LONG = 3600.0
DUMP = 0.2
"""Seconds a task has to write its stacks before it is asked to end."""

LIMIT = 1 << 20
"""Bytes of what an import printed that are kept when secrets must be taken out of it."""

TICK = 1.0
"""Seconds between two looks at the logs of running tasks."""


@dataclass(slots=True)
class Running:
    """A task that was started and not yet reaped; times are monotonic seconds."""

    job: Job
    started: float
    deadline: float
    masker: Masker | None = None
    cause: str = ""
    terminate_at: float = NEVER
    kill_at: float = NEVER

    @property
    def due(self) -> float:
        """When something is to be done about it next."""
        return min(self.deadline, self.terminate_at, self.kill_at)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a template is for: a step's module and everything that counts before it is imported."""

    target: str
    code_roots: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    cpu: float
    log: str
    grace: float
    fresh: bool = False
    python: str | None = None


def spec_from_json(body: Mapping[str, Any]) -> Spec:
    return Spec(**{**body, "code_roots": tuple(body["code_roots"])})


def become(spec: Spec, channel: socket.socket, parent: int) -> NoReturn:
    """Turn a fresh fork of the nursery into a template."""
    status = 1
    try:
        kernel.die_with_parent(parent)
        kernel.adopt_orphans()
        template = Template(spec, channel)
        if template.prepare():
            template.serve()
        status = 0
    except BaseException:  # noqa: BLE001 - it must not fall back into the nursery's loop
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


class Template:
    def __init__(self, spec: Spec, channel: socket.socket) -> None:
        self._spec = spec
        self._channel = channel
        self._running: dict[int, Running] = {}
        self._scratches = Scratches()
        self._resident = 0
        self._foreseen = {""}
        self._secrets: dict[str, str] = {}
        self._woken, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup = wakeup
        self._poll = select.poll()

    # ---------------------------------------------------------------- start

    def prepare(self) -> bool:
        """Environment, folder and import; False when no task can be run, which the launcher is told."""
        spec = self._spec
        _output_to(os.memfd_create("import") if spec.secrets else task.open_log(spec.log))
        try:
            self._secrets = environment.secrets(spec.secrets, os.environ)
            os.environ.update({**environment.threads(spec.cpu, spec.env), **spec.env, **self._secrets})
            os.chdir(spec.cwd or "/")
            importing.prepare_path(spec.code_roots)
            if not spec.target:
                import yamlflow.worker.commands  # noqa: F401 - for the forks
            elif not spec.fresh:
                importing.import_target(spec.target, spec.code_roots)
        except BaseException as error:  # noqa: BLE001 - whatever importing a module raises, sys.exit included
            self._say_unusable(error)
            return False
        self._publish_output()
        if not spec.fresh and spec.target and hazards.found():
            fresh.restart_template(spec, self._channel)
        self._settle()
        self._send({"op": "ready"})
        return True

    def _publish_output(self) -> None:
        """What importing printed is in the log already, unless there were secrets to take out of it."""
        task.flush()
        if self._spec.secrets:
            os.lseek(1, 0, os.SEEK_SET)
            said = masking.cleaned(os.read(1, LIMIT), self._secrets.values())
            log = task.open_log(self._spec.log)
            os.write(log, said)
            os.close(log)

    def _say_unusable(self, error: BaseException) -> None:
        self._publish_output()
        known = isinstance(error, (importing.CallableNotFoundError, environment.SecretMissingError))
        failure = Failure("error", str(error), exception=type(error).__name__) if known else failure_of(error)
        outcome = task.without_secrets(Outcome("failed", failure=failure), self._secrets)
        self._send({"op": "unusable", "outcome": outcome_to_json(outcome)})

    def _settle(self) -> None:
        """The state that tasks are forked from: everything imported, nothing buffered, no garbage to collect."""
        _output_to(os.open(os.devnull, os.O_WRONLY))
        seeding.watch_imports()
        # 3.12 counts native threads; those that make forking unsafe have been looked for
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        sys.argv = [self._spec.target or "command"]
        gc.collect()
        gc.freeze()
        self._resident = kernel.resident() if self._spec.target and not self._spec.fresh else 0
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        self._poll.register(self._channel, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)

    # ---------------------------------------------------------------- loop

    def serve(self) -> None:
        """Until the launcher is gone."""
        while True:
            for descriptor, _ in self._poll.poll(self._patience()):
                if descriptor == self._woken:
                    self._drain_wakeups()
                elif descriptor == self._channel.fileno():
                    if not self._receive():
                        self._end_all()
                        return
                else:
                    self._relay(descriptor)
            self._reap()
            self._keep_time()

    def _patience(self) -> float:
        """Milliseconds until something is due."""
        if not self._running:
            return LONG * 1000
        now = time.monotonic()
        due = min(running.due for running in self._running.values())
        return max(0.0, min(due - now, TICK)) * 1000

    def _drain_wakeups(self) -> None:
        try:
            while len(os.read(self._woken, 512)) == 512:
                pass
        except BlockingIOError:
            return

    def _receive(self) -> bool:
        """Frames that are there; False at the launcher's end of file."""
        frame = frames.receive(self._channel)
        if frame is None:
            return False
        if frame["op"] == "run":
            self._start(job_from_json(frame["job"]))
        else:
            self._stop(frame["id"], frame["cause"], force=frame["force"])
        return True

    def _send(self, frame: frames.Frame) -> None:
        try:
            self._channel.send(frames.to_bytes(frame))
        except OSError:  # the launcher is gone; end of file follows
            return

    # ---------------------------------------------------------------- tasks

    def _start(self, job: Job) -> None:
        self._foresee(job)
        masker = Masker.of(self._secrets, job.log) if self._secrets else None
        try:
            desk = task.prepare_desk(job, masker.write_end if masker else None, self._scratches)
        except OSError as error:
            task.fail(job, self._channel, f"cannot prepare the task: {error}")
            self._report(job, 0, "", 0.0)
            return
        os.environ.update(desk.variables)  # here, where it costs no copied pages: the next task overwrites them
        now = time.monotonic()
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            if self._spec.fresh:
                fresh.become(self._spec, desk, self._channel, me)
            task.become(desk, self._channel, me, self._secrets)
        os.close(desk.output)
        deadline = now + job.timeout if job.timeout else NEVER
        self._running[pid] = Running(job, now, deadline, masker)
        if masker:
            self._poll.register(masker.read_end, select.POLLIN)

    def _foresee(self, job: Job) -> None:
        target = job.target.get("callable", "")
        if target not in self._foreseen and not self._spec.fresh:
            self._foreseen.add(target)
            invocation.foresee(target, job.code_roots)

    def _stop(self, attempt_id: str, cause: str, *, force: bool) -> None:
        for pid, running in self._running.items():
            if running.job.attempt_id == attempt_id:
                self._end(pid, running, cause, force=force)

    def _end(self, pid: int, running: Running, cause: str, *, force: bool) -> None:
        """SIGTERM to the whole group, SIGKILL after the grace period; a second call with `force` kills at once."""
        now = time.monotonic()
        running.cause = running.cause or cause
        running.deadline = NEVER
        if force:
            running.terminate_at = running.kill_at = NEVER
            _signal_group(pid, signal.SIGKILL)
        elif running.kill_at == NEVER:
            running.kill_at = now + self._spec.grace
            running.terminate_at = now
            if cause == "timeout" and running.job.target["kind"] == "python":
                _signal(pid, task.DUMP_STACKS)
                running.terminate_at = now + DUMP

    def _keep_time(self) -> None:
        now = time.monotonic()
        for pid, running in self._running.items():
            if running.deadline <= now:
                self._end(pid, running, "timeout", force=False)
            if running.terminate_at <= now:
                running.terminate_at = NEVER
                _signal_group(pid, signal.SIGTERM)
            if running.kill_at <= now:
                self._end(pid, running, running.cause, force=True)
            if now - running.started > TICK:
                logs.trim(running.job.log)

    def _relay(self, descriptor: int) -> None:
        for running in self._running.values():
            if running.masker and running.masker.read_end == descriptor and not running.masker.pump():
                self._poll.unregister(descriptor)

    # ---------------------------------------------------------------- ends

    def _reap(self) -> None:
        while self._running:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            running = self._running.get(ended.si_pid)
            if running is None:  # an adopted orphan
                os.waitpid(ended.si_pid, 0)
            else:
                self._bury(ended.si_pid, running)

    def _bury(self, pid: int, running: Running) -> None:
        """A task has ended: end its group while the zombie holds the number, reap it, report."""
        _signal_group(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        del self._running[pid]
        if not (os.WIFEXITED(status) and os.WEXITSTATUS(status) == task.CLEAN):
            self._sweep()
        if running.masker:
            self._poll_unregister(running.masker.read_end)
            running.masker.finish()
        logs.finish(running.job.log)
        self._scratches.take_back(running.job.scratch)
        seconds = time.monotonic() - running.started
        self._report(running.job, os.waitstatus_to_exitcode(status), running.cause, seconds, usage)

    def _report(
        self, job: Job, status: int, cause: str, seconds: float, usage: resource.struct_rusage | None = None
    ) -> None:
        self._send(
            {
                "op": "exit",
                "id": job.attempt_id,
                "status": status,
                "cause": cause,
                "seconds": seconds,
                "cpu": usage.ru_utime + usage.ru_stime if usage else 0.0,
                "memory": max(0, usage.ru_maxrss * 1024 - self._resident) if usage else 0,
            }
        )

    def _poll_unregister(self, descriptor: int) -> None:
        try:
            self._poll.unregister(descriptor)
        except KeyError:  # at its end of file already
            return

    def _sweep(self) -> None:
        """Kill what a task left behind: children of ours that are no tasks. Their children come to us in turn."""
        for _ in range(1000):
            strangers = [pid for pid in kernel.children() if pid not in self._running]
            if not strangers:
                return
            for pid in strangers:
                _signal(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _end_all(self) -> None:
        """The launcher is gone: so is every task."""
        for pid in list(self._running):
            _signal_group(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._running.clear()
        self._sweep()
        self._scratches.clear()


def _output_to(target: int) -> None:
    """Standard output and error of this process, for what is said while importing."""
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # it has not made its session yet
        _signal(pid, number)
