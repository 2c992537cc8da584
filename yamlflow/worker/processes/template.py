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
import operator
import os
import select
import signal
import sys
import time
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

from yamlflow.core.jobs import job_from_json, outcome_to_json
from yamlflow.worker.processes import (
    environment,
    frames,
    fresh,
    hazards,
    kernel,
    logs,
    rehearsal,
    seeding,
    task,
)
from yamlflow.worker.processes.desks import Desks
from yamlflow.worker.processes.masking import Masker
from yamlflow.worker.processes.premises import Premises, output_to
from yamlflow.worker.processes.running import LONG, NEVER, TICK, Running
from yamlflow.worker.processes.spec import Spec
from yamlflow.worker.processes.workers import Workers

IDLE = 3600.0
DUMP = 0.2
"""Seconds a task has to write its stacks before it is asked to end."""

HOLD = 0.02
"""Seconds after which the end of a task is told, also when the next one of its line has begun."""


def become(spec: Spec, channel: frames.Channel, bell: int, parent: int) -> NoReturn:
    """Turn a fresh fork of the nursery into a template; it rings the bell when it has said something itself."""
    status = 1
    try:
        kernel.die_with_parent(parent)
        kernel.adopt_orphans()
        template = Template(spec, channel, bell)
        if template.prepare():
            template.serve()
        status = 0
    except BaseException:  # noqa: BLE001 - it must not fall back into the nursery's loop
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


