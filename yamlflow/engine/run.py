"""A run, from opening to its end.

    run = open_run(graph, folder, options, file=...)   # locks, a record, folders: durable
    result = execute(run, executors, machine, listener)   # blocks; `run.stop(...)` from a signal handler ends it
    run.close()

Whoever calls this makes the executors and closes the run, whatever happens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any

from yamlflow import __version__
from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import SetupError
from yamlflow.core.graph import Graph, PythonTarget
from yamlflow.core.messages import CodeChanged, ExecutorTraits, Machine, RunStarted
from yamlflow.core.outline import outline_to_json
from yamlflow.core.progress import RunView
from yamlflow.core.scheduler import Scheduler
from yamlflow.core.values import Document, decode, encode
from yamlflow.engine.answers.evaluation import Evaluation, Reader
from yamlflow.engine.answers.expansion import Expansion
from yamlflow.engine.answers.host import Host
from yamlflow.engine.answers.questions import Questions
from yamlflow.engine.answers.scope import World
from yamlflow.engine.answers.values import Values
from yamlflow.engine.attempts.adoption import Adoption, find_adoptable
from yamlflow.engine.attempts.assembly import Assembly, Places
from yamlflow.engine.attempts.caching import Caching
from yamlflow.engine.attempts.earlier import Earlier
from yamlflow.engine.attempts.fingerprints import Fingerprints
from yamlflow.engine.attempts.keys import attempt_id
from yamlflow.engine.attempts.lookups import Lookups
from yamlflow.engine.attempts.losses import Losses
from yamlflow.engine.attempts.outdated import Recorded, outdated
from yamlflow.engine.chaos import arm
from yamlflow.engine.inbox import Stop
from yamlflow.engine.loop import Loop
from yamlflow.engine.machine import check_requests, clamp
from yamlflow.engine.parts import AbandonedError, DetachedError, Ended, Listener, Parts
from yamlflow.engine.pump import Deliver, Pump
from yamlflow.engine.runs.definitions import definitions
from yamlflow.engine.runs.opening import Run, RunOptions, open_run, reopen_run
from yamlflow.engine.runs.parameters import recorded
from yamlflow.engine.runs.recorder import Recorder
from yamlflow.engine.runs.shipping import ship
from yamlflow.executors.base import Executor
from yamlflow.worker.storage import LocalStorage

__all__ = ["Run", "RunOptions", "RunResult", "execute", "open_run", "reopen_run"]


@dataclass(frozen=True, slots=True)
class Makers:
    """How the parts that think and the parts that move are made; a simulation brings its own."""

    scheduler: Callable[[Graph], Scheduler] = Scheduler
    pump: Callable[[str, Executor, Deliver], Pump] = Pump


MAKERS = Makers()

EXIT_CODES: Mapping[str, int] = {"succeeded": 0, "failed": 1, "cancelled": 130, "interrupted": 130}


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended; `outputs` are documents.

    `state` is succeeded, failed, cancelled, or interrupted (left while tasks may still run).
    """

    run_id: str
    state: str
    view: RunView
    outputs: Mapping[str, Document] = field(default_factory=dict)
    output_error: str = ""

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.state]


def execute(
    run: Run,
    executors: Mapping[str, tuple[Executor, ExecutorTraits]],
    machine: Machine,
    listener: Listener = lambda _view, _events: None,
    makers: Makers = MAKERS,
) -> RunResult:
    """Runs to the end. Raises SetupError before anything starts, StateError when state cannot be written."""
    traits = {name: pair[1] for name, pair in executors.items()}
    _fit(run, machine, traits)
    body = {**_body(run), "codes": _codes(run)}
    run.launch = run.state.start_launch(run.id, body)
    crew: Mapping[str, Executor] = {name: pair[0] for name, pair in executors.items()}
    shipped = ship(run.graph, run.folder, crew)
    parts, crew = arm(_parts(run, makers, find_adoptable(run.id, run.launch, crew, traits), shipped), crew)
    pumps = _pumps(run, crew, makers)
    try:
        if run.options.max_time is not None:
            run.inbox.set_timer(Stop("--max-time is over"), run.options.max_time)
        ended = Loop(parts, run.inbox, pumps, listener).run(lambda at: _started(run, at, machine, traits))
    except AbandonedError:
        _close(pumps, timeout=0.0)
        return RunResult(run.id, "interrupted", run.view)
    except DetachedError:
        _close(pumps, timeout=None, detach=True)
        return RunResult(run.id, "interrupted", run.view)
    except BaseException:
        _close(pumps, timeout=5.0)
        raise
    _close(pumps, timeout=None)
    return _result(run, ended, body)


def _pumps(run: Run, executors: Mapping[str, Executor], makers: Makers) -> dict[str, Pump]:
    """A pump for each executor; profiles that share one share its pump, for it has one thread."""
    by_executor: dict[int, Pump] = {}
    for name, executor in executors.items():
        if id(executor) not in by_executor:
            by_executor[id(executor)] = makers.pump(name, executor, run.inbox.put)
    return {name: by_executor[id(executor)] for name, executor in executors.items()}


def _close(pumps: Mapping[str, Pump], *, timeout: float | None, detach: bool = False) -> None:
    for pump in set(pumps.values()):
        pump.close(detach=detach, timeout=timeout)


def _fit(run: Run, machine: Machine, traits: Mapping[str, ExecutorTraits]) -> None:
    """Requests that this machine can meet, or SetupError and no trace of a run that never started."""
    if run.options.clamp:
        run.graph, run.notes = clamp(run.graph, machine, traits)
    try:
        check_requests(run.graph, machine, traits)
    except SetupError:
        if not run.record.launches:
            run.state.remove_run(run.id)
        raise


