"""How an attempt ended that told no outcome: exit status and cause as a Failure, in the same words everywhere.

A process that ends without a word has failed, whatever its exit status: success
is an outcome, never a zero.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace

from yamlflow.core.jobs import Failure, Job, Outcome
from yamlflow.worker.processes.frames import Frame
from yamlflow.worker.processes.logs import said

CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP}


def outcome_of(job: Job, told: Outcome | None, end: Frame, oom_happened: Callable[[], bool]) -> Outcome:
    """What the task told; but a task that failed because it was stopped was stopped.

    `end` is how the template says that its process ended. A command that the kernel
    killed for memory has told that it was killed.
    """
    if end["cause"] and (told is None or told.state == "failed"):
        failure = stopped(end["cause"], job.timeout)
        trace = told.failure.traceback if told is not None and told.failure is not None else ""
        return Outcome("failed", failure=replace(failure, traceback=trace))
    if told is not None and not (_was_killed(told) and oom_happened()):
        return told
    status: int = -signal.SIGKILL if told is not None else end["status"]
    oom = told is not None or (status == -signal.SIGKILL and oom_happened())
    return Outcome("failed", failure=ended(status, oom=oom, memory=end["memory"], limit=job.grant.memory))


def _was_killed(told: Outcome) -> bool:
    """Whether a command says that it, or a program in its script, got SIGKILL."""
    return told.failure is not None and told.failure.exit_code == 128 + signal.SIGKILL


def stopped(cause: str, timeout: float | None) -> Failure:
    """An attempt that was ended from outside: by its timeout, or because somebody cancelled it."""
    if cause == "timeout":
        return Failure("timeout", f"ran longer than its timeout of {timeout or 0:g} s and was stopped")
    return Failure("cancelled", "was cancelled")


def ended(status: int, *, oom: bool, memory: int, limit: int) -> Failure:
    """An attempt that ended by itself; `status` is the exit code, or minus the signal's number."""
    if status == -signal.SIGKILL:
        return _killed(oom=oom, memory=memory, limit=limit)
    if status < 0:
        return _signalled(-status)
    if status:
        return Failure(
            "error", f"the process ended with exit code {status} without reporting a result", exit_code=status
        )
    return Failure("error", "the process ended without reporting a result (os._exit?)", exit_code=0)


def _killed(*, oom: bool, memory: int, limit: int) -> Failure:
    used = f"; its peak memory was {said(memory)}" if memory else ""
    asked = f", it asked for {said(limit)}" if limit else ""
    if oom:
        return Failure("oom", f"the system was out of memory and killed the process (SIGKILL){used}{asked}")
    return Failure("lost", f"the process was killed by SIGKILL from outside{used}{asked}")


def _signalled(number: int) -> Failure:
    name = signal_name(number)
    crashed = number in CRASHES
    words = f"the process crashed ({name}); its log may show where" if crashed else f"the process was ended by {name}"
    return Failure("error", words, exit_code=128 + number)


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
