"""Kernel locks: one launcher per run, one run per pipeline where that is wanted.

`flock` on a file that is never deleted; a crash frees it. The file's content
says who holds it and is for messages only. Descriptors are close-on-exec, so
no child keeps a lock alive. Must never judge a lock by its content.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from dataclasses import replace
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import AccessError, SetupError, StateError, TemporaryError
from yamlflow.worker.disk import make_folder

_UNSUPPORTED = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as far as its file says."""

    pid: int = 0
    host: str = ""
    since: str = ""
    run: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return "another process"
        host = f" on host {self.host}" if self.host else ""
        return f"pid {self.pid}{host} since {self.since}" + (f" (run {self.run})" if self.run else "")


class Lock:
    """A lock that is held until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def take(path: Path, what: str, *, since: str, run: str = "") -> Lock:
    """Takes the lock at `path` at once, or raises TemporaryError that names the holder of `what`."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise _refused(error, path, what) from error
    if not _is_enforced(path):
        os.close(descriptor)
        raise _without_locks(path, "grants a lock twice")
    _sign(descriptor, Holder(os.getpid(), os.uname().nodename, since, run))
    return Lock(descriptor)


def _is_enforced(path: Path) -> bool:
    """Whether a lock that is held is refused to another descriptor: some mounts say yes to everybody."""
    second = _open(path)
    try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(second)


def is_held(path: Path) -> bool:
    """Does a living process hold the lock at `path`?"""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EAGAIN)
    else:
        return False
    finally:
        os.close(descriptor)


def holder(path: Path) -> Holder:
    """What the file says about its holder; may be out of date."""
    try:
        body = json.loads(path.read_text())
        return Holder(int(body["pid"]), str(body["host"]), str(body["since"]), str(body.get("run", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


def _open(path: Path) -> int:
    try:
        make_folder(str(path.parent))
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        wrong = AccessError if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else StateError
        raise wrong(f"the lock {path} cannot be opened: {error.strerror}", hint="use another --state-dir") from error


def _sign(descriptor: int, who: Holder) -> None:
    text = json.dumps({"pid": who.pid, "host": who.host, "since": who.since, "run": who.run})
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
    except OSError:
        pass  # only messages suffer


def _refused(error: OSError, path: Path, what: str) -> SetupError | TemporaryError:
    if error.errno in _UNSUPPORTED:
        return _without_locks(path, "knows no locks")
    who = holder(path)
    said = replace(who, run="") if what == f"run {who.run}" else who
    return TemporaryError(f"{what} is held by {said}", hint="wait for it, or: yamlflow cancel")


def _without_locks(path: Path, why: str) -> SetupError:
    return SetupError(
        f"the file system of {path.parent} {why}: two launchers could work on one run",
        hint="put the state on a local disk (--state-dir DIR), or mount this one with locks (NFS: without `nolock`; "
        "Lustre: with `flock`)",
    )
