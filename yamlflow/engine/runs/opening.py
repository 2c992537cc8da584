"""Opening a run: its id, its locks, its record, its folders.

`reopen_run` takes up a run again: same id, same parameters, today's graph.
Whoever opens a run closes it, whatever happens in between.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import TemporaryError, UsageError
from yamlflow.core.graph import Graph
from yamlflow.core.outline import Outline, outline
from yamlflow.core.progress import RunView
from yamlflow.engine.attempts.codes import Codes
from yamlflow.engine.attempts.contents import Contents
from yamlflow.engine.clock import SYSTEM, Clock
from yamlflow.engine.inbox import Inbox, Stop
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.engine.runs.history import view_of
from yamlflow.engine.runs.selection import Selection, select, with_last_values
from yamlflow.store.locks import Lock, take
from yamlflow.store.state import RunRecord, State

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about one run; times in seconds.

    `cached` False: no result of another run is used, nor is any kept for one.
    `overlap` is what to do while another run of the same pipeline is going on:
    fail (exit 75), allow, or wait for `overlap_wait` seconds. `refresh` names
    steps whose earlier results do not count. `source` is what a resume must know to
    read the file again as it was read: overlays, where steps were sent.
    """

    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)
    max_workers: int | None = None
    max_items: int | None = None
    keep_going: bool = False
    clamp: bool = False
    refresh: tuple[str, ...] = ()
    cached: bool = True
    overlap: str = "allow"
    overlap_wait: float = 0.0
    scheduled_at: datetime | None = None
    max_time: float | None = None
    source: Mapping[str, Any] = field(default_factory=dict)


class Run:
    """One launch of a run, opened: it holds the locks until `close`."""

    def __init__(
        self,
        graph: Graph,
        folder: StateFolder,
        state: State,
        record: RunRecord,
        options: RunOptions,
        locks: list[Lock],
        clock: Clock = SYSTEM,
        codes: Codes | None = None,
    ) -> None:
        self.graph = graph
        self.outline: Outline = outline(graph)
        self.folder = folder
        self.state = state
        self.record = record
        self.options = options
        self.launch = 0
        self.reuse: frozenset[str] = frozenset()
        self.reused_run: str | None = None
        self.heard = 0  # the last request that was made to an earlier launcher
        self.codes = codes or Codes(graph, Contents())
        self.clock = clock
        self.inbox = Inbox(clock)
        self.view = RunView(self.outline)
        self.notes: list[str] = []
        self._locks = locks

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def path(self) -> Path:
        return self.folder.run(self.id)

    def stop(self, reason: str, *, drain: bool = False, force: bool = False, detach: bool = False) -> None:
        """Asks the run to end; from any thread or signal handler. The second time does not wait, the third leaves."""
        self.inbox.put(Stop(reason, drain, force, detach))

    def close(self) -> None:
        """Lets go of the locks and the database."""
        for lock in self._locks:
            lock.release()
        self.state.close()


def open_run(graph: Graph, folder: StateFolder, options: RunOptions, *, file: str) -> Run:
    """A new run of a graph; nothing of it has started yet. Exit 75 when another run of the pipeline is going on."""
    selected = select(graph, options.selection)
    graph = _limited(with_last_values(selected.graph), options)
    state = folder.make()
    locks: list[Lock] = []
    try:
        reused = _reusable(state, graph, selected.reused)
        run_id = _claim_id(state, graph, folder, options, file, locks)
        run = Run(graph, folder, state, state.find_run(run_id), options, locks)
        run.reuse, run.reused_run = selected.reuse, reused
    except BaseException:
        _let_go(state, locks)
        raise
    return run


def reopen_run(graph: Graph, folder: StateFolder, run_id: str, options: RunOptions, *, file: str | None = None) -> Run:
    """A run taken up again with today's graph; `file` is where the pipeline lies now, if not where it lay."""
    state = folder.make()
    locks: list[Lock] = []
    try:
        record = state.find_run(run_id)
        record = replace(record, file=file or record.file)
        heard = state.newest_request(record.id)  # before the lock is ours: who asked so far did not mean us
        locks.append(take(folder.run_lock(record.id), f"run {record.id}", since=_now_text(), run=record.id))
        locks.extend(_pipeline_lock(folder, graph, options, record.id))
        folder.tidy(record.id)
        selected = select(graph, _selection_of(record))
        run = Run(_limited(with_last_values(selected.graph), options), folder, state, record, options, locks)
        run.reuse, run.reused_run, run.heard = selected.reuse, record.body.get("reused_run"), heard
    except BaseException:
        _let_go(state, locks)
        raise
    return run


