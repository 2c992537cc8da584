"""A world for the scheduler: answers its commands in any order, by a script.

Not a mock of our code: the scheduler is real, the world around it is this.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from yamlflow.core.commands import Cancel, Command, Evaluate, Finish, LookUp, Mark, SetTimer, Submit
from yamlflow.core.graph import Action, Edge, EdgeKind, Graph, Node, PythonTarget, TaskId
from yamlflow.core.jobs import Failure, Outcome
from yamlflow.core.messages import (
    CacheMissed,
    Evaluated,
    Event,
    ExecutorTraits,
    Failed,
    ItemsKnown,
    Lost,
    Machine,
    Restored,
    RunStarted,
    Started,
    State,
    Succeeded,
    TimerFired,
)
from yamlflow.core.scheduler import Scheduler

ACTION = Action(PythonTarget("m:f"))
OK = Outcome("succeeded")
SKIP = Outcome("skipped")


def failed(reason: str = "error", **more: object) -> Outcome:
    return Outcome("failed", failure=Failure(reason, "it broke", **more))  # type: ignore[arg-type]


def step(name: str, *after: str, parent: str = "", depth: int = 0, **fields: object) -> Node:
    """A task node whose edges are plain to `after` ("needs:x" for order, "each:x" for element-wise)."""
    node_id = f"{parent}.{name}" if parent else name
    fields.setdefault("rank", 0)
    if "children" not in fields:
        fields.setdefault("action", ACTION)
    return Node(node_id, name, parent, depth, edges=tuple(map(edge, after)), **fields)  # type: ignore[arg-type]


def edge(text: str) -> Edge:
    kind, _, source = text.rpartition(":")
    kinds = {"needs": EdgeKind.ORDER, "each": EdgeKind.ELEMENTWISE, "each-strict": EdgeKind.ELEMENTWISE}
    return Edge(source, kinds.get(kind, EdgeKind.PLAIN), takes_none=not kind.endswith("strict"))


def graph(*nodes: Node, **fields: object) -> Graph:
    roots = tuple(node.id for node in nodes if not node.parent and not node.hook)
    return Graph("test", {node.id: node for node in nodes}, roots, **fields)  # type: ignore[arg-type]


Script = Callable[[TaskId, int], Outcome]


@dataclass
class World:
    """Runs a graph to its end. `outcomes(task, attempt)` says how attempts go."""

    graph: Graph
    outcomes: Script = lambda _task, _attempt: OK
    items: Mapping[str, int] | Callable[[TaskId], int] = field(default_factory=dict)
    answers: Callable[[Evaluate], bool | Failure] = lambda _command: True
    cpu: float = 4.0
    depth: int = 1
    chain: int = 1
    short: float = 0.05
    overhead: float = 0.0
    packs: bool = False
    seed: int | None = None
    start: Mapping[str, object] = field(default_factory=dict)
    done: Mapping[TaskId, State] = field(default_factory=dict)
    limit: int = 100_000

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.graph)
        self.random = random.Random(self.seed or 0)
        self.inbox: list[Event] = []
        self.states: dict[TaskId, State] = {}
        self.runs: list[tuple[TaskId, int]] = []
        self.flight: dict[TaskId, int] = {}
        self.most = 0
        self.now = 0.0
        self.timers: list[tuple[float, int, SetTimer]] = []
        self.ends: list[str] = []
        self.commands: list[Command] = []
        self.held: set[TaskId] = set()

    def begin(self) -> World:
        traits = ExecutorTraits(
            depth=self.depth, chain=self.chain, short=self.short, overhead=self.overhead, packs=self.packs
        )
        executors = {node.executor: traits for node in self.graph.nodes.values()}
        self.tell(RunStarted(0.0, Machine(self.cpu, 1 << 34), executors, **self.start))  # type: ignore[arg-type]
        return self

    def run(self) -> World:
        """From start to end, in a random order of reports when there is a seed."""
        self.begin()
        return self.finish()

    def finish(self) -> World:
        for _ in range(self.limit):
            if self.inbox:
                self.tell(self.inbox.pop(self.random.randrange(len(self.inbox)) if self.seed is not None else 0))
            elif self.timers:
                self.timers.sort(key=lambda timer: timer[:2])
                self.now, _, command = self.timers.pop(0)
                self.tell(TimerFired(self.now, command.timer))
            else:
                break
        return self

    def tell(self, event: Event) -> list[Command]:
        match event:
            case Succeeded(task=task, outcome=outcome):
                self.states[task] = State.SKIPPED if outcome.state == "skipped" else State.SUCCEEDED
                self.flight.pop(task, None)
            case Failed(task=task) | Lost(task=task):
                self.flight.pop(task, None)
            case Restored(task=task):
                self.states[task] = State.SUCCEEDED
            case _:
                pass
        commands = self.scheduler.handle(event)
        self.commands += commands
        for command in commands:
            self.obey(command)
        return commands

    def obey(self, command: Command) -> None:
        match command:
            case Evaluate():
                self.inbox.append(self.evaluate(command))
            case Submit(tasks=tasks, attempt=attempt):
                for task in tasks:
                    self.submit(task, attempt)
            case LookUp(tasks=tasks):
                for task in tasks:
                    known = task in self.done
                    self.inbox.append(Restored(self.now, task) if known else CacheMissed(self.now, (task,)))
            case Mark(task=task, state=state):
                self.states[task] = state
            case SetTimer(delay=delay):
                self.timers.append((self.now + delay, len(self.commands) + len(self.timers), command))
            case Cancel(tasks=tasks, begun=True):
                for task, attempt in tasks:
                    self.inbox = [event for event in self.inbox if getattr(event, "task", None) != task]
                    self.inbox.append(Failed(self.now, task, attempt, failed("cancelled")))
            case Finish(state=state):
                self.ends.append(state)
            case _:
                pass

    def evaluate(self, command: Evaluate) -> Event:
        answer = self.answers(command)
        if isinstance(answer, Failure):
            return Evaluated(self.now, command.task, command.what, error=answer)
        if command.what == "foreach":
            count = self.items(command.task) if callable(self.items) else self.items[command.task.node]
            return ItemsKnown(self.now, command.task, count)
        return Evaluated(self.now, command.task, command.what, value=answer)

    def submit(self, task: TaskId, attempt: int) -> None:
        assert task not in self.flight, "one attempt at a time"
        self.runs.append((task, attempt))
        self.flight[task] = attempt
        self.most = max(self.most, len(self.flight))
        if task not in self.held:
            self.report(task, attempt)

    def report(self, task: TaskId, attempt: int) -> None:
        outcome = self.outcomes(task, attempt)
        self.inbox.append(Started(self.now, task, attempt))
        kind = Failed if outcome.state == "failed" else Succeeded
        self.inbox.append(kind(self.now, task, attempt, outcome))

    def ran(self, node: str) -> list[tuple[int, ...]]:
        return [task.path for task, _ in self.runs if task.node == node]

    def state(self, node: str, *path: int) -> str:
        return self.states[TaskId(node, path)].value
