"""Lost values: who made one runs again, and who could not read it waits for that.

An ended task stays ended: the fan that it ended in, and all that was decided
after it, are not touched. Its new generation runs in a *twin* of that fan, of
which nobody but the waiting readers takes notice; so it makes no difference
whether the scope around it has closed. A reader is an attempt that failed by
the loss, a question whose answer needs the value, or the outputs of the run.
A task is opened again only so many times; then its readers' failures stand.
"""

from __future__ import annotations

from typing import Union

from yamlflow.core.attempts import IN_FLIGHT
from yamlflow.core.commands import Evaluate, Finish, Mark
from yamlflow.core.fans import CODE, Fan, Live, Scope
from yamlflow.core.flow import Flow
from yamlflow.core.graph import Graph, Path, TaskId
from yamlflow.core.jobs import ARTIFACT_LOST, Failure
from yamlflow.core.messages import GOOD, ArtifactLost, Evaluated, RunState, State

RUN = TaskId("", ())

GENERATIONS = 3
"""How often one task is opened again."""

Reader = Union[TaskId, Evaluate]


class Recovery(Flow):
    """Opens new generations of ended tasks, and lets their readers go on."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self._state: RunState = "running"
        self._repairs: dict[TaskId, dict[Reader, None]] = {}  # tasks that run again, and who waits for each
        self._missing: dict[Reader, int] = {}  # how many tasks each reader waits for
        self._opened: dict[TaskId, int] = {}
        self._twins: dict[tuple[str, Path], Fan] = {}
        self._spoilt = False  # a value was lost for good
        self._held = False  # the phase is over but for tasks that run again

    # --- a new generation

    def _on_artifact_lost(self, event: ArtifactLost) -> None:
        reader = event.reader if event.what is None else Evaluate(event.reader, event.what)
        if not self._wants(reader) or not (event.task in self._repairs or self._reopen(event)):
            return
        readers = self._repairs[event.task]
        if reader not in readers:
            readers[reader] = None
            self._missing[reader] = self._missing.get(reader, 0) + 1

    def _wants(self, reader: Reader) -> bool:
        """May the reader still go on once it can read?"""
        if isinstance(reader, Evaluate):
            fan = None if reader.task == RUN else self._fan_at(reader.task)
            return not self._cancelled if fan is None else not self._halted(fan)
        live = self._live.get(reader)
        return live is not None and not (self._halted(live.fan) or live.fan.stopped)

    def _reopen(self, event: ArtifactLost) -> bool:
        task, times = event.task, self._opened.get(event.task, 0)
        if times >= GENERATIONS or task in self._live:
            return False
        self._opened[task] = times + 1
        self._repairs[task] = {}
        fan, index = self._twin(task)
        fan.states[index] = CODE[State.PENDING]
        self._live[task] = Live(fan, index, attempt=event.attempt)
        self._make_ready(fan, index)
        self._out.append(Mark(task, State.READY, ARTIFACT_LOST))
        return True

    def _twin(self, task: TaskId) -> tuple[Fan, int]:
        node = self._node(task.node)
        prefix = task.path[: node.depth]
        twin = self._twins.get((node.id, prefix))
        if twin is None:
            twin = self._twins[node.id, prefix] = Fan(node, Scope(prefix), 0, count=0, twin=self._fan_at(task))
            if twin.twin is not None:
                twin.twin.twin = twin
        index = self._item_of(twin, task.path)
        twin.states.extend(bytes(max(0, index + 1 - len(twin.states))))
        twin.count = len(twin.states)
        twin.cursor = twin.count
        return twin, index

    # --- its end

    def _after_item(self, fan: Fan, index: int, state: State) -> None:
        if self._repairs and fan.task(index) in self._repairs:
            self._later(self._on_made_again, fan.task(index), state)
        else:
            super()._after_item(fan, index, state)

    def _on_made_again(self, task: TaskId, state: State) -> None:
        readers = self._repairs.pop(task)
        good = state in GOOD
        self._spoilt = self._spoilt or not (good or state is State.CANCELLED)
        for reader in readers:
            if reader not in self._missing:
                continue
            self._missing[reader] -= 1
            if not good:
                del self._missing[reader]
                self._give_up_reading(reader)
            elif not self._missing[reader]:
                del self._missing[reader]
                self._read_again(reader)
        if self._held and not self._repairs:
            self._held = False
            self._end_phase()

    def _read_again(self, reader: Reader) -> None:
        if isinstance(reader, TaskId):
            live = self._parked(reader)
            if live is not None:
                self._requeue(live)
        elif reader.task == RUN:
            self._out.append(Finish(self._state))
        else:
            self._out.append(reader)

    def _give_up_reading(self, reader: Reader) -> None:
        if isinstance(reader, TaskId):
            live = self._parked(reader)
            if live is not None:
                self._give_up(live, ARTIFACT_LOST)
        elif reader.task == RUN:
            self._state = "cancelled" if self._cancelled else "failed"
            self._out.append(Finish(self._state))
        else:
            failure = Failure(ARTIFACT_LOST, "a stored value that it needs is lost")
            super()._on_evaluated(Evaluated(self._start.at, reader.task, reader.what, error=failure))

    def _parked(self, task: TaskId) -> Live | None:
        live = self._live.get(task)
        return live if live is not None and live.fan.item_state(live.index) is State.WAITING else None

    # --- in the way of what goes on

    def _awaits(self, task: TaskId) -> bool:
        return task in self._missing

    def _on_evaluated(self, event: Evaluated) -> None:
        question = Evaluate(event.task, event.what)
        if event.error is not None and event.error.reason == ARTIFACT_LOST and question in self._missing:
            return
        if event.task == RUN:
            self._out.append(Finish(self._state))
        else:
            super()._on_evaluated(event)

    def _drain(self, scope: Scope, *, everything: bool = False) -> None:
        super()._drain(scope, everything=everything)
        if self._repairs:
            self._later(self._prune)

    def _prune(self) -> None:
        """What nobody waits for any more is not begun; a question whose asker ends is asked again at once."""
        for task, readers in list(self._repairs.items()):
            live = self._live.get(task)
            if live is None or live.fan.states[live.index] in IN_FLIGHT or any(map(self._wants, readers)):
                continue
            if live.index in live.fan.ready:
                live.fan.ready.remove(live.index)
            del self._live[task], self._repairs[task]
            self._out.append(Mark(task, State.SUCCEEDED))
        for reader in [reader for reader in self._missing if not self._wants(reader)]:
            if isinstance(reader, Evaluate) and reader.task != RUN:
                del self._missing[reader]
                self._read_again(reader)

    def _is_held(self) -> bool:
        """A phase does not end before what runs again has ended."""
        self._held = bool(self._repairs)
        return self._held