def _let_go(state: State, locks: list[Lock]) -> None:
    for lock in locks:
        lock.release()
    state.close()


def _limited(graph: Graph, options: RunOptions) -> Graph:
    """--max-items goes before every `max_items`; with --no-cache no step has a cache."""
    nodes = dict(graph.nodes)
    for name, node in graph.nodes.items():
        if options.max_items is not None and node.loop:
            nodes[name] = replace(nodes[name], loop=replace(node.loop, max_items=options.max_items))
        if node.cache is not None and not options.cached:
            nodes[name] = replace(nodes[name], cache=None)
    return replace(graph, nodes=nodes)


def _claim_id(
    state: State, graph: Graph, folder: StateFolder, options: RunOptions, file: str, locks: list[Lock]
) -> str:
    now = time.time()
    while True:
        run_id = new_run_id(now)
        if not locks:
            locks.extend(_pipeline_lock(folder, graph, options, run_id))
        body = {
            "selection": _selection_json(options.selection),
            "options": _options_json(options),
        }
        record = RunRecord(run_id, graph.name, file, "running", now, name=options.name, body=body)
        lock = take(folder.run_lock(run_id), f"run {run_id}", since=_now_text(), run=run_id)
        if state.create_run(record):
            locks.append(lock)
            return run_id
        lock.release()


def new_run_id(now: float) -> str:
    """Sortable by minute and short: `20261122-1504-x7k2`."""
    stamp = time.strftime("%Y%m%d-%H%M", time.localtime(now))
    return f"{stamp}-{''.join(ALPHABET[byte % len(ALPHABET)] for byte in os.urandom(4))}"


def _pipeline_lock(folder: StateFolder, graph: Graph, options: RunOptions, run_id: str) -> list[Lock]:
    """The pipeline's lock, so that runs which must not overlap see this one; none where `allow` finds it taken."""
    path = folder.pipeline_lock(graph.name)
    until = time.monotonic() + options.overlap_wait
    while True:
        try:
            return [take(path, f"pipeline {graph.name}", since=_now_text(), run=run_id)]
        except TemporaryError:
            if options.overlap == "allow":
                return []
            if time.monotonic() >= until:
                raise
        time.sleep(min(1.0, max(0.05, until - time.monotonic())))


def _now_text() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _reusable(state: State, graph: Graph, reused: tuple[str, ...]) -> str | None:
    """The run whose results the reused steps have; UsageError that names what is missing."""
    if not reused:
        return None
    runs = state.runs(pipeline=graph.name, limit=1)
    if not runs:
        raise UsageError(
            f"{', '.join(reused)}: not selected, and there is no earlier run to take the results from",
            hint="run the whole pipeline first",
        )
    steps = view_of(state, runs[0]).steps
    missing = [step for step in reused if step not in steps or steps[step].state not in _WITH_RESULT]
    if missing:
        raise UsageError(
            f"not selected, and without a result in the last run ({runs[0].id}): {', '.join(missing)}",
            hint="select them too, or run the whole pipeline first",
        )
    return runs[0].id


_WITH_RESULT = ("succeeded", "cached", "caught", "skipped")


def _selection_json(selection: Selection) -> dict[str, list[str]]:
    return {"only": list(selection.only), "since": list(selection.since), "until": list(selection.until)}


def _selection_of(record: RunRecord) -> Selection:
    body: Mapping[str, list[str]] = record.body.get("selection", {})
    return Selection(*(tuple(body.get(name, ())) for name in ("only", "since", "until")))


def _options_json(options: RunOptions) -> dict[str, Any]:
    at = options.scheduled_at
    return {
        "tags": dict(options.tags),
        "scheduled_at": at.isoformat() if at else None,
        "source": dict(options.source),
    }