class Template:
    def __init__(self, spec: Spec, channel: frames.Channel, bell: int) -> None:
        self._spec = spec
        self._channel = channel
        self._bell = bell
        self._running: dict[int, Running] = {}
        self._desks = Desks()
        self._pid = 0
        self._resident = 0
        self._ended: list[Running] = []
        self._due = self._alarm = NEVER
        self._entered: Mapping[str, str] = {}
        self._premises = Premises(spec)
        self._woken, wakeup = kernel.wakeup_pipe()
        self._wakeup = wakeup
        self._poll = select.poll()
        self._leash = kernel.leash() if spec.fresh else None
        self._workers = Workers(spec, self._send, self._leash)

    # ---------------------------------------------------------------- start

    def prepare(self) -> bool:
        """Whether tasks can be run here, which the launcher is told."""
        unusable = self._premises.prepare()
        if unusable is not None:
            self._send({"op": "unusable", "outcome": outcome_to_json(unusable)})
            return False
        if not self._spec.fresh and self._spec.target and hazards.found():
            fresh.restart_template(self._spec, self._channel, self._bell)
        self._settle()
        self._send({"op": "ready"})
        return True

    def _settle(self) -> None:
        """The state that tasks are forked from: everything imported, nothing buffered, no garbage to collect."""
        output_to(os.open(os.devnull, os.O_WRONLY))
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
        signal.signal(signal.SIGCHLD, operator.is_)  # does nothing, and not in Python: that costs each fork pages
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
            now = time.monotonic()
            if self._alarm <= now:
                self._keep_time(now)
            if self._workers.living:
                self._workers.keep_time()
            if self._due <= now:
                self._report()

    def _patience(self) -> float:
        """Milliseconds until something is due."""
        patience = min(IDLE, min(self._alarm, self._due) - time.monotonic())
        if self._workers.living:
            patience = min(patience, self._workers.patience())
        return max(0.0, patience * 1000)

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
            self._start(self._line(frame["common"], frame["each"]))
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
            os.write(self._bell, b"!")
        except OSError:  # the launcher is gone: end of file follows; or it has not yet heard the last hundreds
            return

    # ---------------------------------------------------------------- tasks

    def _line(self, common: Mapping[str, Any], each: Sequence[Mapping[str, Any]]) -> deque[Running]:
        """Tasks to be done one after another, each with what can be ready before any of them is forked."""
        line: deque[Running] = deque()
        variables = self._entered
        for own in each:
            job = job_from_json({**common, **own})
            desk = task.desk_of(job, self._channel, self._pid, self._premises.masked)
            if job.target["kind"] == "python" and not self._spec.fresh and not desk.invocation.foresee():
                self._widen()
            found = environment.step_variables(job)
            variables = variables if found == variables else found
            line.append(Running(desk, variables, line))
        return line

    def _start(self, line: deque[Running]) -> None:
        """Fork the first of a line; the others wait behind it."""
        running = line.popleft()
        job = running.job
        try:
            if self._premises.masked:
                running.masker = Masker.of(self._premises.masked, job.log)
            else:
                self._desks.log(job.log)
            self._desks.scratch(job.scratch)
        except OSError as error:
            task.fail(job, self._channel, f"cannot prepare the task: {error}")
            self._tell_ended([running])
            return
        if running.variables is not self._entered:
            environment.enter(running.variables)
            self._entered = running.variables
        running.started = now = time.monotonic()
        running.deadline = now + job.timeout if job.timeout else NEVER
        pid = os.fork()
        if pid == 0:
            self._become(running)
        self._running[pid] = running
        self._alarm = min(self._alarm, running.due)
        if running.masker:
            os.close(running.masker.write_end)
            self._poll.register(running.masker.read_end, select.POLLIN)

    def _become(self, running: Running) -> NoReturn:
        output = running.masker.write_end if running.masker else None
        if self._spec.fresh:
            fresh.become(self._spec, running.desk, output, self._leash)
        task.become(running.desk, output)

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
        self._alarm = 0.0
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

    def _keep_time(self, now: float) -> None:
        """Do what is due about running tasks; sets when to look again."""
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
            if now - running.started >= TICK:
                logs.trim(running.job.log)
        due = [running.due if running.due > now else now + TICK for running in self._running.values()]
        self._alarm = min(due, default=NEVER)

    def _relay(self, descriptor: int) -> None:
        for running in self._running.values():
            if running.masker and running.masker.read_end == descriptor and not running.masker.pump():
                self._poll.unregister(descriptor)

    # ---------------------------------------------------------------- ends

    def _reap(self) -> None:
        workers = self._workers.living
        while self._running or workers:
            dead = kernel.next_dead({**self._running, **workers} if workers else self._running)
            if dead is None:
                return
            if dead[0] in workers:
                self._workers.bury(dead)
                self._sweep()
            elif dead[0] in self._running:  # else it is an adopted orphan
                self._bury(dead)

    def _bury(self, dead: kernel.Dead) -> None:
        """A task has ended: the next of its line begins at once, and what else is to be done for it waits for a while.

        After a fork every page that is written to is copied first, so what is put off is done once for many.
        """
        running = self._running.pop(dead[0])
        now = time.monotonic()
        running.dead, running.code = dead, os.waitstatus_to_exitcode(dead[1])
        running.seconds = now - running.started
        self._ended.append(running)
        if running.behind and running.code in task.GOOD and not running.cause:
            self._due = min(self._due, now + HOLD)
            self._start(running.behind)
        else:
            self._due = 0.0

    def _report(self) -> None:
        """Tidy up after the tasks that have ended, and tell of them."""
        ended, self._ended, self._due = self._ended, [], NEVER
        self._sweep()
        for running in ended:
            if running.masker:
                self._poll_unregister(running.masker.read_end)
                running.masker.finish()
            written = logs.finish(running.job.log)
            if running.code in task.CLEAN:
                self._desks.take_scratch(running.job.scratch)
                if written == 0 and not running.masker:
                    self._desks.take_log(running.job.log)
            if running.code in task.HEAVY:
                self._widen()
        self._tell_ended(ended)

    def _widen(self) -> None:
        """Import what tasks turned out to need, once for all of them; a template that need not have it stays light."""
        if task.CALLING in sys.modules or self._spec.fresh:
            return
        import_module(task.CALLING)
        gc.collect()
        rehearsal.fill_holes()
        gc.freeze()
        self._resident = kernel.resident() if self._spec.target else 0

    def _tell_ended(self, ended: Sequence[Running]) -> None:
        """How tasks have ended; behind one that did not end well nothing begins."""
        self._send({"op": "exit", "each": [running.end(self._resident) for running in ended]})

    def _poll_unregister(self, descriptor: int) -> None:
        try:
            self._poll.unregister(descriptor)
        except KeyError:  # at its end of file already
            return

    def _sweep(self) -> None:
        """Kill what a task left behind: children of ours that are no tasks. Their children come to us in turn."""
        for _ in range(1000):
            known = {**self._running, **self._workers.living}
            strangers = [pid for pid in kernel.children() if pid not in known]
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
