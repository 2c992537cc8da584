"""Groups: a scope of its own for each item and round, from its opening to its outputs.

A body that ends gives its item a state: bad when a child ended badly, skipped
when all were skipped, else its outputs are evaluated; a repeated group then
asks whether to go round once more.
"""

from __future__ import annotations

from abc import abstractmethod

from yamlflow.core.attempts import Attempts
from yamlflow.core.commands import Evaluate, Mark, SetTimer
from yamlflow.core.fans import Fan, Scope
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import State, Timer


class Bodies(Attempts):
    """Opens the bodies of groups and ends their items."""

    @abstractmethod
    def _open_scope(self, scope: Scope, children: tuple[str, ...]) -> None:
        """Make the fans of a scope and start those that wait for nothing."""

    @abstractmethod
    def _end_phase(self) -> None:
        """The outermost scope of this phase has closed."""

    def _feed(self, fan: Fan) -> None:
        """Open the next bodies of a group."""
        while fan.has_next() and fan.has_room():
            index = fan.take()
            fan.active += 1
            self._move(fan, index, State.RUNNING)
            self._out.append(Mark(fan.task(index), State.RUNNING))
            self._open_body(fan, index, 0)

    def _open_body(self, fan: Fan, index: int, turn: int) -> None:
        path = fan.task(index).path
        if fan.node.repeat is not None:
            path = (*path, turn)
        body = fan.bodies[index] = Scope(path, fan, index, turn, outer=fan.scope)
        if fan.node.repeat is not None and turn == 0:
            self._out.append(Evaluate(fan.task(index), "start"))
        else:
            self._enter(body)

    def _enter(self, body: Scope) -> None:
        fan = body.owner
        assert fan is not None
        if fan.node.repeat is not None:
            self._out.append(Mark(TaskId(fan.node.id, body.path), State.RUNNING))
        self._open_scope(body, fan.node.children)

    def _close_scope(self, scope: Scope) -> None:
        fan = scope.owner
        if fan is None:
            self._end_phase()
            return
        states = {child.state for child in scope.fans.values()}
        for bad in (State.FAILED, State.UPSTREAM_FAILED, State.CANCELLED):
            if bad in states:
                self._end_body(scope, bad)
                return
        if states == {State.SKIPPED}:
            self._end_body(scope, State.SKIPPED)
        elif fan.node.outputs or fan.node.repeat is not None:
            self._out.append(Evaluate(TaskId(fan.node.id, scope.path), "outputs"))
        else:
            self._end_body(scope, State.SUCCEEDED)

    def _end_body(self, scope: Scope, state: State, reason: str = "") -> None:
        fan = scope.owner
        assert fan is not None
        del fan.bodies[scope.index]
        fan.active -= 1
        fan.dooms -= scope.doomed
        self._end_item(fan, scope.index, state, reason)
        self._later(self._feed, fan)

    def _end_round(self, scope: Scope, *, done: bool) -> None:
        fan = scope.owner
        assert fan is not None
        assert fan.node.repeat is not None
        repeat = fan.node.repeat
        if done:
            self._end_body(scope, State.SUCCEEDED)
        elif scope.round + 1 >= repeat.max_rounds:
            accept = repeat.accept_max or repeat.until is None
            self._end_body(scope, State.SUCCEEDED if accept else State.FAILED, "" if accept else "not_converged")
        elif self._halted(fan) or scope.draining:
            self._end_body(scope, State.CANCELLED)
        elif repeat.delay > 0:
            self._move(fan, scope.index, State.WAITING)
            self._out.append(SetTimer(Timer("repeat", fan.task(scope.index), scope.round), repeat.delay))
        else:
            self._open_body(fan, scope.index, scope.round + 1)
