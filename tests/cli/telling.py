"""Runs told event by event, and the screens that hear of them."""

from __future__ import annotations

from yamlflow.cli.screen.ending import Ending
from yamlflow.cli.screen.lines import line
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Outcome, Usage
from yamlflow.core.messages import (
    Failed,
    ItemsKnown,
    Machine,
    Progressed,
    RunEnded,
    RunStarted,
    Started,
    Submitted,
    Succeeded,
)
from yamlflow.core.outline import Outline, Step
from yamlflow.core.progress import RunView

STEPS = (
    Step("prep", "prep", "", 0),
    Step("fit", "fit", "", 0, names=("model",)),
    Step("last", "last", "", 0),
    Step("page", "page", "", 0, hook="on_failure"),
)


class Tale:
    """A run told event by event; `at` goes on by one second each."""

    def __init__(self, *screens, steps=STEPS):
        self.view = RunView(Outline("churn", {step.id: step for step in steps}))
        self.screens = screens
        self.at = 99.0
        self.lines = []
        self.tell(RunStarted, machine=Machine(2, 0), executors={})

    def tell(self, kind, *values, **named):
        self.at += 1
        event = kind(self.at, *values, **named)
        self.view.fold(event)
        for screen in self.screens:
            screen.see(event, self.view)
        words = line(event, self.view)
        self.lines += [words] if words is not None else []

    def run(self, node, path=(), *, attempt=1, rescue=False):
        self.tell(Submitted, TaskId(node, path), attempt, rescue)
        self.tell(Started, TaskId(node, path), attempt)

    def good(self, node, path=(), seconds=1.5):
        self.run(node, path)
        self.tell(Succeeded, TaskId(node, path), 1, Outcome("succeeded", usage=Usage(seconds)))

    def bad(self, node, path=(), message="no", traceback=""):
        self.run(node, path)
        failure = Failure("error", message, "builtins.ValueError", traceback=traceback)
        self.tell(Failed, TaskId(node, path), 1, Outcome("failed", failure=failure, usage=Usage(0.2)))


def half_way():
    tale = Tale()
    tale.good("prep")
    tale.tell(ItemsKnown, TaskId("fit", ()), 20, tuple(f"m{n}" for n in range(20)))
    for item in range(11):
        tale.good("fit", (item,))
    tale.bad("fit", (11,))
    tale.run("fit", (12,))
    tale.tell(Progressed, TaskId("fit", (12,)), "epoch [bold]4[/bold]/10\x1b[31m", 0.4)
    return tale


def ended(tale, state):
    tale.tell(RunEnded, state)
    return Ending("r1", state, tale.view, lambda task, attempt: f"logs/{task.node}.{attempt}.log")
