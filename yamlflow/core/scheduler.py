"""Everything that decides what runs next.

    scheduler = Scheduler(graph)
    commands = scheduler.handle(event)

Events in, commands out; no I/O, no clock, no randomness: the same events give
the same commands. Work per event is in proportion to what depends on it: no
scan over all tasks, and a waiting item costs one byte. `flow` moves nodes, `bodies` opens groups,
`attempts` hands out slots and retries, `recovery` has lost values made again, `board` is the memory of all.
"""

from __future__ import annotations

from yamlflow.core.commands import Command, Finish, SetTimer, StartHooks
from yamlflow.core.errors import unreachable
from yamlflow.core.fans import BAD, Scope
from yamlflow.core.graph import Graph
from yamlflow.core.jobs import Failure
from yamlflow.core.messages import (
    ArtifactLost,
    CacheMissed,
    CancelRequested,
    CodeChanged,
    Evaluated,
    Event,
    ExecutorDown,
    ExecutorUp,
    Failed,
    ItemsKnown,
    Lost,
    Marked,
    Progressed,
    RareEvent,
    Replaced,
    Restored,
    RunEnded,
    RunStarted,
    RunState,
    Started,
    State,
    Submitted,
    Succeeded,
    Timer,
    TimerFired,
    Waiting,
)
from yamlflow.core.pools import Pools
from yamlflow.core.recovery import RUN, Recovery

HOOKS: dict[RunState, tuple[str, ...]] = {
    "succeeded": ("on_success", "on_exit"),
    "failed": ("on_failure", "on_exit"),
    "cancelled": ("on_exit",),
}


class Scheduler(Recovery):
    """The state of one run, and what to do about each event."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self._overdue = False
        self._phases: list[str] = []
        self._finished = False

    def handle(self, event: Event) -> list[Command]:
        """What to do now that `event` has happened."""
        self._receive(event)
        while self._agenda:
            step, arguments = self._agenda.popleft()
            step(*arguments)
        self._dispatch()
        out, self._out = self._out, []
        return out

    def _receive(self, event: Event) -> None:
        match event:
            case Succeeded():
                self._on_succeeded(event)
            case Started():
                self._on_started(event)
            case Failed(task=task, attempt=attempt, outcome=outcome):
                self._on_failed(task, attempt, outcome.failure or Failure("error", "failed without a reason"))
            case Lost(task=task, attempt=attempt, reason=reason):
                self._on_failed(task, attempt, Failure(reason, "no trace of the attempt is left"))
            case Evaluated():
                self._on_evaluated(event)
            case ItemsKnown():
                self._on_items(event)
            case Restored(task=task, end=end):
                self._on_found(task, end)
            case CacheMissed(tasks=tasks):
                for task in tasks:
                    self._on_missed(task)
            case _:
                self._receive_rare(event)

    def _receive_rare(self, event: RareEvent) -> None:
        match event:
            case RunStarted():
                self._on_run_started(event)
            case Replaced():
                self._on_replaced(event)
            case ArtifactLost():
                self._on_artifact_lost(event)
            case TimerFired(timer=timer):
                self._on_timer(timer)
            case CancelRequested(drain=drain):
                self._cancel(drain=drain)
            case ExecutorDown(executor=executor):
                self._down.add(executor)
            case ExecutorUp(executor=executor):
                self._down.discard(executor)
            case Submitted() | Waiting() | Marked() | Progressed() | CodeChanged() | RunEnded():
                pass
            case _:
                raise unreachable(event)

    def _on_run_started(self, event: RunStarted) -> None:
        self._start = event
        self._pools = Pools(event.machine, event.executors, self._graph.limits, event.max_workers)
        if self._graph.deadline is not None:
            self._out.append(SetTimer(Timer("run_deadline", RUN), self._graph.deadline))
        self._open_scope(self._root, self._graph.roots)

    def _cancel(self, *, drain: bool) -> None:
        if self._pools is None or (self._finished and not self._repairs):
            return
        self._cancelled = True
        if not drain:
            self._stop_attempts("cancelled", list(self._live.values()))
        self._drain(self._scope, everything=True)

    def _end_phase(self) -> None:
        if self._is_held():
            return
        states = {fan.state for fan in self._scope.fans.values()}
        if self._scope is self._root:
            self._state = self._outcome(states)
            self._phases = [hook for hook in HOOKS[self._state] if self._graph.hooks.get(hook)]
            if self._phases:
                self._out.append(StartHooks(self._state))
        elif (states & BAD or self._spoilt) and self._state == "succeeded":
            self._state = "cancelled" if self._cancelled else "failed"
            self._out.append(StartHooks(self._state))
        self._next_phase()

    def _outcome(self, states: set[State]) -> RunState:
        if not (states & BAD or self._spoilt):
            return "succeeded"
        return "cancelled" if self._cancelled and not self._overdue else "failed"

    def _next_phase(self) -> None:
        self._cancelled = False
        if not self._phases:
            self._finished = True
            self._out.append(Finish(self._state))
            return
        self._scope = Scope((), shielded=True)
        self._open_scope(self._scope, self._graph.hooks[self._phases.pop(0)])

    def _on_timer(self, timer: Timer) -> None:
        match timer.kind:
            case "run_deadline":
                if self._state == "running":  # the hooks have time
                    self._overdue = True
                    self._cancel(drain=False)
            case "repeat":
                self._on_repeat_due(timer)
            case _:
                live = self._live.get(timer.task)
                if live is not None:
                    self._on_attempt_timer(timer, live)

    def _on_repeat_due(self, timer: Timer) -> None:
        fan = self._fan_at(timer.task)
        index = self._item_of(fan, timer.task.path) if fan else 0
        body = fan.bodies.get(index) if fan else None
        if fan is None or body is None or body.round != timer.attempt or fan.item_state(index) is not State.WAITING:
            return
        self._move(fan, index, State.RUNNING)
        self._open_body(fan, index, body.round + 1)
