"""`yamlflow logs`: what tasks printed, of one task, of those that failed, or of all."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from yamlflow.cli.looking import Look, choose, looking_for
from yamlflow.cli.options import StateDirOption
from yamlflow.cli.output.text import log_line, one_line
from yamlflow.cli.screen.tails import Tail
from yamlflow.core.errors import UsageError
from yamlflow.core.graph import TaskId
from yamlflow.core.progress import RunView
from yamlflow.engine.runs.history import AttemptRecord, Follower, attempts_of

LOOK = 0.3  # seconds between two looks while following


def logs(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN STEP[key]", help="A run, a step or task of it, or both.", show_default=False),
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the run ends.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", metavar="N", min=0, help="The last N lines of each.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only of tasks that failed.")] = False,
    state_dir: StateDirOption = None,
) -> None:
    """Show what tasks printed, each line with its task's name where there are several."""
    with looking_for(words or [], state_dir) as (look, step):
        view = look.view()
        chosen = set(choose(view, step)[1]) if step else None
        if follow:
            _follow(look, step)
            return
        attempts = [one for one in attempts_of(look.folder, look.state, look.record) if _wanted(one, chosen)]
        if failed:
            attempts = [one for one in attempts if _failed(one)]
        if not attempts:
            _nothing(look, step, failed=failed)
        for line in _lines(attempts, view, tail):
            print(line)


def _wanted(attempt: AttemptRecord, chosen: set[TaskId] | None) -> bool:
    return chosen is None or attempt.task in chosen


def _failed(attempt: AttemptRecord) -> bool:
    """Whether it failed by itself; who was cancelled did not."""
    outcome = attempt.outcome
    return outcome is not None and outcome.failure is not None and outcome.failure.reason != "cancelled"


def _nothing(look: Look, step: str | None, *, failed: bool) -> None:
    if failed or step is None:
        return
    raise UsageError(f"no task of run {look.record.id} is called {step}, or none has started", hint="yamlflow status")


def _lines(attempts: list[AttemptRecord], view: RunView, tail: int | None) -> Iterator[str]:
    """Every log in the order of submission, prefixed when there are several."""
    several = len(attempts) > 1
    again = {one.task for one in attempts if one.attempt > 1}
    for one in attempts:
        prefix = f"{_title(one, view, again)} | " if several else ""
        for raw in _last(_read(one.log), tail):
            yield prefix + log_line(raw)


def _title(one: AttemptRecord, view: RunView, again: set[TaskId]) -> str:
    name = one_line(view.names.display(one.task))
    if one.task not in again:
        return name
    return f"{name} (catch)" if one.rescue else f"{name} (attempt {one.attempt})"


def _read(log: Path) -> Iterator[bytes]:
    try:
        with log.open("rb") as file:
            yield from file
    except OSError:
        return  # nothing was printed


def _last(lines: Iterable[bytes], tail: int | None) -> Iterable[bytes]:
    return lines if tail is None else deque(lines, maxlen=tail)


def _follow(look: Look, step: str | None) -> None:
    """Prints lines as they come, until the run's launcher is gone and all is read."""
    follower = Follower(look.state, look.record)
    tails: dict[str, Tail] = {}
    while True:
        going_on = look.standing == "running"
        follower.catch_up()
        chosen = set(choose(follower.view, step)[1]) if step else None
        for one in attempts_of(look.folder, look.state, look.record):
            if _wanted(one, chosen):
                prefix = f"{one_line(follower.view.names.display(one.task))} | "
                found = tails.setdefault(one.name, Tail(one.log, prefix))
                for line in found.lines() if going_on else found.last():
                    print(line, flush=True)
        if not going_on:
            return
        time.sleep(LOOK)
