"""The task's own process: a fork of the template that does one job and ends.

Its own session, log, scratch folder and random sequence. It writes its outcome
to the socket it inherited, then ends; its exit status says how, and whether it left
something that somebody has to look for. Must never return into the template's loop.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the enums of `signal` cost a fork a dozen copied pages
import atexit
import faulthandler
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Failure, Job, Outcome, outcome_to_json
from yamlflow.worker.disk import remove_tree
from yamlflow.worker.invocation import Invocation, Work, call
from yamlflow.worker.processes import environment, frames, hazards, kernel, logs, masking, seeding
from yamlflow.worker.processes.desks import open_log

FAILED, DONE = 208, 212
"""Exit statuses of a task that told an outcome; what it was like is added to them."""

_CLEAN, _HEAVY = 1, 2
GOOD = frozenset(range(DONE, DONE + 4))
"""Exit statuses of a task that did its work: what waits behind it can begin."""

CLEAN = frozenset({FAILED + _CLEAN, FAILED + _CLEAN + _HEAVY, DONE + _CLEAN, DONE + _CLEAN + _HEAVY})
"""Exit statuses of a task that leaves its scratch folder as it was: empty."""

HEAVY = frozenset({FAILED + _HEAVY, FAILED + _HEAVY + _CLEAN, DONE + _HEAVY, DONE + _HEAVY + _CLEAN})
"""Exit statuses of a task that had to import what its template could have imported for all."""

CALLING = "yamlflow.worker.calls.calling"

_SIGCHLD, _DEFAULT = int(signal.SIGCHLD), int(signal.SIG_DFL)
DUMP_STACKS = signal.SIGUSR2
WIND_DOWN = 5
"""Seconds that threads and exit handlers have after the outcome is told."""

_OUR_EXIT_HANDLERS = atexit._ncallbacks()  # noqa: SLF001 - there is no public way to ask


@dataclass(frozen=True, slots=True)
class Desk:
    """A task's place, laid before the fork: the job, its call, its own environment, whom it tells and who forks it.

    `masked` are texts that its words must not hold.
    """

    job: Job
    invocation: Invocation
    variables: Mapping[str, str]
    channel: frames.Channel
    parent: int
    masked: Sequence[str]


def desk_of(job: Job, channel: frames.Channel, parent: int, masked: Sequence[str]) -> Desk:
    """A desk with everything that can be ready before the fork."""

    def say(message: str, fraction: float | None) -> None:
        message = masking.masked(message, masked) if masked else message
        tell(channel, {"op": "progress", "id": job.attempt_id, "message": message, "fraction": fraction}, job)

    return Desk(job, Invocation(job, say), environment.own_variables(job), channel, parent, masked)


def become(desk: Desk, output: int | None) -> NoReturn:
    """Turn a fresh fork into the task; it writes to its log, or to the descriptor that is given."""
    status = 1
    try:
        os.setsid()
        if enter(desk, output):
            status = work(desk)
    finally:
        os._exit(status)


def enter(desk: Desk, output: int | None) -> bool:
    """Cut loose from the template: signals, environment, output. False, and told, when there is no log."""
    detach(desk.parent)
    environment.enter(desk.variables)
    if output is None:
        try:
            output = open_log(desk.job.log)
        except OSError as error:
            fail(desk.job, desk.channel, f"cannot prepare the task: {error}")
            return False
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    return True


def detach(parent: int) -> None:
    """End with the template, and have none of its signals."""
    kernel.head_family(parent)
    _signal.set_wakeup_fd(-1)
    _signal.signal(_SIGCHLD, _DEFAULT)


def prepare_streams() -> None:
    """What a task prints is UTF-8, line by line, in the order in which it happens; SIGUSR2 shows its stacks."""
    flush()
    sys.stdout = sys.__stdout__ = logs.open_stream(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = logs.open_stream(2)  # type: ignore[misc]
    faulthandler.register(DUMP_STACKS, all_threads=True, chain=False)


def fail(job: Job, channel: frames.Channel, message: str) -> None:
    """A task that ends before it began."""
    failure = Failure("start_failed", message, final=True)
    frame = {"op": "outcome", "id": job.attempt_id, "outcome": outcome_to_json(Outcome("failed", failure=failure))}
    tell(channel, frame, job)


def work(desk: Desk) -> int:
    """Do the job, tell the outcome, tidy up; gives the exit status."""
    light = CALLING not in sys.modules
    outcome = perform(desk)
    wind_down()
    status = FAILED if outcome.state == "failed" else DONE
    if leave(desk.job, outcome):
        status += _CLEAN
    return status + _HEAVY if light and CALLING in sys.modules else status


def perform(desk: Desk) -> Outcome:
    """Do the job and tell the outcome."""
    job = desk.job
    seeding.seed(job.seed)
    outcome = desk.invocation.perform(_target(job))
    if outcome.failure is not None:
        outcome = without_secrets(outcome, desk.masked)
        write_down(job, outcome)
    flush()
    tell(desk.channel, {"op": "outcome", "id": job.attempt_id, "outcome": outcome_to_json(outcome)}, job)
    return outcome


def without_secrets(outcome: Outcome, masked: Sequence[str]) -> Outcome:
    """The words of a failure are shown and kept: no secret may be in them."""
    if outcome.failure is None or not masked:
        return outcome
    from dataclasses import replace

    failure = outcome.failure
    message, trace = masking.masked(failure.message, masked), masking.masked(failure.traceback, masked)
    return replace(outcome, failure=replace(failure, message=message, traceback=trace))


def write_down(job: Job, outcome: Outcome) -> None:
    """Why a call failed, at the end of its log; a command has said so itself."""
    if outcome.state != "failed" or outcome.failure is None or job.target["kind"] == "command":
        return
    failure = outcome.failure
    with suppress(OSError, ValueError, AttributeError):  # the task closed or replaced it
        sys.stderr.write(f"{(failure.traceback or f'{failure.exception}: {failure.message}').rstrip()}\n")


def _target(job: Job) -> Work:
    if job.target["kind"] == "command":
        from yamlflow.worker.commands import execute

        os.chdir(job.scratch)
        return execute
    if job.cwd == "scratch":
        os.chdir(job.scratch)
    return call


def tell(channel: frames.Channel, frame: frames.Frame, job: Job) -> None:
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
    if ("threading" in sys.modules and hazards.threads() > 1) or atexit._ncallbacks() > _OUR_EXIT_HANDLERS:  # noqa: SLF001
        faulthandler.dump_traceback_later(WIND_DOWN, exit=True)
        _join_threads()
        atexit._run_exitfuncs()  # noqa: SLF001
        faulthandler.cancel_dump_traceback_later()
        flush()


def _join_threads() -> None:
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()  # noqa: SLF001 - as multiprocessing ends its children


def leave(job: Job, outcome: Outcome) -> bool:
    """Remove what is in the scratch folder; after a failure it may explain it, and stays. Whether it was empty."""
    if not os.listdir(job.scratch):
        return True
    if outcome.state != "failed":
        os.chdir("/")
        remove_tree(job.scratch)
    return False
