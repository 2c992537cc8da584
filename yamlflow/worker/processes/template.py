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
import sys
import time
import warnings
from collections import deque
from typing import NoReturn

from yamlflow.core.jobs import Failure, Job, Outcome, job_from_json, outcome_to_json
from yamlflow.worker import invocation
from yamlflow.worker.calls import importing
from yamlflow.worker.calls.failures import failure_of
from yamlflow.worker.processes import (
    environment,
    frames,
    fresh,
    hazards,
    kernel,
    logs,
    masking,
    rehearsal,
    seeding,
    task,
)
from yamlflow.worker.processes.desks import Desks, open_log
from yamlflow.worker.processes.masking import Masker
from yamlflow.worker.processes.running import LONG, NEVER, Running
from yamlflow.worker.processes.spec import Spec
from yamlflow.worker.processes.workers import Workers

IDLE = 3600.0
DUMP = 0.2
"""Seconds a task has to write its stacks before it is asked to end."""

LIMIT = 1 << 20
"""Bytes of what an import printed that are kept when secrets must be taken out of it."""

TICK = 1.0
"""Seconds between two looks at the logs of running tasks."""


def become(spec: Spec, channel: frames.Channel, parent: int) -> NoReturn:
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
    def __init__(self, spec: Spec, channel: frames.Channel) -> None:
        self._spec = spec
        self._channel = channel
        self._running: dict[int, Running] = {}
        self._desks = Desks()
        self._pid = 0
        self._resident = 0
        self._foreseen = {""}
        self._masked: tuple[str, ...] = spec.masked
        self._woken, wakeup = kernel.wakeup_pipe()
        self._wakeup = wakeup
        self._poll = select.poll()
        self._leash = kernel.leash() if spec.fresh else None
        self._workers = Workers(spec, self._send, self._leash)

    # ---------------------------------------------------------------- start

    def prepare(self) -> bool:
        """Environment, folder and import; False when no task can be run, which the launcher is told."""
        spec = self._spec
        try:
            _output_to(kernel.memory_file("import") if self._hides else open_log(spec.log))
            secrets = environment.secrets(spec.secrets, os.environ)
            self._masked = (*spec.masked, *secrets.values())
            os.environ.update({**environment.threads(spec.cpu, spec.env), **spec.env, **secrets})
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

    @property
    def _hides(self) -> bool:
        return bool(self._spec.secrets or self._spec.masked)

    def _publish_output(self) -> None:
        """What importing printed is in the log already, unless there were secrets to take out of it."""
        task.flush()
        if self._hides:
            os.lseek(1, 0, os.SEEK_SET)
            said = masking.cleaned(os.read(1, LIMIT), self._masked)
            log = open_log(self._spec.log)
            os.write(log, said)
            os.close(log)

    def _say_unusable(self, error: BaseException) -> None:
        self._publish_output()
        known = isinstance(error, (importing.CallableNotFoundError, environment.SecretMissingError))
        failure = Failure("error", str(error), exception=type(error).__name__) if known else failure_of(error)
        outcome = task.without_secrets(Outcome("failed", failure=failure), self._masked)
        self._send({"op": "unusable", "outcome": outcome_to_json(outcome)})

    def _settle(self) -> None:
        """The state that tasks are forked from: everything imported, nothing buffered, no garbage to collect."""
        _output_to(os.open(os.devnull, os.O_WRONLY))
        seeding.watch_imports()
        # 3.12 counts native threads; those that make forking unsafe have been looked for
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        sys.argv = [self._spec.target or "command"]
        self._pid = os.getpid()
        if self._spec.target:
            rehearsal.rehearse()
        gc.collect()
        rehearsal.fill_holes()
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
                    self._reap()
                elif descriptor == self._channel.fileno():
                    if not self._receive():
                        self._end_all()
                        return
                else:
                    self._relay(descriptor)
            self._keep_time()
            self._workers.keep_time()

    def _patience(self) -> float:
        """Milliseconds until something is due."""
        if not self._running:
            return min(IDLE, self._workers.patience()) * 1000
        patience = min(TICK, self._workers.patience())
        now = time.monotonic()
        for running in self._running.values():
            if running.due - now < patience:
                patience = max(0.0, running.due - now)
        return patience * 1000

    def _drain_wakeups(self) -> None:
        try:
            while len(os.read(self._woken, 512)) == 512:
                pass
        except BlockingIOError:
            return

    def _receive(self) -> bool:
        """Frames that are there; False at the launcher's end of file."""
        frame, descriptors = self._channel.receive_with(2)
        if frame is None:
            return False
        if frame["op"] == "run":
            self._start(deque(job_from_json({**frame["common"], **own}) for own in frame["each"]))
        elif frame["op"] == "worker":
            self._workers.hire(frame, *descriptors)
        elif frame["op"] == "end":
            self._workers.end(frame["id"], frame["number"], frame["cause"], force=frame["force"])
        elif not self._release(frame["id"]) and frame["op"] == "kill":
            self._stop(frame["id"], frame["cause"], force=frame["force"])
        return True

    def _send(self, frame: frames.Frame) -> None:
        try:
            self._channel.send(frames.to_bytes(frame))
        except OSError:  # the launcher is gone; end of file follows
            return

    # ---------------------------------------------------------------- tasks

    def _start(self, jobs: deque[Job]) -> None:
        """Fork the first; the others wait behind it. What can be done before the fork is: there it costs each task."""
        job = jobs.popleft()
        if job.target.get("callable", "") not in self._foreseen:
            self._foresee(job)
        try:
            masker = Masker.of(self._masked, job.log) if self._masked else None
            output = masker.write_end if masker else self._desks.log(job.log)
            self._desks.scratch(job.scratch)
        except OSError as error:
            task.fail(job, self._channel, f"cannot prepare the task: {error}")
            self._report(Running(job, 0.0, NEVER, jobs), 0, 0.0)
            return
        environment.enter(environment.task_variables(job))
        desk = task.Desk(job, output, self._channel, self._pid)
        now = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self._become(desk)
        os.close(output)
        self._running[pid] = Running(job, now, now + job.timeout if job.timeout else NEVER, jobs, masker)
        if masker:
            self._poll.register(masker.read_end, select.POLLIN)

    def _become(self, desk: task.Desk) -> NoReturn:
        if self._spec.fresh:
            fresh.become(self._spec, desk, self._leash)
        task.become(desk, self._masked)

    def _foresee(self, job: Job) -> None:
        target = job.target["callable"]
        self._foreseen.add(target)
        if not self._spec.fresh:
            invocation.foresee(target, job.code_roots)

    def _release(self, attempt_id: str) -> bool:
        """A job that has not begun is not to begin; whether it was one."""
        released = any(running.release(attempt_id) for running in self._running.values())
        if released:
            self._send({"op": "back", "back": [attempt_id]})
        return released

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
            kernel.signal_group(pid, signal.SIGKILL)
        elif running.kill_at == NEVER:
            running.kill_at = now + self._spec.grace
            running.terminate_at = now
            if cause == "timeout" and running.job.target["kind"] == "python":
                kernel.signal_process(pid, task.DUMP_STACKS)
                running.terminate_at = now + DUMP

    def _keep_time(self) -> None:
        now = time.monotonic()
        for pid, running in self._running.items():
            if running.deadline <= now:
                self._end(pid, running, "timeout", force=False)
            if running.terminate_at <= now:
                running.terminate_at = NEVER
                kernel.signal_group(pid, signal.SIGTERM)
            if running.kill_at <= now:
                self._end(pid, running, running.cause, force=True)
            if running.behind and now - running.started >= LONG:
                self._send({"op": "back", "back": running.give_back()})
            if now - running.started > TICK:
                logs.trim(running.job.log)

    def _relay(self, descriptor: int) -> None:
        for running in self._running.values():
            if running.masker and running.masker.read_end == descriptor and not running.masker.pump():
                self._poll.unregister(descriptor)

    # ---------------------------------------------------------------- ends

    def _reap(self) -> None:
        while self._running or self._workers:
            dead = kernel.next_dead({*self._running, *self._workers})
            if dead is None:
                return
            if dead.pid in self._workers:
                self._workers.bury(dead)
                self._sweep()
            elif dead.pid in self._running:  # else it is an adopted orphan
                self._bury(dead)

    def _bury(self, dead: kernel.Dead) -> None:
        """A task has ended: tidy up after it, report."""
        pid, status, usage = dead
        running = self._running[pid]
        del self._running[pid]
        code = os.waitstatus_to_exitcode(status)
        if code not in task.CLEAN:
            self._sweep()
        if running.masker:
            self._poll_unregister(running.masker.read_end)
            running.masker.finish()
        seconds = time.monotonic() - running.started
        written = logs.finish(running.job.log)
        if code in task.CLEAN:
            self._desks.take_scratch(running.job.scratch)
            if written == 0 and not running.masker:
                self._desks.take_log(running.job.log)
        self._report(running, code, seconds, usage)
        if running.behind:
            self._start(running.behind)

    def _report(
        self, running: Running, status: int, seconds: float, usage: resource.struct_rusage | None = None
    ) -> None:
        """How a task has ended; behind one that did not end well nothing begins."""
        self._send(
            {
                "op": "exit",
                "id": running.job.attempt_id,
                "status": status,
                "cause": running.cause,
                "seconds": seconds,
                "cpu": usage.ru_utime + usage.ru_stime if usage else 0.0,
                "memory": max(0, kernel.peak(usage) - self._resident) if usage else 0,
                "back": [] if status in task.GOOD and not running.cause else running.give_back(),
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
            strangers = [pid for pid in kernel.children() if pid not in self._running and pid not in self._workers]
            if not strangers:
                return
            for pid in strangers:
                kernel.signal_process(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _end_all(self) -> None:
        """The launcher is gone: so is every task."""
        for pid in list(self._running):
            kernel.signal_group(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._running.clear()
        self._workers.end_all()
        self._sweep()
        self._desks.clear()


def _output_to(target: int) -> None:
    """Standard output and error of this process, for what is said while importing."""
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
