"""Slots and attempts: submitting, reports, retries, time limits.

The one retry authority. Rules: a report about an attempt that is no longer
current changes nothing; an infrastructure loss never uses up the work's own
tries; what an attempt held is given back before anything else is decided.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import insort
from collections import deque
from dataclasses import replace
from math import inf

from yamlflow.core.board import Board
from yamlflow.core.commands import Cancel, Mark, SetTimer, Submit
from yamlflow.core.fans import CODE, Fan, Hold, Live
from yamlflow.core.graph import Graph, Node, Resources, TaskId
from yamlflow.core.jobs import ARTIFACT_LOST, UNSTARTED, Failure
from yamlflow.core.messages import Replaced, Started, State, Succeeded, Timer
from yamlflow.core.pools import Ask, Pools
from yamlflow.core.verdicts import Again, again, noise

_SUBMITTED = CODE[State.SUBMITTED]
_INSTANT = 0.001
ROW = 8
"""Short items that go out together take together no longer than so many that are just not short."""

IN_FLIGHT = frozenset({CODE[State.SUBMITTED], CODE[State.RUNNING]})


class Attempts(Board):
    """Hands out slots to ready items and follows each attempt to its end."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self._pools: Pools | None = None
        self._queues: dict[str, deque[Fan]] = {}
        self._line: list[tuple[int, int, str]] = []  # nodes with ready items, the deepest first
        self._place = {node: (-self._node(node).rank, place, node) for place, node in enumerate(graph.nodes)}
        self._down: set[str] = set()

    @abstractmethod
    def _feed(self, fan: Fan) -> None:
        """Open the next bodies of a group."""

    @abstractmethod
    def _stop_item(self, fan: Fan, index: int) -> None:
        """End an item that has not started and never will."""

    @abstractmethod
    def _awaits(self, task: TaskId) -> bool:
        """Is a stored value that the task could not read being made again?"""

    def _enqueue(self, fan: Fan) -> None:
        if fan.node.is_group:
            self._later(self._feed, fan)
        elif not fan.queued:
            fan.queued = True
            queue = self._queues.setdefault(fan.node.id, deque())
            if not queue:
                insort(self._line, self._place[fan.node.id])
            queue.append(fan)

    def _dispatch(self) -> None:
        pools = self._pools
        if pools is None or not self._line or pools.full():
            return
        pools.new_pass()
        for place in list(self._line):
            queue = self._queues[place[2]]
            if self._node(place[2]).executor not in self._down:
                self._serve(queue)
            if not queue:
                self._line.remove(place)
            if pools.full():
                return

    def _serve(self, queue: deque[Fan]) -> None:
        while queue:
            fan = queue[0]
            if not (fan.has_next() and fan.has_room()):
                queue.popleft()
                fan.queued = False
            elif not self._start_next(fan):
                return

    def _start_next(self, fan: Fan) -> bool:
        assert self._pools is not None
        ask = self._ask_for(fan.node, self._live.get(fan.task(fan.next())))
        grant = self._pools.take(ask)
        if grant is None:
            return False
        lives = self._together(fan, ask)
        fan.active += 1
        hold = Hold(ask, grant, len(lives))
        for live in lives:
            live.attempt += 1
            live.hold = hold
            self._move(fan, live.index, State.SUBMITTED)
        first = lives[0]
        tasks = tuple(fan.task(live.index) for live in lives)
        self._out.append(Submit(fan.node.executor, tasks, first.attempt, grant, first.rescue, first.grows))
        if fan.node.deadline is not None or fan.node.start_timeout is not None:
            for task in tasks:
                self._set_clocks(fan.node, task, first.attempt)
        return True

    def _together(self, fan: Fan, ask: Ask) -> list[Live]:
        """The items that go out under one grant, to be done one after another: the next, and others at the same try."""
        first = self._take(fan)
        lives = [first]
        most = self._most(fan, ask, first)
        if most > 1 and not self._packs(fan.node):
            most = min(most, self._share(fan, ask))
        while len(lives) < most and fan.has_next() and self._alike(fan, first):
            lives.append(self._take(fan))
        return lives

    def _most(self, fan: Fan, ask: Ask, first: Live) -> int:
        """How many items may go out together: where each has its own process, short ones, and none that failed before.

        What counts an item's time from its submission, and variables that may differ from item to item, send it alone.
        """
        node, traits = fan.node, self._start.executors[ask.executor]
        if node.isolation == "shared":
            return traits.depth
        timed = node.deadline is not None or node.start_timeout is not None
        if first.attempt or timed or _varies(node):
            return 1
        if self._packs(node):
            return node.items_per_task
        if fan.pace >= traits.short or ask.resources.gpu.count:
            return 1
        return min(traits.chain, int(ROW * traits.short / max(fan.pace, _INSTANT)))

    def _packs(self, node: Node) -> bool:
        """Whether the step says itself how many of its items go out together, and is heard."""
        return bool(node.items_per_task) and self._start.executors[node.executor].packs

    def _take(self, fan: Fan) -> Live:
        index = fan.take()
        task = fan.task(index)
        live = self._live.get(task)
        if live is None:
            live = self._live[task] = Live(fan, index)
        return live

    def _share(self, fan: Fan, ask: Ask) -> int:
        """Half of what each worker would get of the waiting items: ever fewer, so that all end at about one time.

        Where a hand-over costs something, it is worth as many as take that long, up to all that a worker would get.
        """
        assert self._pools is not None
        breadth = self._pools.breadth(ask)
        if fan.node.loop is not None and fan.node.loop.max_parallel is not None:
            breadth = min(breadth, fan.node.loop.max_parallel)
        worth = int(self._start.executors[ask.executor].overhead / max(fan.pace, _INSTANT))
        return max((fan.waits() + 1) // (2 * breadth), min(worth, -(-fan.waits() // breadth)))

    def _alike(self, fan: Fan, first: Live) -> bool:
        """Whether the next item is at the same try as the first, and of the same kind."""
        live = self._live.get(fan.task(fan.next()))
        if live is None:
            return first.attempt == 0
        return (live.attempt, live.rescue, live.grows) == (first.attempt, first.rescue, first.grows)

    def _set_clocks(self, node: Node, task: TaskId, attempt: int) -> None:
        if node.deadline is not None and attempt == 1:
            self._out.append(SetTimer(Timer("deadline", task), node.deadline))
        if node.start_timeout is not None:
            self._out.append(SetTimer(Timer("start_timeout", task, attempt), node.start_timeout))

    def _ask_for(self, node: Node, live: Live | None) -> Ask:
        resources = node.resources
        if live is not None and live.grows[0]:
            resources = replace(resources, memory=self._grown(node, resources, live.grows[0]))
        return Ask(node.executor, resources, node.limit)

    def _grown(self, node: Node, resources: Resources, times: int) -> int:
        memory = int(resources.memory * node.retry.grow_memory**times)
        if node.retry.grow_max_memory is not None:
            memory = min(memory, max(node.retry.grow_max_memory, resources.memory))
        if self._start.executors[node.executor].machine:
            memory = min(memory, max(self._start.machine.memory, resources.memory))
        return memory

    def _current(self, task: TaskId, attempt: int) -> Live | None:
        """The record of an attempt that is still the one we wait for."""
        live = self._live.get(task)
        if live is None or live.attempt != attempt or live.fan.states[live.index] not in IN_FLIGHT:
            return None
        return live

    def _release(self, live: Live) -> None:
        assert self._pools is not None
        hold, live.hold = live.hold, None
        assert hold is not None
        hold.users -= 1
        if hold.users:
            return
        self._pools.give_back(hold.ask, hold.grant)
        live.fan.active -= 1
        for fan in (live.fan, live.fan.twin):
            if fan is not None and fan.has_next():
                self._enqueue(fan)

    def _on_started(self, event: Started) -> None:
        live = self._current(event.task, event.attempt)
        if live is not None and live.fan.item_state(live.index) is State.SUBMITTED:
            self._move(live.fan, live.index, State.RUNNING)

    def _on_succeeded(self, event: Succeeded) -> None:
        live = self._current(event.task, event.attempt)
        if live is None:
            return
        self._release(live)
        live.fan.pace = event.outcome.usage.seconds
        good = State.CAUGHT if live.rescue else State.SUCCEEDED
        self._end_item(live.fan, live.index, State.SKIPPED if event.outcome.state == "skipped" else good)

    def _on_failed(self, task: TaskId, attempt: int, failure: Failure) -> None:
        live = self._current(task, attempt)
        if live is None:
            return
        self._release(live)
        live.fan.pace = inf
        if failure.reason == UNSTARTED and not live.ending:
            self._take_back(live)
            return
        if live.ending:
            failure = Failure(live.ending, failure.message, final=live.ending == "deadline")
        if failure.reason == "cancelled" or (self._cancelled and live.rescue):
            self._end_item(live.fan, live.index, State.CANCELLED)
        elif failure.reason == ARTIFACT_LOST and self._awaits(task):
            self._park(live)
        else:
            self._weigh(live, failure)

    def _take_back(self, live: Live) -> None:
        """The attempt never began, so there was none: the item waits for slots as it did before."""
        live.attempt -= 1
        if not live.attempt:
            del self._live[live.fan.task(live.index)]
        if self._halted(live.fan) or live.fan.stopped:
            self._move(live.fan, live.index, State.READY)
            self._stop_item(live.fan, live.index)
        else:
            self._requeue(live)

    def _park(self, live: Live) -> None:
        """What it reads is made again first; that is nobody's failure, and uses up no try."""
        live.last = ARTIFACT_LOST
        self._move(live.fan, live.index, State.WAITING)
        self._out.append(Mark(live.fan.task(live.index), State.WAITING, ARTIFACT_LOST))

    def _weigh(self, live: Live, failure: Failure) -> None:
        """Try again, or give up."""
        fan, task = live.fan, live.fan.task(live.index)
        live.last, live.ending = failure.reason, ""
        chance = self._chance(live, failure)
        if chance is None:
            self._give_up(live, failure.reason)
            return
        live.losses += chance.infrastructure
        live.failures += not chance.infrastructure
        live.grows = (live.grows[0] + (failure.reason == "oom"), live.grows[1] + (failure.reason == "timeout"))
        self._move(fan, live.index, State.WAITING)
        self._out.append(Mark(task, State.WAITING, failure.reason))
        if chance.delay > 0:
            self._out.append(SetTimer(Timer("retry", task, live.attempt), chance.delay))
        else:
            self._requeue(live)

    def _chance(self, live: Live, failure: Failure) -> Again | None:
        """Another try, if one is left; a rescue has one, and again those that infrastructure took, whatever ends."""
        fan, luck = live.fan, noise(self._start.seed, live.fan.task(live.index), live.attempt)
        chance = again(fan.node.retry, failure, live.failures + 1, live.losses + 1, luck)
        if live.rescue:
            return chance if chance is not None and chance.infrastructure else None
        return None if self._halted(fan) or fan.stopped else chance

    def _requeue(self, live: Live) -> None:
        """The item waits for nothing but slots, even where nothing new may start."""
        if live.fan.item_state(live.index) is not State.READY:
            self._move(live.fan, live.index, State.READY)
        live.fan.ready.append(live.index)
        self._enqueue(live.fan)

    def _give_up(self, live: Live, reason: str) -> None:
        """No further attempt: what `catch` says, else failed."""
        catch = live.fan.node.catch
        if catch is None or self._cancelled or live.rescue:
            self._end_item(live.fan, live.index, State.FAILED, reason)
        elif catch.callable is None:
            self._end_item(live.fan, live.index, State.CAUGHT, reason)
        else:
            live.rescue, live.losses = True, 0
            self._requeue(live)

    def _on_replaced(self, event: Replaced) -> None:
        live = self._current(event.task, event.attempt)
        if live is None:
            return
        live.losses += 1
        if live.fan.item_state(live.index) is State.RUNNING:
            self._move(live.fan, live.index, State.SUBMITTED)
        if live.losses > live.fan.node.retry.infra:
            self._stop_attempts(event.reason, [live])

    def _stop_attempts(self, reason: str, lives: list[Live]) -> None:
        running = [live for live in lives if live.fan.states[live.index] in IN_FLIGHT]
        for live in running:
            live.ending = live.ending or reason
        if running:
            tasks = tuple((live.fan.task(live.index), live.attempt) for live in running)
            self._out.append(Cancel(tasks, reason))

    def _withdraw(self, fan: Fan) -> None:
        """What was handed over with others and waits for its turn is not to begin."""
        lives = [self._live[fan.task(index)] for index, code in enumerate(fan.states) if code == _SUBMITTED]
        waiting = [live for live in lives if live.hold is not None and live.hold.users > 1 and not live.ending]
        if waiting:
            tasks = tuple((fan.task(live.index), live.attempt) for live in waiting)
            self._out.append(Cancel(tasks, "cancelled", begun=False))

    def _on_attempt_timer(self, timer: Timer, live: Live) -> None:
        state = live.fan.item_state(live.index)
        if timer.kind == "retry" and state is State.WAITING and live.attempt == timer.attempt:
            self._requeue(live)
        elif timer.kind == "start_timeout" and state is State.SUBMITTED and live.attempt == timer.attempt:
            self._stop_attempts("start_failed", [live])
        elif timer.kind == "deadline" and live.hold is not None:
            self._stop_attempts("deadline", [live])
        elif timer.kind == "deadline" and not live.rescue:
            if state is State.READY:
                live.fan.ready.remove(live.index)
            self._give_up(live, "deadline")


def _varies(node: Node) -> bool:
    """Whether the variables of two items may differ: then no process that has imported the step serves both."""
    return node.action is not None and any("${{" in str(value) for value in node.action.env.values())
