"""The real scheduler, watched: which event met which state, old words in between, its books after every turn."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

from yamlflow.core.commands import Command, Mark, StartHooks, Submit
from yamlflow.core.graph import Graph, TaskId
from yamlflow.core.jobs import Failure, Outcome
from yamlflow.core.messages import (
    TERMINAL,
    CacheMissed,
    CancelRequested,
    Evaluated,
    Event,
    Failed,
    Lost,
    Replaced,
    Restored,
    Started,
    State,
    Succeeded,
    Timer,
    TimerFired,
)
from yamlflow.core.scheduler import RUN, Scheduler

ABSENT = "absent"
ACTIVE = (State.SUBMITTED, State.RUNNING)
_BETWEEN = (State.WAITING.value, State.READY.value)
SPOILT = Outcome("failed", failure=Failure("error", "an old word"))


def label(event: Event) -> str:
    """The kind of an event, as finely as it matters."""
    name = type(event).__name__
    match event:
        case Evaluated(what=what, error=error):
            return f"{name}:{what}:error" if error is not None else f"{name}:{what}"
        case TimerFired(timer=timer):
            return f"{name}:{timer.kind}"
        case CancelRequested(drain=drain):
            return f"{name}:drain" if drain else name
        case Succeeded(outcome=outcome):
            return f"{name}:skipped" if outcome.state == "skipped" else name
        case _:
            return name


def subject(event: Event) -> TaskId | None:
    if isinstance(event, TimerFired):
        return event.timer.task if event.timer.task != RUN else None
    if isinstance(event, CacheMissed):
        return event.tasks[0]
    task: TaskId | None = getattr(event, "task", None)
    return task


class Watched(Scheduler):
    """Counts (state, event), says old words again, and hands out its commands one by one to `meet`."""

    def __init__(
        self,
        graph: Graph,
        met: Counter[tuple[str, str]],
        meet: Callable[[Command | str], None],
        order: random.Random,
        ghosts: float,
        favourite: tuple[str, str],
    ) -> None:
        super().__init__(graph)
        self._met = met
        self._meet = meet
        self._order = order
        self._ghosts = ghosts
        self._favourite = favourite  # (state, event) that an old word is to be, where one can
        self._known: list[TaskId] = []
        self._hooking = False
        self.heard_ghosts = 0

    def handle(self, event: Event) -> list[Command]:
        often = 0.3 if self._ghosts and self._cancelled else self._ghosts
        if often and self._known and self._order.random() < often:
            self._haunt()
        if self._hooking:
            self._meet("hooks")
        self._count(event)
        commands = super().handle(event)
        return cast("list[Command]", self._handed_out(commands)) if commands else commands

    def _handed_out(self, commands: list[Command]) -> Iterator[Command]:
        for command in commands:
            self._meet(command)
            if isinstance(command, Submit):
                assert command.executor not in self._down, "a submit to an executor that is down"
                self._known.extend(command.tasks)
            if isinstance(command, Mark) and command.state in TERMINAL and self._is_item(command.task):
                self._known.append(command.task)
            self._hooking = self._hooking or isinstance(command, StartHooks)
            yield command

    def _is_item(self, task: TaskId) -> bool:
        node = self._node(task.node)
        return len(task.path) == node.depth + (node.loop is not None)

    def _count(self, event: Event) -> None:
        task = subject(event)
        state = "-" if task is None else self.state_of(task)
        self._met[state, label(event)] += 1

    def state_of(self, task: TaskId) -> str:
        """The state of an item, or of a whole node that has not expanded; `absent` when its scope is gone."""
        live = self._live.get(task)
        if live is not None:
            return live.fan.item_state(live.index).value
        fan = self._fan_at(task) if task.node else None
        if fan is None:
            return ABSENT
        if not fan.expanded or (fan.node.loop is not None and len(task.path) <= fan.node.depth):
            return fan.state.value
        return fan.item_state(self._item_of(fan, task.path)).value

    # --- old words

    def _haunt(self) -> None:
        """An old or strange word about some task: it must change nothing."""
        between = [task for task, live in self._live.items() if live.fan.item_state(live.index).value in _BETWEEN]
        known = [*self._known[-40:], *between]
        wanted = [task for task in known if self.state_of(task) == self._favourite[0]]
        task = self._order.choice(wanted or between or known)
        ghost = self._ghost(task)
        self._count(ghost)
        before = self._books(task)
        assert super().handle(ghost) == [], f"an old word led to something: {ghost}"
        assert self._books(task) == before, f"an old word changed something: {ghost}"
        self.heard_ghosts += 1

    def _ghost(self, task: TaskId) -> Event:
        live = self._live.get(task)
        state = self.state_of(task)
        current = live.attempt if live is not None else 0
        attempt = current + self._order.choice([-1, 1])
        said = current if state in _BETWEEN else attempt  # the last attempt is over, and its end is said again
        at = self._start.at
        choices: list[Event] = [
            Started(at, task, said),
            Succeeded(at, task, said, Outcome("succeeded", -3)),
            Succeeded(at, task, said, Outcome("skipped")),
            Failed(at, task, said, SPOILT),
            Lost(at, task, said),
            Replaced(at, task, said, "an old word"),
            TimerFired(at, Timer("retry", task, attempt)),
            TimerFired(at, Timer("start_timeout", task, attempt)),
        ]
        if state not in (State.PENDING.value, ABSENT):
            choices += [
                Restored(at, task),
                CacheMissed(at, (task,)),
            ]
        wanted = [ghost for ghost in choices if (state, label(ghost)) == self._favourite]
        return self._order.choice(wanted or choices)

    def _books(self, task: TaskId) -> tuple[Any, ...]:
        pools = self._pools
        assert pools is not None
        return self.state_of(task), pools.running, pools.cpu, len(self._live), len(self._agenda)

    # --- the books

    def check_books(self) -> None:
        """What the pools have handed out is what live attempts hold, and never more than there is."""
        pools = self._pools
        if pools is None:
            return
        holds = {id(live.hold): live.hold for live in self._live.values() if live.hold is not None}.values()
        assert pools.running == len(holds), f"{pools.running} grants are out, {len(holds)} are held"
        assert pools.cpu == sum(hold.grant.cpu for hold in holds) <= pools.machine.cpu, "the cores do not add up"
        for live in self._live.values():
            assert (live.hold is not None) == (live.fan.item_state(live.index) in ACTIVE), (
                f"{live.fan.task(live.index)}"
            )

    def check_over(self) -> None:
        """All has been given back, and nothing is alive."""
        pools = self._pools
        assert pools is not None
        assert (pools.running, pools.cpu, pools.memory, pools.busy) == (0, 0, 0, {}), "not all slots came back"
        assert not any(pools.per_limit.values())
        assert not any(pools.per_executor.values())
        assert not self._live, f"still alive: {list(self._live)}"
