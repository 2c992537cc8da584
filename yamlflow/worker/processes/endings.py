"""How an attempt ended that told no outcome: exit status and cause as a Failure, in the same words everywhere.

A process that ends without a word has failed, whatever its exit status: success
is an outcome, never a zero.
"""

from __future__ import annotations

import signal

from yamlflow.core.jobs import Failure

CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP}


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


def said(size: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
