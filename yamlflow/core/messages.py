"""Events: all that the scheduler is ever told, and the words they are made of.

An event says what happened, with the time it happened (`at`, seconds, any
fixed origin). Plain data, recorded as it is (`records`) before the commands
it led to (`commands`) leave. Must never say what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Literal, NamedTuple, Union

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Outcome


class State(str, Enum):
    """States of a task; those from `SUCCEEDED` on are terminal."""

    PENDING = "pending"  # its inputs are not there yet
    WAITING = "waiting"  # a timer runs: retry delay, repeat delay
    READY = "ready"  # waits for slots
    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CACHED = "cached"
    CAUGHT = "caught"
    SKIPPED = "skipped"
    FAILED = "failed"
    UPSTREAM_FAILED = "upstream_failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset(
    {
        State.SUCCEEDED,
        State.CACHED,
        State.CAUGHT,
        State.SKIPPED,
        State.FAILED,
        State.UPSTREAM_FAILED,
        State.CANCELLED,
    }
)
GOOD = frozenset({State.SUCCEEDED, State.CACHED, State.CAUGHT})

RunState = Literal["running", "succeeded", "failed", "cancelled"]


class Timer(NamedTuple):
    """A timer's identity: what it is for, and whose it is."""

    kind: Literal["retry", "repeat", "deadline", "start_timeout", "run_deadline", "coalesce"]
    task: TaskId
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """The slots of this machine: cores, bytes, and device ids with their type and bytes of memory."""

    cpu: float
    memory: int
    gpus: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExecutorTraits:
    """What the scheduler knows of one executor profile (see executors.base.Traits)."""

    machine: bool = True
    max_batch: int = 1
    coalesce: float = 0.0
    gang: bool = False
    max_parallel: int | None = None
    depth: int = 1
    chain: int = 1
    short: float = 0.05
    overhead: float = 0.0
    packs: bool = False
    adopts: bool = False


# --- events ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`lookup`: ask before each submit whether a result exists (a resume); `reuse`: nodes that must have one."""

    at: float
    machine: Machine
    executors: Mapping[str, ExecutorTraits]
    seed: int = 0
    max_workers: int | None = None
    keep_going: bool = False
    lookup: bool = False
    reuse: frozenset[str] = frozenset()


What = Literal["when", "foreach", "start", "until", "outputs"]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The answer to Evaluate; `value` matters for `when` and `until` only."""

    at: float
    task: TaskId
    what: What
    value: bool = True
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class ItemsKnown:
    """The answer to Evaluate "foreach": how many items, and what people call them."""

    at: float
    task: TaskId
    count: int
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CacheMissed:
    """No result stands for these tasks of one step; `reason` says why where the step has a cache."""

    at: float
    tasks: tuple[TaskId, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CodeChanged:
    """A step's code is not what its results are made with; recorded for views, ignored when handled.

    `kept`: so many results of an earlier launch stand all the same. None: it was edited
    while the run went on, and what the step makes now is not put into the cache.
    """

    at: float
    step: str
    parts: tuple[str, ...]
    kept: int | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """An earlier end of a task stands: succeeded, caught, skipped by itself, or cached (another run's)."""

    at: float
    task: TaskId
    end: State = State.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Submitted:
    """An attempt is about to leave; `rescue`: of what `catch` runs."""

    at: float
    task: TaskId
    attempt: int
    rescue: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    at: float
    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class Waiting:
    at: float
    task: TaskId
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The backend itself started the attempt anew (infrastructure loss)."""

    at: float
    task: TaskId
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The attempt ended well; `outcome.state` is succeeded or skipped."""

    at: float
    task: TaskId
    attempt: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    at: float
    task: TaskId
    attempt: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Lost:
    """No trace of the attempt is left; nobody will report its end."""

    at: float
    task: TaskId
    attempt: int
    reason: str = "lost"


@dataclass(frozen=True, slots=True)
class ArtifactLost:
    """What `task` made is missing or damaged; `attempt` is its last in this launch (0: none). The reader finds out.

    The reader is a task whose attempt failed by it, or, with `what`, a question: its
    failure is the next event. Digest and `why` are for people.
    """

    at: float
    task: TaskId
    attempt: int
    reader: TaskId
    what: What | None = None
    digest: str = ""
    why: str = "missing"


@dataclass(frozen=True, slots=True)
class ExecutorDown:
    at: float
    executor: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExecutorUp:
    at: float
    executor: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    at: float
    timer: Timer


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Stop everything. `drain`: let running tasks finish."""

    at: float
    reason: str
    drain: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """A state that the scheduler itself decided; recorded for views, ignored when handled."""

    at: float
    task: TaskId
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progressed:
    """A task's own words (ctx.progress, ctx.metric); recorded for views, ignored when handled."""

    at: float
    task: TaskId
    message: str = ""
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    at: float
    state: RunState


RareEvent = Union[
    RunStarted,
    ArtifactLost,
    Replaced,
    TimerFired,
    CancelRequested,
    ExecutorDown,
    ExecutorUp,
    Submitted,
    Waiting,
    Marked,
    Progressed,
    CodeChanged,
    RunEnded,
]
"""Events that come a few times a run, or that the scheduler has no use for."""

Event = Union[
    Evaluated,
    ItemsKnown,
    CacheMissed,
    Restored,
    Started,
    Succeeded,
    Failed,
    Lost,
    RareEvent,
]
