"""What the scheduler remembers: scopes, fans and live attempts.

A *scope* is one body of steps: the whole pipeline, or one item (or round) of a
group. A *fan* is one node in one scope: it waits for its edges, expands into
items, and settles when every item has ended. A node without a loop is a fan of
one item. A *live* record exists only while an item is between its first submit
and its end, so memory per waiting item is one byte.
"""

from __future__ import annotations

from collections import deque
from dataclasses import field
from math import ceil, inf

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Node, Path, TaskId
from yamlflow.core.jobs import Grant
from yamlflow.core.messages import TERMINAL, State
from yamlflow.core.pools import Ask

STATES = tuple(State)
CODE = {state: code for code, state in enumerate(STATES)}
BAD = frozenset({State.FAILED, State.UPSTREAM_FAILED, State.CANCELLED})

_GIVEN_UP = frozenset({State.FAILED, State.CAUGHT, State.CANCELLED})
LEGAL: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.READY, State.RUNNING, State.SUBMITTED}) | TERMINAL,
    State.READY: frozenset({State.SUBMITTED, State.RUNNING}) | _GIVEN_UP,
    State.WAITING: frozenset({State.READY, State.RUNNING}) | _GIVEN_UP,
    State.SUBMITTED: frozenset({State.RUNNING, State.WAITING, State.READY}) | TERMINAL,
    State.RUNNING: frozenset({State.WAITING, State.READY, State.SUBMITTED}) | TERMINAL,
} | {state: frozenset() for state in TERMINAL}
"""The one table of moves an item may make; any other is a bug."""


@dataclass(slots=True, eq=False)
class Scope:
    """One body of steps. `bad` counts its children that ended badly."""

    path: Path
    owner: Fan | None = None
    index: int = 0
    round: int = 0
    fans: dict[str, Fan] = field(default_factory=dict)
    outer: Scope | None = None
    open: int = 0
    doomed: bool = False
    draining: bool = False
    shielded: bool = False  # hooks: one failure does not stop the others


@dataclass(slots=True, eq=False)
class Fan:
    """One node in one scope."""

    node: Node
    scope: Scope
    order: int
    waiting: int = 0
    waiters: list[Fan] = field(default_factory=list)
    followers: list[Fan] = field(default_factory=list)
    source: Fan | None = None
    count: int = -1
    states: bytearray = field(default_factory=bytearray)
    cursor: int = 0
    ready: deque[int] = field(default_factory=deque)
    active: int = 0
    unsettled: int = 0
    ends: dict[State, int] = field(default_factory=dict)
    dooms: int = 0
    bodies: dict[int, Scope] = field(default_factory=dict)
    state: State = State.PENDING
    lazy: bool = False  # items go from the cursor straight to the queue
    queued: bool = False
    stopped: bool = False
    pace: float = inf  # seconds that the item took that ended last; inf after one that did not end well
    twin: Fan | None = None  # the same items, opened again (see recovery), or the other way round

    @property
    def path(self) -> Path:
        return self.scope.path

    @property
    def settled(self) -> bool:
        return self.state in TERMINAL

    @property
    def expanded(self) -> bool:
        return self.count >= 0

    def task(self, index: int) -> TaskId:
        """The id of item `index`."""
        return TaskId(self.node.id, (*self.path, index) if self.node.loop else self.path)

    def item_state(self, index: int) -> State:
        return STATES[self.states[index]]

    def has_room(self) -> bool:
        """May another item become active (`max_parallel`)?"""
        limit = self.node.loop.max_parallel if self.node.loop else None
        return limit is None or self.active + (self.twin.active if self.twin else 0) < limit

    def has_next(self) -> bool:
        return bool(self.ready) or (self.lazy and self.cursor < self.count)

    def next(self) -> int:
        """The item that starts next, if there is one."""
        return self.ready[0] if self.ready else self.cursor

    def waits(self) -> int:
        """How many items could start now."""
        return len(self.ready) + (self.count - self.cursor if self.lazy else 0)

    def take(self) -> int:
        """The next item to start; retried ones first."""
        if self.ready:
            return self.ready.popleft()
        self.cursor += 1
        return self.cursor - 1

    @property
    def tolerated(self) -> int:
        """How many items may end badly (`min_success`)."""
        if self.node.loop is None:
            return 0
        return self.count - ceil(self.node.loop.min_success * self.count - 1e-9)

    def bad(self) -> int:
        return sum(self.ends.get(state, 0) for state in BAD)

    def verdict(self) -> State:
        """The state of a fan whose items have all ended."""
        if self.node.loop is None:
            return self.item_state(0)
        if self.bad() <= self.tolerated:
            return State.SUCCEEDED
        return next(
            state for state in (State.FAILED, State.UPSTREAM_FAILED, State.CANCELLED) if self.ends.get(state, 0)
        )


@dataclass(slots=True, eq=False)
class Hold:
    """Slots that attempts handed out together have in common; free when the last of them has ended."""

    ask: Ask
    grant: Grant
    users: int


@dataclass(slots=True, eq=False)
class Live:
    """An item between its first submit and its end.

    `failures` counts attempts that failed by the work's own fault, `losses`
    those lost to infrastructure; `grows` how often memory and time have grown;
    `ending` the reason we asked it to stop.
    """

    fan: Fan
    index: int
    attempt: int = 0
    failures: int = 0
    losses: int = 0
    grows: tuple[int, int] = (0, 0)
    rescue: bool = False
    hold: Hold | None = None
    ending: str = ""
    last: str = ""
