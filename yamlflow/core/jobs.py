"""What goes to an executor and what comes back: batches, jobs, outcomes, reports.

All of it is plain data that survives `to_json`/`from_json`; secrets travel as
references, large values as references into the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from yamlflow.core.dataclass import dataclass, field
from yamlflow.core.identity import TaskId

if TYPE_CHECKING:
    from yamlflow.core.values import Document

INFRASTRUCTURE: frozenset[str] = frozenset({"spot", "lost", "image_pull", "start_failed"})
"""Not the work's own fault: these have their own budget (`retry.infra`)."""

ARTIFACT_LOST = "artifact_lost"
"""The reason of a failure by a stored value that is missing or damaged: who made it runs again, then this."""

UNSTARTED = "unstarted"
"""Why an attempt is gone that never began: it is as if it had not been handed over."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Slots handed out with a submission: cores, bytes, which devices; `shm` are bytes of shared memory."""

    cpu: float = 1.0
    memory: int = 0
    gpus: tuple[str, ...] = ()
    shm: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of one task, with everything the worker needs.

    `attempt_id` is the deterministic, unique name of the attempt, safe as a file
    name. `target` is {"kind": "python", "callable", "outputs"} or {"kind":
    "command", "argv" | "script", "outputs"}. `inputs` are documents; one may be
    {"$expr": {"text", "roots"}}: an expression the worker evaluates because it
    needs the content of a stored value. `each` are the loop variables. `log`,
    `scratch` and `store` are paths on the machine the task runs on. `timeout`
    is in seconds of running time. `shares` is the same for jobs that are done one
    after another under one grant; empty for one alone; `packed`: the file says so. `isolation` says whether they
    have a process each, or are done in a shared one.
    `given` is the digest of what the attempt is given, where it may outlive its launcher.
    `masked` are texts, the values of secret parameters, that no log may show.
    """

    attempt_id: str
    run_id: str
    task: TaskId
    display: str
    attempt: int
    target: Mapping[str, Any]
    inputs: Mapping[str, Document] = field(default_factory=dict)
    each: Mapping[str, Document] = field(default_factory=dict)
    params: Mapping[str, Document] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    grant: Grant = field(default_factory=Grant)
    timeout: float | None = None
    seed: int = 0
    cwd: str = "code"
    code_roots: tuple[str, ...] = ()
    python: str | None = None
    iterated: tuple[str, ...] = ()
    log: str = ""
    scratch: str = ""
    store: str = ""
    env_inherit: bool = True
    shares: str = ""
    packed: bool = False
    isolation: str = "process"
    masked: tuple[str, ...] = ()
    given: str = ""


@dataclass(frozen=True, slots=True)
class JobBatch:
    """Attempts of one step that go out together; job i is resolved when it is needed."""

    name: str
    step: str
    size: int
    resolve: Callable[[int], Job]

    def jobs(self) -> Sequence[Job]:
        return [self.resolve(index) for index in range(self.size)]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed, in the words users see.

    `exception` is the qualified type name, `names` those of its bases too (for
    `retry.on`), `traceback` text trimmed to the user's frames. `final`: no retry.
    `lost` are digests, of a stored value that is gone and of those it lies in, inside out.
    """

    reason: str
    message: str
    exception: str = ""
    names: tuple[str, ...] = ()
    traceback: str = ""
    exit_code: int | None = None
    final: bool = False
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt used: seconds of wall and CPU time, bytes of peak memory."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0


_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the task made. `state` is succeeded, failed or skipped; `value` a document."""

    state: Literal["succeeded", "failed", "skipped"]
    value: Document = None
    failure: Failure | None = None
    usage: Usage = _NOTHING
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What an executor says about an attempt.

    started · progress (message, fraction) · waiting (message) · replaced (the
    backend started it anew; message is the reason) · ended (outcome) · gone (no
    trace of it: lost; with UNSTARTED as message it never began, and was given
    back) · down/up (the executor itself; attempt_id is "").
    `given` is the job's, of an attempt that was found again.
    """

    kind: Literal["started", "progress", "waiting", "replaced", "ended", "gone", "down", "up"]
    attempt_id: str
    outcome: Outcome | None = None
    message: str = ""
    fraction: float | None = None
    given: str = ""


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """The frame of an outcome; empty fields are left out."""
    body: dict[str, Any] = {"state": outcome.state}
    if outcome.value is not None:
        body["value"] = outcome.value
    if outcome.failure is not None:
        failure = outcome.failure
        body["failure"] = {
            name: getattr(failure, name) for name in Failure.__slots__ if getattr(failure, name) not in ("", (), None)
        }
    usage = outcome.usage
    body["usage"] = [usage.seconds, usage.cpu_seconds, usage.peak_memory]
    if outcome.metrics:
        body["metrics"] = dict(outcome.metrics)
    return body


def outcome_from_json(body: Mapping[str, Any]) -> Outcome:
    """The outcome behind a frame."""
    failure = body.get("failure")
    return Outcome(
        state=body["state"],
        value=body.get("value"),
        failure=_failure_from_json(failure) if failure else None,
        usage=Usage(*body.get("usage", ())),
        metrics=body.get("metrics", {}),
    )


def _failure_from_json(body: Mapping[str, Any]) -> Failure:
    tuples = {name: tuple(body.get(name, ())) for name in ("names", "lost")}
    return Failure(**{**body, **tuples})


def job_to_json(job: Job) -> dict[str, Any]:
    """The frame of a job."""
    body = {name: getattr(job, name) for name in Job.__slots__}
    body["task"] = [job.task.node, list(job.task.path)]
    body["grant"] = [job.grant.cpu, job.grant.memory, list(job.grant.gpus), job.grant.shm]
    return body


def job_from_json(body: Mapping[str, Any]) -> Job:
    """The job behind a frame."""
    cpu, memory, gpus, shm = body["grant"]
    node, path = body["task"]
    return Job(
        **{
            **body,
            "task": TaskId(node, tuple(path)),
            "grant": Grant(cpu, memory, tuple(gpus), shm),
            "code_roots": tuple(body["code_roots"]),
            "iterated": tuple(body["iterated"]),
            "masked": tuple(body["masked"]),
        }
    )


OWN = ("attempt_id", "scratch")
"""Fields of a job that are in its own part whatever the others have."""


def jobs_to_json(jobs: Sequence[Job]) -> dict[str, Any]:
    """Jobs of one step in one frame: what they have in common once, and what differs."""
    every = [job_to_json(job) for job in jobs]
    first = every[0]
    own = [name for name, value in first.items() if name in OWN or any(one[name] != value for one in every)]
    common = {name: value for name, value in first.items() if name not in own}
    return {"common": common, "each": [{name: one[name] for name in own} for one in every]}
