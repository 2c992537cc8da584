"""What only Linux offers and Python has no name for: a few system calls through ctypes.

Elsewhere each function does nothing and says so by returning False; the tree
then relies on process groups alone. Must be imported before a fork, never after.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PUNCH_HOLE = 0x02 | 0x01  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None


def die_with_parent(parent: int) -> bool:
    """SIGKILL for this process when the thread that forked it ends; `parent` is the pid it had before the fork."""
    if _libc is None:
        return False
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal.SIGKILL)
    return True


def adopt_orphans() -> bool:
    """Descendants whose parent ends become children of this process instead of init's."""
    if _libc is None:
        return False
    return bool(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


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


def children() -> list[int]:
    """Pids of the living children of this process, also of adopted ones."""
    me = str(os.getpid())
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _parent(pid) == me] if _LINUX else []


def _parent(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[1]
    except OSError:
        return ""
