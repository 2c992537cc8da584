"""A pipeline made by hand, run by the real engine on the fake executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yamlflow.core.graph import Action, Axis, Edge, EdgeKind, Graph, Loop, Node, Param, PythonTarget
from yamlflow.core.jobs import Failure, Job, Outcome
from yamlflow.core.messages import Event, ExecutorTraits, Machine
from yamlflow.engine.run import RunResult, execute
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.engine.runs.opening import Run, RunOptions, open_run, reopen_run
from yamlflow.executors.fake import FakeExecutor, FakeOptions

KINDS = {"": EdgeKind.PLAIN, "needs": EdgeKind.ORDER, "each": EdgeKind.ELEMENTWISE}


def action(inputs: Mapping[str, Any] | None = None, **fields: Any) -> Action:
    fields.setdefault("target", PythonTarget("m:f"))
    fields.setdefault("definition", "d")
    return Action(inputs=inputs or {}, **fields)


def step(name: str, *after: str, parent: str = "", depth: int = 0, inputs: Any = None, **fields: Any) -> Node:
    """A task (or, with `children`, a group); `after` are edges: "x", "needs:x", "each:x"."""
    if "children" not in fields:
        fields.setdefault("action", action(inputs))
    edges = tuple(Edge(text.rpartition(":")[2], KINDS[text.rpartition(":")[0]]) for text in after)
    return Node(f"{parent}.{name}" if parent else name, name, parent, depth, 0, edges=edges, **fields)


def over(axes: Mapping[str, Any], **fields: Any) -> Loop:
    """A cartesian loop: a list is literal, a string an expression."""
    made = tuple(
        Axis((name,), (tuple(source) if isinstance(source, list) else source,)) for name, source in axes.items()
    )
    return Loop(made, **fields)


def graph(*nodes: Node, params: Mapping[str, Any] | None = None, **fields: Any) -> Graph:
    roots = tuple(node.id for node in nodes if not node.parent and not node.hook)
    found = {name: Param(name, "json", value) for name, value in (params or {}).items()}
    fields.setdefault("name", "test")
    return Graph(nodes={node.id: node for node in nodes}, roots=roots, params=found, **fields)


def ok(value: Any = None) -> Outcome:
    return Outcome("succeeded", value)


def bad(message: str = "it broke", **fields: Any) -> Outcome:
    return Outcome("failed", failure=Failure(fields.pop("reason", "error"), message, **fields))


Answers = Mapping[str, Any]


def answering(answers: Answers) -> Callable[[Job], Outcome]:
    """By node: an outcome, a value, or a function of the job's inputs that gives a value."""

    def answer(job: Job) -> Outcome:
        found = answers.get(job.task.node)
        if callable(found):
            found = found(job)
        return found if isinstance(found, Outcome) else ok(found)

    return answer


@dataclass
class Bench:
    """Runs graphs in one state folder and keeps what was seen."""

    folder: StateFolder
    machine: Machine = field(default_factory=lambda: Machine(4.0, 1 << 34))
    executor: FakeExecutor = field(default_factory=FakeExecutor)
    events: list[Event] = field(default_factory=list)

    def run(self, plan: Graph, answers: Answers | None = None, **options: Any) -> RunResult:
        """A new run, to its end."""
        run = open_run(plan, self.folder, RunOptions(**options), file=str(self.folder.path.parent / "pipeline.yaml"))
        return self.go(run, answers)

    def resume(self, plan: Graph, run_id: str, answers: Answers | None = None, **options: Any) -> RunResult:
        return self.go(reopen_run(plan, self.folder, run_id, RunOptions(**options)), answers)

    def go(self, run: Run, answers: Answers | None = None) -> RunResult:
        self.executor = FakeExecutor(FakeOptions(answer=answering(answers or {})))
        self.events = []
        names = {node.executor for node in run.graph.nodes.values()}
        executors = {name: (self.executor, ExecutorTraits()) for name in names}
        try:
            return execute(run, executors, self.machine, lambda _view, events: self.events.extend(events))
        finally:
            run.close()

    def given(self, step: str) -> list[dict[str, Any]]:
        """The inputs of every attempt of a step, in order of submission."""
        return [dict(job.inputs) for job in self.executor.jobs.values() if job.task.node == step]

    def ran(self) -> list[str]:
        """Display names of the attempts, in order of submission."""
        return [job.display for job in self.executor.jobs.values()]


def bench(tmp_path: Path) -> Bench:
    return Bench(StateFolder(tmp_path / ".yamlflow"))
