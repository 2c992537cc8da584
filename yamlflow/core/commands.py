"""Commands: all that the scheduler ever asks for.

Plain data, like the events that lead to them (`messages`). The engine carries
them out, in order, and makes their cause durable before anything leaves. An
answer comes back as an event; most commands have none. Must never say how a
thing is done.
"""

from __future__ import annotations

from typing import Union

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Grant
from yamlflow.core.messages import RunState, State, Timer, What


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Evaluate an expression of a node.

    `task.path` has the node's `depth` indexes for a whole node ("foreach", and
    "when" without item), one more for an item ("when" per item, "start"), and a
    round on top for a repeated group ("until", "outputs").
    """

    task: TaskId
    what: What


@dataclass(frozen=True, slots=True)
class LookUp:
    """Does a result for these tasks exist already? Answers: Restored for each that has one, else CacheMissed."""

    tasks: tuple[TaskId, ...]


@dataclass(frozen=True, slots=True)
class Submit:
    """Start one attempt of each task. `rescue`: run the node's `catch.run` instead of its action.

    `grows` is how often memory (after oom) and time (after timeout) have grown so far.
    """

    executor: str
    tasks: tuple[TaskId, ...]
    attempt: int
    grant: Grant
    rescue: bool = False
    grows: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Cancel:
    tasks: tuple[tuple[TaskId, int], ...]
    reason: str
    begun: bool = True  # False: those that have begun are not meant, and go on


@dataclass(frozen=True, slots=True)
class SetTimer:
    timer: Timer
    delay: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Record a state nobody reported: a derived one, for views and for the record.

    A path of the node's `depth` means the whole node; a longer one means an item,
    or, in full length, a round of a repeated group that begins.
    """

    task: TaskId
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StartHooks:
    """The steps have ended in this state; the hooks follow."""

    state: RunState


@dataclass(frozen=True, slots=True)
class Finish:
    state: RunState


Command = Union[Evaluate, LookUp, Submit, Cancel, SetTimer, Mark, StartHooks, Finish]
