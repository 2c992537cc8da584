"""A template's shared workers: made from it, watched, ended and buried by it.

A worker does its tasks alone and tells the launcher itself; what it does right
now stands on its page. Here are its birth, the time limits of its tasks, and
its death.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.processes import frames, fresh, kernel, task

if TYPE_CHECKING:
    from yamlflow.worker.processes.page import Page
    from yamlflow.worker.processes.spec import Spec

NEVER = float("inf")
TICK = 0.2
"""Seconds between two looks at a page: a worker takes its next task without asking."""

DUMP = 0.2
"""Seconds a task has to write its stacks before it is asked to end."""


@dataclass(slots=True)
class Hired:
    """A worker that lives; `cause` says why its task is being ended, times are monotonic seconds."""

    number: int
    page: Page
    cause: str = ""
    terminate_at: float = NEVER
    kill_at: float = NEVER

    @property
    def due(self) -> float:
        """When something is to be done about it next; between two tasks no time runs out."""
        late = NEVER if self.cause or not self.page.current else self.page.due
        return min(late, self.terminate_at, self.kill_at)


class Workers:
    """Those that live, by pid."""

    def __init__(self, spec: Spec, send: Callable[[frames.Frame], None], leash: kernel.Leash) -> None:
        self._spec = spec
        self._leash = leash
        self._send = send
        self.living: dict[int, Hired] = {}

    def hire(self, frame: frames.Frame, channel: int, page: int) -> None:
        """Make a worker that serves the other end of this channel."""
        from yamlflow.worker.processes import shared  # late: what only these need is mapped into no other task
        from yamlflow.worker.processes.page import Page

        hired = Hired(frame["id"], Page(page))
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            bench = shared.bench_of(frame["bench"], frames.inherited(channel), hired.page)
            if self._spec.fresh:
                fresh.become_worker(self._spec, bench, page, me, self._leash)
            shared.become(bench, me)
        os.close(channel)
        os.close(page)
        self.living[pid] = hired

    # ---------------------------------------------------------------- time

    def patience(self) -> float:
        """Seconds until something is to be looked at."""
        if not self.living:
            return NEVER
        now = time.monotonic()
        due = min(hired.due for hired in self.living.values())
        return max(0.0, min(TICK, due - now))

    def keep_time(self) -> None:
        now = time.monotonic()
        for pid, hired in self.living.items():
            if hired.page.current and hired.page.due <= now and not hired.cause:
                self._time_is_over(pid, hired, now)
            if hired.terminate_at <= now:
                hired.terminate_at = NEVER
                kernel.signal_group(pid, signal.SIGTERM)
            if hired.kill_at <= now:
                hired.kill_at = NEVER
                kernel.signal_group(pid, signal.SIGKILL)

    def _time_is_over(self, pid: int, hired: Hired, now: float) -> None:
        late = hired.page.current
        hired.page.stop = True
        if late and hired.page.current == late and hired.page.due <= now:
            kernel.signal_process(pid, task.DUMP_STACKS)
            self._end(hired, "timeout", now + DUMP)

    def end(self, number: int, current: int, cause: str, *, force: bool) -> None:
        """End the task `current` of a worker, if that is what it does; the launcher has told it to stop."""
        for pid, hired in self.living.items():
            if hired.number == number and hired.page.current == current:
                if force:
                    hired.cause = hired.cause or cause
                    kernel.signal_group(pid, signal.SIGKILL)
                elif not hired.cause:
                    self._end(hired, cause, time.monotonic())

    def _end(self, hired: Hired, cause: str, when: float) -> None:
        hired.cause = cause
        hired.terminate_at = when
        hired.kill_at = when + self._spec.grace

    # ---------------------------------------------------------------- death

    def bury(self, dead: kernel.Dead) -> None:
        """A worker has ended: report it."""
        pid, status, usage = dead
        hired = self.living.pop(pid)
        hired.page.close()
        self._send(
            {
                "op": "left",
                "id": hired.number,
                "status": os.waitstatus_to_exitcode(status),
                "cause": hired.cause,
                "memory": kernel.peak(usage),
            }
        )

    def end_all(self) -> None:
        """The launcher is gone, and so is every worker."""
        for pid in self.living:
            kernel.signal_group(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.living.clear()
