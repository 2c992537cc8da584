"""What differs between systems: calls that only Linux has, and what stands in for them elsewhere.

Elsewhere a function that has no substitute does nothing and says so by returning
False: what escaped from its session is not found there, and a child ends with
its parent because it holds the end of a leash. Must be imported before a fork, never after.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Collection
from contextlib import suppress
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PUNCH_HOLE = 0x02 | 0x01  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE

START_METHOD = "YAMLFLOW_START_METHOD"
"""`fork` or `spawn`: how tasks start, when the platform's own way is not wanted."""

Dead = tuple[int, int, resource.struct_rusage]
"""A child that was reaped, as wait4 tells it: pid, status, usage."""

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None) if _LINUX else None
_SIGKILL = int(signal.SIGKILL)
_prctl: Any = _libc.prctl if _libc else None


Leash = tuple[int, int] | None


def spawns() -> bool:
    """Whether tasks start as new interpreters: forking one that has imported anything is unsafe on macOS.

    Asked by the launcher alone; everybody below is told.
    """
    return (chosen_method() or ("spawn" if sys.platform == "darwin" else "fork")) == "spawn"


def chosen_method() -> str:
    """How somebody wants tasks to start; empty: as the platform does best."""
    return os.environ.get(START_METHOD, "")


def has_packets() -> bool:
    """Whether sockets that keep packets whole are to be had, and wanted."""
    return _libc is not None and not spawns()


def leash() -> Leash:
    """A pipe whose first end tells whoever holds it when the last holder of the second has ended.

    None where the system itself ends children with their parent.
    """
    return None if _libc is not None else os.pipe()


def hold(end: int) -> None:
    """End this process and its group when the other end of the leash is let go."""

    def wait() -> None:
        os.read(end, 1)
        os.killpg(0, signal.SIGKILL)

    _thread.start_new_thread(wait, ())  # one that no user's code sees or waits for


def next_dead(children: Collection[int]) -> Dead | None:
    """Reap one of these children that has ended, or an adopted one, with all of the group it led; None: none has.

    On Linux the group is ended while the zombie keeps the number from being used again.
    """
    if not hasattr(os, "waitid"):
        return next(filter(None, map(_reaped, children)), None)
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    pid = ended.si_pid
    if pid in children:
        signal_group(pid, _SIGKILL)
    return os.wait4(pid, 0)


def _reaped(pid: int) -> Dead | None:
    found, status, usage = os.wait4(pid, os.WNOHANG)
    if not found:
        return None
    with suppress(ProcessLookupError, PermissionError):  # the group is gone
        os.killpg(pid, signal.SIGKILL)
    return pid, status, usage


def memory_file(name: str) -> int:
    """A descriptor of a file that lies in memory, or that nobody else can find on disk."""
    if _libc is not None:
        return os.memfd_create(name)
    import tempfile  # late: it maps five libraries into every fork

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def wakeup_pipe() -> tuple[int, int]:
    """A pipe that never blocks and that no other program inherits: what it is read from, what it is written to."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def die_with_parent(parent: int) -> bool:
    """SIGKILL for this process when the thread that forked it ends; `parent` is the pid it had before the fork."""
    if _libc is None:
        return False
    _prctl(PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal.SIGKILL)
    return True


def adopt_orphans() -> bool:
    """Descendants whose parent ends become children of this process instead of init's."""
    if _libc is None:
        return False
    return bool(_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def head_family(parent: int) -> None:
    """End with the parent, and adopt descendants whose own parents end: both at once, for each task does it."""
    if _libc is None:
        return
    _prctl(PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal.SIGKILL)


def punch(descriptor: int, start: int, length: int) -> bool:
    """Give the disk blocks of a range back; the file keeps its size and reads as zeros there."""
    if _libc is None:
        return False
    offset = ctypes.c_longlong
    return bool(_libc.fallocate(descriptor, PUNCH_HOLE, offset(start), offset(length)) == 0)


def resident() -> int:
    """Bytes of memory this process holds right now; 0 where nobody knows."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def peak(usage: resource.struct_rusage) -> int:
    """The peak memory in bytes: Linux counts in KiB, macOS in bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def signal_process(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def signal_group(pid: int, number: int) -> None:
    """To everybody in the session that a child of ours leads."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # it has not made its session yet
        signal_process(pid, number)


def children() -> list[int]:
    """Pids of the children of this process that were not reaped, also of adopted ones."""
    me = str(os.getpid())
    try:
        with open(f"/proc/self/task/{me}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:  # no Linux, or one without this file
        return _children_by_parent(me)


def _children_by_parent(me: str) -> list[int]:
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _parent(pid) == me] if _LINUX else []


def _parent(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[1]
    except OSError:
        return ""
