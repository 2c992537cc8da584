"""How nodes move: from their edges over their items to their end.

A fan waits for its edges, is judged by its policy, asks for `when`, expands
into items, and settles when all have ended; a group's item is a scope of its
own. A failed item dooms its scope: without `keep_going` nothing new starts
there but the steps that handle failures.
"""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.core.bodies import Bodies
from yamlflow.core.commands import Evaluate, LookUp, Mark
from yamlflow.core.fans import BAD, CODE, Fan, Scope
from yamlflow.core.graph import Edge, EdgeKind, Node, Policy, TaskId
from yamlflow.core.messages import TERMINAL, Evaluated, ItemsKnown, State, What
from yamlflow.core.verdicts import judge

LOOKUP_CHUNK = 1000

_UNSTARTED = frozenset({CODE[State.PENDING], CODE[State.READY], CODE[State.WAITING]})


class Flow(Bodies):
    """Opens scopes, expands fans, and lets failure spread as far as it must."""

    # --- scopes and fans

    def _open_scope(self, scope: Scope, children: tuple[str, ...]) -> None:
        for order, node_id in enumerate(children):
            scope.fans[node_id] = Fan(self._node(node_id), scope, order)
        scope.open = len(scope.fans)
        for fan in scope.fans.values():
            self._link(fan)
        for fan in scope.fans.values():
            if fan.waiting == 0:
                self._later(self._decide, fan)
        if scope.open == 0:
            self._later(self._close_scope, scope)

    def _link(self, fan: Fan) -> None:
        for edge in fan.node.edges:
            source = self._find(edge.source, fan.scope)
            if edge.kind is EdgeKind.ELEMENTWISE:
                fan.source = source
            elif not source.settled:
                source.waiters.append(fan)
                fan.waiting += 1

    def _judge(self, fan: Fan, item: State | None = None) -> State:
        """May the fan (or its item, whose source ended as `item`) run?"""
        if item is None and fan.source is not None and fan.node.policy is Policy.ANY_FAILED:
            verdict = State.READY  # each item decides for itself
        else:
            verdict = judge(fan.node.policy, self._upstream(fan, item))
        return State.CANCELLED if verdict is State.READY and self._halted(fan) else verdict

    def _upstream(self, fan: Fan, item: State | None) -> Iterator[tuple[Edge, State]]:
        for edge in fan.node.edges:
            if edge.kind is not EdgeKind.ELEMENTWISE:
                yield edge, self._find(edge.source, fan.scope).state
            elif item is not None:
                yield edge, item

    def _decide(self, fan: Fan) -> None:
        verdict = self._judge(fan)
        if verdict is not State.READY:
            self._settle_whole(fan, verdict)
        elif fan.node.when is not None and not fan.node.when_item:
            self._ask(fan, "when")
        else:
            self._expand(fan)

    def _ask(self, fan: Fan, what: What) -> None:
        self._out.append(Evaluate(TaskId(fan.node.id, fan.path), what))

    def _expand(self, fan: Fan) -> None:
        if fan.node.loop is None:
            self._open_fan(fan, 1)
        elif fan.source is None or fan.source.expanded:
            self._ask(fan, "foreach")
        elif fan.source.settled:
            verdict = self._judge(fan, fan.source.state)
            self._settle_whole(fan, State.SKIPPED if verdict is State.READY else verdict)
        else:
            fan.source.followers.append(fan)

    def _open_fan(self, fan: Fan, count: int) -> None:
        fan.count = fan.unsettled = count
        fan.states = bytearray(count)
        for follower in fan.followers:
            self._later(self._expand, follower)
        fan.followers = []
        if count == 0:
            self._later(self._settle_fan, fan)
        elif fan.source is not None:
            fan.source.followers.append(fan)
            for index in range(count):
                if fan.source.item_state(index) in TERMINAL:
                    self._later(self._arrive, fan, index)
        else:
            self._admit(fan)

    def _admit(self, fan: Fan) -> None:
        node = fan.node
        if node.when_item:
            self._out.extend(Evaluate(fan.task(index), "when") for index in range(fan.count))
        elif self._looks_up(node):
            tasks = [fan.task(index) for index in range(fan.count)]
            for start in range(0, len(tasks), LOOKUP_CHUNK):
                self._out.append(LookUp(tuple(tasks[start : start + LOOKUP_CHUNK])))
        else:
            fan.lazy = True
            self._enqueue(fan)

    def _looks_up(self, node: Node) -> bool:
        if node.is_group:
            return False
        if node.hook:  # a launcher may have died among the hooks
            return self._start.lookup
        return node.cache is not None or self._start.lookup or node.id in self._start.reuse

    def _settle_whole(self, fan: Fan, state: State, reason: str = "") -> None:
        """Settle a fan that never expanded."""
        fan.state = state
        self._out.append(Mark(TaskId(fan.node.id, fan.path), state, reason))
        self._tell(fan)

    def _settle_fan(self, fan: Fan) -> None:
        fan.state = fan.verdict()
        if fan.node.loop is not None:
            self._out.append(Mark(TaskId(fan.node.id, fan.path), fan.state))
        self._tell(fan)

    def _tell(self, fan: Fan) -> None:
        for waiter in fan.waiters:
            waiter.waiting -= 1
            if waiter.waiting == 0:
                self._later(self._decide, waiter)
        fan.waiters = []
        for follower in fan.followers:
            if not follower.expanded:
                self._later(self._expand, follower)
        fan.followers = []
        if fan.state in BAD:
            self._doom(fan.scope)
        fan.scope.open -= 1
        if fan.scope.open == 0:
            self._later(self._close_scope, fan.scope)

    # --- failure spreads

    def _check_tolerance(self, fan: Fan) -> None:
        loop = fan.node.loop
        if fan.bad() + fan.dooms <= fan.tolerated:
            return
        if loop is None or loop.fail_fast:
            if not fan.stopped:
                self._stop(fan)
            self._doom(fan.scope)

    def _doom(self, scope: Scope) -> None:
        """This scope will end badly: say so upward, and let nothing new start in it."""
        if scope.doomed or scope.shielded:
            return
        scope.doomed = True
        if not self._start.keep_going:
            self._drain(scope)
        if scope.owner is not None:
            scope.owner.dooms += 1
            self._later(self._check_tolerance, scope.owner)

    def _drain(self, scope: Scope, *, everything: bool = False) -> None:
        scope.draining = True
        for fan in scope.fans.values():
            if fan.settled or not (everything or fan.node.policy is Policy.ALL_SUCCESS):
                continue
            if fan.expanded:
                self._stop(fan)
            for body in list(fan.bodies.values()):
                self._drain(body, everything=everything)

    def _stop(self, fan: Fan) -> None:
        """End every item that has not started, or only waits for another try."""
        if not fan.stopped:
            self._withdraw(fan)
        fan.stopped = True
        fan.lazy = False
        fan.ready.clear()
        for index, code in enumerate(fan.states):
            if code in _UNSTARTED:
                self._stop_item(fan, index)

    def _stop_item(self, fan: Fan, index: int) -> None:
        live = self._live.get(fan.task(index))
        if live is not None and live.rescue and not self._cancelled:
            self._requeue(live)
        elif live is not None and not self._cancelled:
            self._give_up(live, live.last)
        elif index in fan.bodies:  # between two rounds
            self._end_body(fan.bodies[index], State.CANCELLED)
        else:
            self._end_item(fan, index, State.CANCELLED)

    # --- items

    def _arrive(self, fan: Fan, index: int) -> None:
        """The source of an element-wise item has ended."""
        if fan.source is None or not self._pending(fan, index):
            return
        verdict = self._judge(fan, self._seen(fan, fan.source, index))
        if verdict is not State.READY:
            self._end_item(fan, index, verdict)
        elif fan.node.when_item:
            self._out.append(Evaluate(fan.task(index), "when"))
        else:
            self._look(fan, index)

    def _seen(self, fan: Fan, source: Fan, index: int) -> State:
        """How an item's source ended, for its reader: a failure the source's `min_success` allows is a gap."""
        state = source.item_state(index)
        allowed = source.node.loop is not None and source.node.loop.min_success < 1.0
        return State.SKIPPED if allowed and state in BAD and fan.node.policy is Policy.ALL_SUCCESS else state

    def _look(self, fan: Fan, index: int) -> None:
        if self._looks_up(fan.node):
            self._out.append(LookUp((fan.task(index),)))
        else:
            self._make_ready(fan, index)

    def _make_ready(self, fan: Fan, index: int) -> None:
        if self._halted(fan):
            self._end_item(fan, index, State.CANCELLED)
            return
        self._move(fan, index, State.READY)
        fan.ready.append(index)
        self._enqueue(fan)

    def _after_item(self, fan: Fan, index: int, state: State) -> None:
        for follower in fan.followers:
            if follower.expanded:
                self._later(self._arrive, follower, index)
        if state in BAD:
            self._later(self._check_tolerance, fan)
        if fan.unsettled == 0:
            self._later(self._settle_fan, fan)

    # --- answers

    def _on_evaluated(self, event: Evaluated) -> None:
        fan = self._fan_at(event.task)
        if fan is None:
            return
        if event.what == "foreach" or (event.what == "when" and not fan.node.when_item):
            self._on_whole(fan, event)
        elif event.what == "when":
            self._on_item_when(fan, self._item_of(fan, event.task.path), event)
        else:
            self._on_body(fan, event)

    def _on_whole(self, fan: Fan, event: Evaluated) -> None:
        if fan.settled or fan.expanded:
            return
        if self._halted(fan):
            self._settle_whole(fan, State.CANCELLED)
        elif event.error is not None:
            self._settle_whole(fan, State.FAILED, event.error.reason)
        elif event.value:
            self._expand(fan)
        else:
            self._settle_whole(fan, State.SKIPPED)

    def _on_item_when(self, fan: Fan, index: int, event: Evaluated) -> None:
        if not self._pending(fan, index):
            return
        if event.error is not None:
            self._end_item(fan, index, State.FAILED, event.error.reason)
        elif event.value:
            self._look(fan, index)
        else:
            self._end_item(fan, index, State.SKIPPED)

    def _on_body(self, fan: Fan, event: Evaluated) -> None:
        body = fan.bodies.get(self._item_of(fan, event.task.path))
        if body is None or body.path[: len(event.task.path)] != event.task.path:
            return
        if event.error is not None:
            self._end_body(body, State.FAILED, event.error.reason)
        elif event.what == "start":
            if self._halted(fan) or fan.stopped:
                self._end_body(body, State.CANCELLED)
            else:
                self._enter(body)
        elif fan.node.repeat is None:
            self._end_body(body, State.SUCCEEDED)
        elif event.what == "outputs" and fan.node.repeat.until is not None:
            self._out.append(Evaluate(event.task, "until"))
        else:
            self._end_round(body, done=event.what == "until" and event.value)

    def _on_items(self, event: ItemsKnown) -> None:
        fan = self._fan_at(event.task)
        if fan is None or fan.settled or fan.expanded:
            return
        if self._halted(fan):
            self._settle_whole(fan, State.CANCELLED)
        else:
            self._open_fan(fan, event.count)

    def _on_found(self, task: TaskId, state: State) -> None:
        fan = self._fan_at(task)
        if fan is not None and self._pending(fan, self._item_of(fan, task.path)):
            self._end_item(fan, self._item_of(fan, task.path), state)

    def _on_missed(self, task: TaskId) -> None:
        fan = self._fan_at(task)
        if fan is None or not self._pending(fan, self._item_of(fan, task.path)):
            return
        if task.node in self._start.reuse:
            self._end_item(fan, self._item_of(fan, task.path), State.FAILED, "no earlier result to use")
        else:
            self._make_ready(fan, self._item_of(fan, task.path))
