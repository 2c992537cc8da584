"""The task's own process: a fork of the template that does one job and ends.

Its own session, log, scratch folder and random sequence. It writes its outcome
to the socket it inherited, then ends; CLEAN as exit status says that it had no
children left, so that nobody has to look for them. Must never return into the
template's loop.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the enums of `signal` cost a fork a dozen copied pages
import atexit
import faulthandler
import io
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

from yamlflow.core.jobs import Failure, Job, Outcome, outcome_to_json
from yamlflow.worker import invocation
from yamlflow.worker.processes import environment, frames, kernel, masking, seeding
from yamlflow.worker.processes.scratches import Scratches
from yamlflow.worker.storage import remove_tree

CLEAN = 93
_SIGCHLD, _DEFAULT = int(signal.SIGCHLD), int(signal.SIG_DFL)
DUMP_STACKS = signal.SIGUSR2
WIND_DOWN = 5
"""Seconds that threads and exit handlers have after the outcome is told."""

_OUR_EXIT_HANDLERS = atexit._ncallbacks()  # noqa: SLF001 - there is no public way to ask


@dataclass(frozen=True, slots=True)
class Desk:
    """A task's place, prepared before the fork: where it writes to, and what differs in its environment."""

    job: Job
    output: int
    variables: Mapping[str, str]


def prepare_desk(job: Job, output: int | None, scratches: Scratches) -> Desk:
    """Log and scratch folder; `output` is where the task writes to instead of its log."""
    target = open_log(job.log) if output is None else output
    scratches.make(job.scratch)
    return Desk(job, target, environment.task_variables(job))


def become(desk: Desk, channel: socket.socket, parent: int, secrets: Mapping[str, str]) -> NoReturn:
    """Turn a fresh fork into the task."""
    status = 1
    try:
        enter(desk, parent)
        status = work(desk.job, channel, secrets)
    finally:
        os._exit(status)


def enter(desk: Desk, parent: int) -> None:
    """Cut loose from the template: session, signals, output."""
    os.setsid()
    kernel.die_with_parent(parent)
    kernel.adopt_orphans()
    signal.set_wakeup_fd(-1)
    _signal.signal(_SIGCHLD, _DEFAULT)
    os.dup2(desk.output, 1)
    os.dup2(desk.output, 2)
    os.close(desk.output)


def open_log(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def prepare_streams() -> None:
    """What a task prints is UTF-8, line by line, in the order in which it happens; SIGUSR2 shows its stacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.register(DUMP_STACKS, all_threads=True, chain=False)


def fail(job: Job, channel: socket.socket, message: str) -> None:
    """A task that ends before it began."""
    failure = Failure("start_failed", message, final=True)
    frame = {"op": "outcome", "id": job.attempt_id, "outcome": outcome_to_json(Outcome("failed", failure=failure))}
    tell(channel, frame, job)


def work(job: Job, channel: socket.socket, secrets: Mapping[str, str]) -> int:
    """Do the job and tell the outcome; gives the exit status."""
    seeding.seed(job.seed)

    def say(message: str, fraction: float | None) -> None:
        tell(channel, {"op": "progress", "id": job.attempt_id, "message": message, "fraction": fraction}, job)

    outcome = without_secrets(invocation.Invocation(job, say).perform(_target(job)), secrets)
    write_down(job, outcome)
    flush()
    tell(channel, {"op": "outcome", "id": job.attempt_id, "outcome": outcome_to_json(outcome)}, job)
    wind_down()
    leave(job, outcome)
    return 1 if has_children() else CLEAN


def without_secrets(outcome: Outcome, secrets: Mapping[str, str]) -> Outcome:
    """The words of a failure are shown and kept: no secret may be in them."""
    if outcome.failure is None or not secrets:
        return outcome
    values = list(secrets.values())
    failure = outcome.failure
    message, trace = masking.masked(failure.message, values), masking.masked(failure.traceback, values)
    return replace(outcome, failure=replace(failure, message=message, traceback=trace))


def write_down(job: Job, outcome: Outcome) -> None:
    """Why a call failed, at the end of its log; a command has said so itself."""
    if outcome.state != "failed" or outcome.failure is None or job.target["kind"] == "command":
        return
    failure = outcome.failure
    with suppress(OSError, ValueError, AttributeError):  # the task closed or replaced it
        sys.stderr.write(f"{(failure.traceback or f'{failure.exception}: {failure.message}').rstrip()}\n")


def _target(job: Job) -> invocation.Work:
    if job.target["kind"] == "command":
        from yamlflow.worker.commands import execute

        os.chdir(job.scratch)
        return execute
    if job.cwd == "scratch":
        os.chdir(job.scratch)
    return invocation.call


def tell(channel: socket.socket, frame: frames.Frame, job: Job) -> None:
    """One frame to the launcher. A task that closed the socket leaves its word in a file."""
    try:
        channel.send(frames.pack(frame, f"{job.scratch}.{frame['op']}.json"))
    except OSError:
        if frame["op"] == "outcome":
            with open(outcome_file(job.scratch), "wb") as file:
                file.write(frames.to_bytes(frame))


def outcome_file(scratch: str) -> str:
    """Where an outcome lies that could not be sent."""
    return f"{scratch}.unsent.json"


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # the task closed or replaced it
            continue


def wind_down() -> None:
    """Let threads and exit handlers finish, for a while: the outcome is told already."""
    if threading.active_count() > 1 or atexit._ncallbacks() > _OUR_EXIT_HANDLERS:  # noqa: SLF001
        faulthandler.dump_traceback_later(WIND_DOWN, exit=True)
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing ends its children
        atexit._run_exitfuncs()  # noqa: SLF001
        faulthandler.cancel_dump_traceback_later()
        flush()


def leave(job: Job, outcome: Outcome) -> None:
    """Remove what is in the scratch folder; after a failure it may explain it, and stays."""
    if outcome.state != "failed" and os.listdir(job.scratch):
        os.chdir("/")
        remove_tree(job.scratch)


def has_children() -> bool:
    """Whether this process, its own subreaper, still has descendants, alive or not reaped."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
