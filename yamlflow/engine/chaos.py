"""Death at a chosen moment, for tests: `YAMLFLOW_CHAOS=submit:12` ends this launcher by SIGKILL at the 12th submit.

A moment counts only while a task is running; `start` and `end`, the commits of
the run's first and last event, count always. Unset, the parts of a run are left
as they are, and nothing here is called again. Must never change what a run does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from yamlflow.core.errors import UsageError
from yamlflow.core.jobs import JobBatch, Report
from yamlflow.core.messages import Event, Failed, ItemsKnown, Lost, RunEnded, RunStarted, Started, Submitted, Succeeded
from yamlflow.engine.parts import Parts
from yamlflow.engine.runs.recorder import Recorder
from yamlflow.executors.base import Executor

VARIABLE = "YAMLFLOW_CHAOS"
MOMENTS: Mapping[str, str] = {
    "start": "the run has started, which is not durable yet",
    "expansion": "a loop's items are known, which is not durable yet",
    "ended": "an attempt has ended, which is not durable yet",
    "hooks": "a hook was submitted, started or has ended, which is not durable yet",
    "commit": "before a commit",
    "committed": "after a commit, before its commands leave",
    "submit": "before an executor is given a job",
    "submitted": "after that",
    "join": "before an executor is given a job that joins a loop",
    "end": "the run has ended, which is not durable yet",
}


def arm(
    parts: Parts, executors: Mapping[str, Executor], environ: Mapping[str, str] = os.environ
) -> tuple[Parts, Mapping[str, Executor]]:
    """Parts and executors as they are, or, if the variable is set, such as die at that moment."""
    wish = environ.get(VARIABLE)
    if not wish:
        return parts, executors
    doom = _doom(wish, parts)
    deadly = {id(executor): _DeadlyExecutor(executor, doom) for executor in executors.values()}
    armed = replace(parts, recorder=_DeadlyRecorder(parts.recorder, doom))
    return armed, {name: deadly[id(executor)] for name, executor in executors.items()}


def _doom(wish: str, parts: Parts) -> Doom:
    moment, _, number = wish.partition(":")
    if moment not in MOMENTS or not number.isdigit() or int(number) < 1:
        raise UsageError(f"{VARIABLE}={wish}: write MOMENT:NUMBER; the moments are {', '.join(MOMENTS)}")
    return Doom(moment, int(number), frozenset(node.id for node in parts.world.graph.nodes.values() if node.hook))


class Doom:
    """Counts moments, and dies at the last one as if killed from outside."""

    def __init__(self, moment: str, number: int, hooks: Collection[str]) -> None:
        self._moment = moment
        self._left = number
        self._hooks = hooks
        self._running: set[object] = set()

    def meet(self, moment: str) -> None:
        """This moment has come."""
        if moment == self._moment and (self._running or moment in ("start", "end")):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def see(self, event: Event) -> None:
        """An event that belongs to the next commit."""
        match event:
            case RunStarted():
                self.meet("start")
            case RunEnded():
                self.meet("end")
            case ItemsKnown():
                self.meet("expansion")
            case Submitted(task=task):
                self._see_hook(task.node)
            case Started(task=task):
                self._running.add(task)
                self._see_hook(task.node)
            case Succeeded(task=task) | Failed(task=task) | Lost(task=task):
                self._running.discard(task)
                self.meet("ended")
                self._see_hook(task.node)
            case _:
                pass

    def _see_hook(self, node: str) -> None:
        if node in self._hooks:
            self.meet("hooks")


class _DeadlyRecorder(Recorder):
    def __init__(self, recorder: Recorder, doom: Doom) -> None:
        self.__dict__.update(recorder.__dict__)
        self._doom = doom

    def note(self, event: Event, digest: bytes | None = None, outcome: Mapping[str, Any] | None = None) -> None:
        super().note(event, digest, outcome)
        self._doom.see(event)

    def commit(self) -> None:
        self._doom.meet("commit")
        super().commit()
        self._doom.meet("committed")


class _DeadlyExecutor:
    def __init__(self, executor: Executor, doom: Doom) -> None:
        self.traits = executor.traits
        self._executor = executor
        self._doom = doom

    def submit(self, batch: JobBatch) -> None:
        if any(isinstance(value, dict) and "$join" in value for job in batch.jobs() for value in job.inputs.values()):
            self._doom.meet("join")
        self._doom.meet("submit")
        self._executor.submit(batch)
        self._doom.meet("submitted")

    def poll(self, timeout: float) -> Sequence[Report]:
        return self._executor.poll(timeout)

    def wake(self) -> None:
        self._executor.wake()

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        self._executor.cancel(names, force=force, begun=begun)

    def adopt(self, run_id: str) -> Sequence[Report]:
        return self._executor.adopt(run_id)

    def close(self, *, detach: bool = False) -> None:
        self._executor.close(detach=detach)
