"""A run without tasks: which results the cache would give, and why the other cached steps would run.

The scheduler and the answers of a real run, with nobody who does the work: what
needs a task's value that no cache has stays open. Reads the state folder where
there is one; writes nothing, and makes nothing.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path

from yamlflow.core.commands import Evaluate, LookUp, Mark
from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Graph, TaskId
from yamlflow.core.messages import (
    CacheMissed,
    Event,
    ExecutorTraits,
    Machine,
    Restored,
    RunStarted,
    State,
)
from yamlflow.core.outline import outline
from yamlflow.core.progress import RunView
from yamlflow.core.scheduler import Scheduler
from yamlflow.core.values import ArtifactRef
from yamlflow.engine.answers.evaluation import Defer, Evaluation, Reader, Wrong
from yamlflow.engine.answers.expansion import Expansion
from yamlflow.engine.answers.host import Host
from yamlflow.engine.answers.questions import Questions, refused
from yamlflow.engine.answers.scope import World
from yamlflow.engine.answers.values import Values
from yamlflow.engine.attempts.assembly import Assembly, Places
from yamlflow.engine.attempts.caching import Caching
from yamlflow.engine.attempts.codes import Codes
from yamlflow.engine.attempts.contents import Contents
from yamlflow.engine.attempts.fingerprints import Fingerprints
from yamlflow.engine.clock import SYSTEM
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.store.results import Results
from yamlflow.store.state import look_at_state
from yamlflow.worker.storage import LocalStorage


@dataclass(slots=True)
class Fate:
    """What would become of a step that has a cache: so many tasks cached, so many run, and why."""

    cached: int = 0
    runs: int = 0
    why: str = ""
    after: tuple[str, ...] = ()


def rehearse(graph: Graph, folder: StateFolder, file: str, *, refresh: Collection[str] = ()) -> dict[str, Fate]:
    """The fate of every step with a cache; `after` names the steps that one waits for whose tasks are not known yet."""
    if all(node.cache is None for node in graph.nodes.values()):
        return {}
    state = look_at_state(folder.path / "state.db")
    try:
        return _Rehearsal(graph, folder, file, state.results if state else None, refresh).play()
    finally:
        if state is not None:
            state.close()


class _Rehearsal:
    def __init__(
        self, graph: Graph, folder: StateFolder, file: str, results: Results | None, refresh: Collection[str]
    ) -> None:
        steps = outline(graph)
        storage = _Imagined(folder.store)
        reader = Reader(storage)
        self._graph = graph
        self._view = RunView(steps)
        self._world = _world(graph, RunView(steps), reader, Host(Path(file).parent, storage))
        names = self._view.names
        assembly = Assembly(self._world, reader, names, Places(folder.path, folder.store), "", 0)
        contents = Contents()
        codes = Codes(graph, contents)
        prints = Fingerprints(self._world, reader, codes, contents)
        again = [node for node in graph.nodes if node.partition(".")[0] in refresh]
        self._caching = Caching(graph, assembly, prints, codes, names, storage, results, SYSTEM, refresh=again)
        world = self._world
        self._questions = Questions(world, reader, Evaluation(world, reader), Expansion(world, reader, names))
        self._scheduler = Scheduler(graph)
        self._fates: dict[str, Fate] = {}

    def play(self) -> dict[str, Fate]:
        executors = {node.executor: ExecutorTraits(machine=False) for node in self._graph.nodes.values()}
        events: deque[Event] = deque([RunStarted(0.0, Machine(1.0, 0), executors)])
        while events:
            event = events.popleft()
            self._view.fold(event)
            for command in self._scheduler.handle(event):
                match command:
                    case Evaluate():
                        events.extend(self._answer(command))
                    case LookUp(tasks=tasks):
                        events.extend(self._look_up(tasks))
                    case Mark(task=task, state=state):
                        self._mark(task, state)
                    case _:
                        pass
        return {node.id: self._fate(node.id) for node in self._graph.nodes.values() if node.cache is not None}

    def _answer(self, asked: Evaluate) -> Iterable[Event]:
        try:
            return [self._questions.answer(0.0, asked.task, asked.what, {})[0]]
        except Wrong as error:
            return [refused(0.0, asked.task, asked.what, error.failure)]
        except Defer:  # a worker's answer: not known before the run
            return []

    def _look_up(self, tasks: tuple[TaskId, ...]) -> Iterable[Event]:
        answer = self._caching.find(tasks)
        fate = self._fates.setdefault(tasks[0].node, Fate())
        fate.cached += len(answer.found)
        fate.runs += len(answer.missed)
        fate.why = fate.why or answer.why
        for found in answer.found:
            self._world.values.put(found.task, found.outcome.value)
            yield Restored(0.0, found.task, found.end)
        if answer.missed:
            yield CacheMissed(0.0, tuple(answer.missed))

    def _mark(self, task: TaskId, state: State) -> None:
        if len(task.path) == self._graph.nodes[task.node].depth and state is not State.SUCCEEDED:
            self._world.states[task] = state

    def _fate(self, step: str) -> Fate:
        if step in self._fates:
            return self._fates[step]
        sources: list[str] = []
        while step:  # and what the groups around it wait for
            sources += [edge.source for edge in self._graph.nodes[step].edges if self._is_open(edge.source)]
            step = self._graph.nodes[step].parent
        return Fate(after=tuple(dict.fromkeys(sources)))

    def _is_open(self, step: str) -> bool:
        view = self._view.steps[step]
        return bool(view.unexpanded or view.done < view.total or not view.total)


def _world(graph: Graph, view: RunView, reader: Reader, host: Host) -> World:
    now = datetime.now().astimezone()
    facts = {"id": "", "name": "", "dir": Path(), "state": None, "error": None, "date": now.date(), "time": now}
    env = {name: os.environ[name] for name in graph.env_allow if name in os.environ}
    steps = view.outline
    return World(graph, steps, Values(steps), facts, env, host.functions, load=reader.load)


class _Imagined(LocalStorage):
    """A store that only works out what would be stored; what there is can be read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._held: dict[str, bytes] = {}

    def put_bytes(self, parts: Iterable[bytes | bytearray | memoryview]) -> tuple[str, int]:
        content = b"".join(bytes(part) for part in parts)
        digest = sha256(content).hexdigest()
        self._held[digest] = content
        return digest, len(content)

    def put_file(self, source: str | os.PathLike[str], *, take_from: str = "") -> tuple[str, int]:  # noqa: ARG002
        path = Path(source)
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest(), path.stat().st_size

    def read(self, ref: ArtifactRef) -> bytearray:
        held = self._held.get(ref.digest)
        return super().read(ref) if held is None else bytearray(held)
