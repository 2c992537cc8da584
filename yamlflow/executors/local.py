"""Tasks as processes of this machine, one for each attempt.

Judges what the process tree says: the outcome a task told, or how its process
ended without one. Must never import user code.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from yamlflow.core.jobs import (
    Failure,
    Job,
    JobBatch,
    Outcome,
    Report,
    Usage,
    job_to_json,
    outcome_from_json,
)
from yamlflow.executors.base import Traits
from yamlflow.executors.processes import Attempt, Template, Tree
from yamlflow.worker.processes import endings
from yamlflow.worker.processes.frames import Frame


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """`grace`: seconds between SIGTERM and SIGKILL when an attempt is stopped."""

    grace: float = 10.0


class LocalExecutor:
    """Runs each attempt in a process of its own on this machine."""

    traits = Traits(machine=True, max_batch=1)

    def __init__(self, options: LocalOptions | None = None) -> None:
        options = options or LocalOptions()
        self._tree = Tree(options.grace)
        self._homes: dict[str, Template] = {}  # attempt id -> where it is
        self._reports: list[Report] = []
        self._oom_kills = _oom_kills()
        self._tree.warm()

    # ---------------------------------------------------------------- the protocol

    def submit(self, batch: JobBatch) -> None:
        for job in batch.jobs():
            if job.attempt_id not in self._homes:
                self._submit(job)

    def poll(self, timeout: float) -> Sequence[Report]:
        self._stop_late_imports()
        self._listen(0.0 if self._reports else self._patience(timeout))
        self._stop_late_imports()
        reports, self._reports = self._reports, []
        return reports

    def wake(self) -> None:
        self._tree.wake()

    def cancel(self, names: Collection[str], *, force: bool = False) -> None:
        self._listen(0.0)
        for name in names:
            template = self._homes.get(name)
            if template is None:
                self._reports.append(Report("gone", name))
            elif template.ready:
                self._tree.send(template, {"op": "kill", "id": name, "cause": "cancelled", "force": force})
            else:
                self._withdraw(template, name, "cancelled")

    def adopt(self, run_id: str) -> Sequence[Report]:  # noqa: ARG002 - tasks of this machine end with their launcher
        return ()

    def close(self, *, detach: bool = False) -> None:  # noqa: ARG002 - so nothing can be left running
        self._tree.close()
        self._homes.clear()

    # ---------------------------------------------------------------- starting

    def _submit(self, job: Job) -> None:
        try:
            for place in (job.log, job.scratch):
                Path(place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            template = self._tree.template(job)
            template.attempts[job.attempt_id] = Attempt(job)
            self._homes[job.attempt_id] = template
            self._tree.send(template, {"op": "run", "job": job_to_json(job)}, spill=f"{job.scratch}.run.json")
        except OSError as error:
            self._ended(job, Outcome("failed", failure=Failure("start_failed", f"cannot start the task: {error}")))
            return
        if template.ready:
            self._reports.append(Report("started", job.attempt_id))

    def _ended(self, job: Job, outcome: Outcome) -> None:
        """The last word about an attempt."""
        template = self._homes.pop(job.attempt_id, None)
        if template is not None:
            del template.attempts[job.attempt_id]
        self._reports.append(Report("ended", job.attempt_id, outcome=outcome))

    # ---------------------------------------------------------------- judging

    def _listen(self, timeout: float) -> None:
        for template, frame in self._tree.hear(timeout):
            self._judge(template, frame)

    def _judge(self, template: Template, frame: Frame) -> None:
        attempt = template.attempts.get(frame.get("id", ""))
        match frame["op"]:
            case "ready":
                template.ready = True
                self._reports += [Report("started", name) for name in template.attempts]
            case "unusable":
                template.unusable = outcome_from_json(frame["outcome"]).failure
            case "dead":
                self._bury(template, frame["status"])
            case "progress" if attempt:
                said = Report("progress", frame["id"], message=frame["message"], fraction=frame["fraction"])
                self._reports.append(said)
            case "outcome" if attempt:
                attempt.outcome = outcome_from_json(frame["outcome"])
            case "exit" if attempt:
                usage = Usage(frame["seconds"], frame["cpu"], frame["memory"])
                self._ended(attempt.job, replace(self._outcome(attempt, frame), usage=usage))

    def _outcome(self, attempt: Attempt, frame: Frame) -> Outcome:
        """What the task told; but a task that failed because it was stopped was stopped."""
        told = _told(attempt)
        if frame["cause"] and (told is None or told.state == "failed"):
            failure = endings.stopped(frame["cause"], attempt.job.timeout)
            trace = told.failure.traceback if told is not None and told.failure is not None else ""
            return Outcome("failed", failure=replace(failure, traceback=trace))
        return told or self._without_word(attempt.job, frame)

    def _without_word(self, job: Job, frame: Frame) -> Outcome:
        status: int = frame["status"]
        oom = status == -signal.SIGKILL and self._oom_happened()
        failure = endings.ended(status, oom=oom, memory=frame["memory"], limit=job.grant.memory)
        return Outcome("failed", failure=failure)

    def _oom_happened(self) -> bool:
        """Whether the kernel killed for memory since somebody last asked."""
        before, self._oom_kills = self._oom_kills, _oom_kills()
        return self._oom_kills > before

    def _bury(self, template: Template, status: int | None) -> None:
        for attempt in list(template.attempts.values()):
            outcome = _told(attempt) or Outcome("failed", failure=_orphaned(template, attempt.job, status))
            self._ended(attempt.job, outcome)

    # ---------------------------------------------------------------- waiting for modules

    def _patience(self, timeout: float) -> float:
        """Until the next timeout of an attempt that still waits for its module."""
        due = [attempt.given + attempt.job.timeout for _, attempt in self._importing() if attempt.job.timeout]
        return max(0.0, min(timeout, min(due) - time.monotonic())) if due else timeout

    def _importing(self) -> list[tuple[Template, Attempt]]:
        waiting = [template for template in self._tree.templates.values() if not template.ready]
        return [(template, attempt) for template in waiting for attempt in template.attempts.values()]

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
            self._tree.send(template, {"op": "kill", "id": name, "cause": cause, "force": True})
        else:
            self._tree.kill(template, cause)


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


def _oom_kills() -> int:
    """How often the kernel has killed a process of our control group for memory."""
    try:
        group = Path("/proc/self/cgroup").read_text(encoding="utf-8").strip().rpartition("::")[2]
        events = Path(f"/sys/fs/cgroup{group}/memory.events").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in events.splitlines() if line.startswith("oom_kill ")), 0)
