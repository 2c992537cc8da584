"""Tasks as processes of this machine, one for each attempt.

Judges what the process tree says: the outcome a task told, or how its process
ended without one. Must never import user code.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import AccessError, SetupError
from yamlflow.core.jobs import (
    UNSTARTED,
    Failure,
    Job,
    JobBatch,
    Outcome,
    Report,
    Usage,
    jobs_to_json,
    outcome_from_json,
)
from yamlflow.executors.base import Traits
from yamlflow.executors.processes import Attempt, Template, Tree
from yamlflow.executors.sharing import Sharing, Worker
from yamlflow.worker.disk import make_folder
from yamlflow.worker.processes import desks, endings, kernel
from yamlflow.worker.processes.frames import Frame
from yamlflow.worker.processes.oom import kills as oom_kills


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """`grace`: seconds between SIGTERM and SIGKILL when an attempt is stopped."""

    grace: float = 10.0


DEPTH = 100
"""Tasks of a shared step that a worker is given at a time."""


CHAIN = 32
"""Short tasks that are handed over at a time: what the launcher spends on a hand-over, they share."""


REST = 0.02
"""Seconds in which outcomes are collected while nobody waits for what follows from them; a template rings before."""

BREATH = 0.001
"""The same for shared workers, which have no bell."""


class LocalExecutor:
    """Runs each attempt in a process of its own on this machine."""

    traits = Traits(machine=True, max_batch=1, depth=DEPTH, chain=CHAIN)

    def __init__(self, options: LocalOptions | None = None) -> None:
        options = options or LocalOptions()
        _check_start_method()
        self._tree = Tree(options.grace)
        self._homes: dict[str, Template] = {}  # attempt id -> where it is
        self._scratches: set[str] = set()
        self._reports: list[Report] = []
        self._oom_kills = oom_kills()
        self._sharing = Sharing(self._tree, self._ended, self._unstarted, self._reports.append)
        self._tree.warm()

    # ---------------------------------------------------------------- the protocol

    def submit(self, batch: JobBatch) -> None:
        fresh = [job for job in batch.jobs() if job.attempt_id not in self._homes]
        for _, together in groupby(fresh, key=lambda job: job.shares or job.attempt_id):
            self._submit(list(together))

    def poll(self, timeout: float) -> Sequence[Report]:
        self._stop_late_imports()
        if not self._reports and (rest := self._rest()):
            self._tree.rest(min(rest, timeout))
        self._listen(0.0 if self._reports else self._sharing.patience(self._patience(timeout)))
        self._stop_late_imports()
        self._sharing.watch()
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def _rest(self) -> float:
        """Seconds in which nobody waits for our word: behind every task that runs another begins by itself."""
        attempts = [attempt for template in self._tree.templates.values() for attempt in template.attempts.values()]
        if not attempts or any(len(attempt.line) == 1 for attempt in attempts):
            return 0.0
        return BREATH if any(attempt.job.isolation == "shared" for attempt in attempts) else REST

    def wake(self) -> None:
        self._tree.wake()

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        self._listen(0.0)
        for name in names:
            template = self._homes.get(name)
            if not begun:
                self._release(template, name)
            elif template is None:
                self._reports.append(Report("gone", name))
            elif template.ready and self._sharing.cancel(name, force=force):
                continue
            elif template.ready:
                self._tree.send(template, {"op": "kill", "id": name, "cause": "cancelled", "force": force})
            else:
                self._withdraw(template, name, "cancelled")

    def _release(self, template: Template | None, name: str) -> None:
        """An attempt is not to begin if it has not: who is first in its line has, or is about to."""
        attempt = template.attempts[name] if template else None
        if template is None or attempt is None:
            return
        if attempt.job.isolation == "shared":
            self._sharing.release(attempt.job)
        elif attempt.line[0] != name:
            self._tree.send(template, {"op": "release", "id": name})

    def adopt(self, run_id: str) -> Sequence[Report]:  # noqa: ARG002 - tasks of this machine end with their launcher
        return ()

    def close(self, *, detach: bool = False) -> None:  # noqa: ARG002 - so nothing can be left running
        self._sharing.close()
        self._tree.close()
        self._sharing.clear()
        self._homes.clear()
        for folder in self._scratches:
            desks.clear_away(folder)

    # ---------------------------------------------------------------- starting

    def _submit(self, jobs: list[Job]) -> None:
        """Jobs of one grant, to be done one after another."""
        line = [job.attempt_id for job in jobs]
        try:
            _make_places(jobs[0])
            self._scratches.add(jobs[0].scratch.rpartition("/")[0])
            template = self._tree.template(jobs[0])
            for job in jobs:
                template.attempts[job.attempt_id] = Attempt(job, line)
                self._homes[job.attempt_id] = template
            if jobs[0].isolation == "shared":
                self._sharing.submit(template, jobs)
                return
            self._tree.send(template, {"op": "run", **jobs_to_json(jobs)}, spill=f"{jobs[0].scratch}.run.json")
        except OSError as error:
            for job in jobs:
                failure = Failure("start_failed", f"cannot start the task: {error}")
                self._ended(job, Outcome("failed", failure=failure))
            return
        if template.ready:
            self._reports.append(Report("started", line[0]))

    def _ended(self, job: Job, outcome: Outcome) -> None:
        """The last word about an attempt."""
        self._reports.append(Report("ended", job.attempt_id, outcome=outcome))
        self._leave(job.attempt_id)

    def _leave(self, name: str) -> None:
        """It is no longer here: whoever is first in its line now runs."""
        template = self._homes.pop(name, None)
        if template is None:
            return
        line = template.attempts.pop(name).line
        runs = line[0] == name
        line.remove(name)
        if not (runs and line):
            return
        first = template.attempts[line[0]]
        first.given = time.monotonic()
        if template.ready and first.job.isolation == "process":
            self._reports.append(Report("started", line[0]))

    def _unstarted(self, job: Job) -> None:
        """The attempt never began, and is given back."""
        self._leave(job.attempt_id)
        self._reports.append(Report("gone", job.attempt_id, message=UNSTARTED))

    # ---------------------------------------------------------------- judging

    def _listen(self, timeout: float) -> None:
        heard = self._tree.hear(timeout)
        for line, frame in heard:  # before anybody says that a worker has ended
            if isinstance(line, Worker):
                self._sharing.hear(line, frame)
        for line, frame in heard:
            if isinstance(line, Template):
                self._judge(line, frame)

    def _judge(self, template: Template, frame: Frame) -> None:
        attempt = template.attempts.get(frame.get("id", ""))
        match frame["op"]:
            case "ready":
                template.ready = True
                first = [attempt for name, attempt in template.attempts.items() if attempt.line[0] == name]
                self._reports += [Report("started", each.line[0]) for each in first if each.job.isolation == "process"]
                self._sharing.ready(template)
            case "unusable":
                template.unusable = outcome_from_json(frame["outcome"]).failure
            case "left":
                self._sharing.left(frame, self._shared_end)
            case "dead":
                self._bury(template, frame["status"])
            case "progress" if attempt:
                said = Report("progress", frame["id"], message=frame["message"], fraction=frame["fraction"])
                self._reports.append(said)
            case "outcome" if attempt:
                attempt.outcome = outcome_from_json(frame["outcome"])
            case "exit":
                for end in frame["each"]:
                    self._conclude(template.attempts.get(end["id"]), end)
            case "back":
                self._conclude(None, frame)

    def _conclude(self, attempt: Attempt | None, frame: Frame) -> None:
        """A task has ended, and what waited behind it is given back; or that alone."""
        back = [name for name in frame["back"] if name in self._homes]
        for name in back:  # first: nobody is to take one of them for the next that runs
            self._leave(name)
        if attempt:
            usage = Usage(frame["seconds"], frame["cpu"], frame["memory"])
            self._ended(attempt.job, replace(self._outcome(attempt, frame), usage=usage))
        self._reports += [Report("gone", name, message=UNSTARTED) for name in back]

    def _outcome(self, attempt: Attempt, frame: Frame) -> Outcome:
        return endings.outcome_of(attempt.job, _told(attempt), frame, self._oom_happened)

    def _oom_happened(self) -> bool:
        """Whether the kernel killed for memory since somebody last asked."""
        before, self._oom_kills = self._oom_kills, oom_kills()
        return self._oom_kills > before

    def _shared_end(self, job: Job, frame: Frame) -> Outcome:
        """Of a task whose process ended with it; `frame` is empty when the template died too."""
        if not frame:
            return Outcome("failed", failure=Failure("lost", "the process that the task ran in has died"))
        return self._outcome(Attempt(job), frame)

    def _bury(self, template: Template, status: int | None) -> None:
        undone = self._sharing.bury(template, self._shared_end)
        if template.unusable is None and template.ready:
            for job in undone:
                del self._homes[job.attempt_id], template.attempts[job.attempt_id]
            self.submit(JobBatch("undone", "", len(undone), undone.__getitem__))
        self._end_told(template)
        if template.unusable is None and template.ready:
            for attempt in [attempt for name, attempt in template.attempts.items() if attempt.line[0] != name]:
                if attempt.job.isolation == "process":
                    self._unstarted(attempt.job)
        for attempt in list(template.attempts.values()):
            outcome = _told(attempt) or Outcome("failed", failure=_orphaned(template, attempt.job, status))
            self._ended(attempt.job, outcome)

    def _end_told(self, template: Template) -> None:
        """A dead template may not have said that tasks had ended; those that told their outcome have, in order.

        Behind one that did well the next has begun: it counts as lost, lest it end one template after another.
        """
        for attempt in list(template.attempts.values()):
            told = _told(attempt) if attempt.job.isolation == "process" else None
            if told is not None:
                behind = [name for name in attempt.line if name != attempt.job.attempt_id]
                self._ended(attempt.job, told)
                for name in behind if told.state == "failed" else ():
                    self._unstarted(template.attempts[name].job)

    # ---------------------------------------------------------------- waiting for modules

    def _patience(self, timeout: float) -> float:
        """Until the next timeout of an attempt that still waits for its module."""
        due = [attempt.given + attempt.job.timeout for _, attempt in self._importing() if attempt.job.timeout]
        return max(0.0, min(timeout, min(due) - time.monotonic())) if due else timeout

    def _importing(self) -> list[tuple[Template, Attempt]]:
        waiting = [template for template in self._tree.templates.values() if not template.ready]
        return [
            (template, attempt)
            for template in waiting
            for name, attempt in template.attempts.items()
            if attempt.line[0] == name  # for the others no time runs
        ]

    def _stop_late_imports(self) -> None:
        now = time.monotonic()
        for template, attempt in self._importing():
            if attempt.job.timeout and now >= attempt.given + attempt.job.timeout:
                self._withdraw(template, attempt.job.attempt_id, "timeout")

    def _withdraw(self, template: Template, name: str, cause: str) -> None:
        """End an attempt whose module is still being imported; the last one takes the template with it."""
        attempt = template.attempts[name]
        failure = endings.stopped(cause, attempt.job.timeout)
        if cause == "timeout":
            target = attempt.job.target.get("callable", "the command")
            failure = replace(failure, message=f"{failure.message} while `{target}` was being imported")
        self._ended(attempt.job, Outcome("failed", failure=failure, usage=Usage(time.monotonic() - attempt.given)))
        if template.attempts:
            self._sharing.withdraw(name)
            self._tree.send(template, {"op": "kill", "id": name, "cause": cause, "force": True})
        else:
            self._tree.kill(template, cause)


def _make_places(job: Job) -> None:
    """The folders of a job's log and scratch folder. Where that is forbidden, trying again would not help."""
    try:
        for place in (job.log, job.scratch):
            make_folder(place.rpartition("/")[0])
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = "check its owner and mode"
            raise AccessError(f"{error.filename} cannot be made: {error.strerror}", hint=hint) from error
        raise


def _check_start_method() -> None:
    """SetupError when the environment asks for a way to start tasks that there is not."""
    chosen = kernel.chosen_method()
    if chosen not in ("", "fork", "spawn"):
        raise SetupError(f"{kernel.START_METHOD} is `{chosen}`", hint="it is `fork` or `spawn`; or leave it out")


def _told(attempt: Attempt) -> Outcome | None:
    """The outcome a task told, by socket or, when it had closed that, in a file."""
    if attempt.outcome is not None:
        return attempt.outcome
    file = Path(f"{attempt.job.scratch}.unsent.json")
    try:
        body: Mapping[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    file.unlink()
    return outcome_from_json(body["outcome"])


def _orphaned(template: Template, job: Job, status: int | None) -> Failure:
    """Why an attempt ended whose template is dead."""
    if template.unusable is not None:
        return template.unusable
    if template.ready or status is None:
        return Failure("lost", f"the process that the task was started from has died{template.nursery.last_words()}")
    target = job.target.get("callable", "the command")
    failure = endings.ended(status, oom=False, memory=0, limit=0)
    return replace(failure, message=f"importing `{target}`: {failure.message}")