def _started(run: Run, at: float, machine: Machine, traits: Mapping[str, ExecutorTraits]) -> RunStarted:
    return RunStarted(
        at=at,
        machine=machine,
        executors=traits,
        seed=int.from_bytes(run.id.encode()[-4:], "big"),
        max_workers=run.options.max_workers,
        keep_going=run.options.keep_going,
        lookup=run.launch > 0,
        reuse=run.reuse,
    )


def _body(run: Run) -> dict[str, Any]:
    """What is written about the run, beside its events."""
    facts = run.record.body.get("facts") or _facts(run)
    return {
        **run.record.body,
        "version": __version__,
        **recorded(run.graph.params),
        "outline": outline_to_json(run.outline),
        "facts": facts,
        "reused_run": run.reused_run,
        "code_roots": list(run.graph.code_roots),
        "definitions": definitions(run.graph),
    }


def _codes(run: Run) -> dict[str, Any]:
    """Which code each step had in each launch: what a later one compares its own with."""
    nodes = run.graph.nodes.values()
    steps = [node.id for node in nodes if node.action is not None and isinstance(node.action.target, PythonTarget)]
    codes = {step: run.codes.of(step) for step in steps}
    run.state.results.put_sources({code.digest: code.components for code in codes.values()})
    launch = {step: code.digest.hex() for step, code in codes.items()}
    return {**run.record.body.get("codes", {}), str(run.record.launches): launch}


def _facts(run: Run) -> dict[str, Document]:
    """`run.date` and `run.time`: the scheduled instant, or now; the same for every launch of the run."""
    at = run.options.scheduled_at or datetime.fromtimestamp(run.record.created).astimezone()
    return {"date": encode(at.date()), "time": encode(at)}


def _result(run: Run, ended: Ended, body: Mapping[str, Any]) -> RunResult:
    end = {"outputs": ended.outputs, "output_error": ended.output_error, "seconds": run.view.seconds}
    run.state.end_run(run.id, ended.state, run.view.ended or run.clock.now(), {**body, **end})
    run.folder.tidy(run.id)
    return RunResult(run.id, ended.state, run.view, ended.outputs, ended.output_error)


def _parts(run: Run, makers: Makers, adoption: Adoption, shipped: Mapping[str, tuple[str, ...]]) -> Parts:
    storage = LocalStorage(run.folder.store)
    reader = Reader(storage)
    facts = {name: decode(value) for name, value in (run.record.body.get("facts") or _facts(run)).items()}
    world = World(
        graph=run.graph,
        outline=run.outline,
        values=Values(run.outline),
        run={"id": run.id, "name": run.options.name, "dir": run.path, "state": None, "error": None, **facts},
        env=_allowed_env(run.graph),
        host=Host(Path(run.record.file).parent, storage).functions,
        load=reader.load,
    )
    names = run.view.names
    assembly = Assembly(world, reader, names, Places(run.path, run.folder.store), run.id, run.launch, shipped)
    own = Earlier(run.state, run.id, run.outline) if run.launch else None
    recorder = Recorder(run.state, run.id, run.clock)
    caching = _caching(run, world, assembly, reader, storage, recorder)
    return Parts(
        world=world,
        view=run.view,
        scheduler=makers.scheduler(run.graph),
        assembly=assembly,
        questions=Questions(world, reader, Evaluation(world, reader), Expansion(world, reader, names)),
        lookups=_lookups(run, world, assembly, storage, caching, own),
        losses=Losses(run.graph, run.state, run.id, storage, reader),
        adoption=adoption,
        caching=caching,
        news=lambda at: _outdated(run, at, own),
        recorder=recorder,
        requests=lambda after: run.state.requests(run.id, max(after, run.heard)),
        failure_log=lambda task, attempt: _log(run, attempt_id(run.id, run.launch, task, attempt)),
        clock=run.clock,
    )


def _log(run: Run, name: str) -> str:
    return Places(run.path, run.folder.store).log(name)


def _caching(
    run: Run, world: World, assembly: Assembly, reader: Reader, storage: LocalStorage, recorder: Recorder
) -> Caching:
    fingerprints = Fingerprints(world, reader, run.codes, run.codes.contents)
    results, names = run.state.results, run.view.names
    return Caching(
        run.graph,
        assembly,
        fingerprints,
        run.codes,
        names,
        storage,
        results,
        run.clock,
        run_id=run.id,
        refresh=_refreshed(run),
        use=recorder.use,
    )


def _refreshed(run: Run) -> list[str]:
    return [node for node in run.graph.nodes if node.partition(".")[0] in run.options.refresh]


def _outdated(run: Run, at: float, own: Earlier | None) -> list[CodeChanged]:
    if own is None:
        return []
    recorded: Recorded = run.record.body.get("codes", {})
    return outdated(at, own, run.graph, run.codes, recorded, run.state.results, _refreshed(run))


def _lookups(
    run: Run, world: World, assembly: Assembly, storage: LocalStorage, cache: Caching, own: Earlier | None
) -> Lookups:
    other = Earlier(run.state, run.reused_run, run.outline) if run.reused_run else None
    return Lookups(
        world,
        assembly,
        run.view.names,
        storage,
        own=own,
        other=other,
        cache=cache,
        reuse=run.reuse,
        refresh=_refreshed(run),
    )


def _allowed_env(graph: Graph) -> dict[str, str]:
    return {name: os.environ[name] for name in graph.env_allow if name in os.environ}
