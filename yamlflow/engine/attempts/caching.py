"""The cache of one launch: which results of other runs stand for tasks, why others must run, what is kept.

A result stands when its key is that of the task today, it is young enough, and
what it refers to is in the store. Only what simply succeeded is kept: never what
`catch` made, a skip, or what was made while the step's code or its files were edited.
`use` hears the keys of what stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field

from yamlflow.core.dataclass import dataclass
from yamlflow.core.fingerprint import Components, differences, shortly
from yamlflow.core.graph import Cache, Graph, TaskId
from yamlflow.core.jobs import Outcome, outcome_from_json, outcome_to_json
from yamlflow.core.messages import CodeChanged, State
from yamlflow.core.naming import Names
from yamlflow.core.values import references
from yamlflow.engine.answers.evaluation import Wrong
from yamlflow.engine.attempts.assembly import Assembly, Prepared, digest
from yamlflow.engine.attempts.codes import Codes
from yamlflow.engine.attempts.fingerprints import Fingerprint, Fingerprints
from yamlflow.engine.clock import Clock
from yamlflow.store.results import Cached, Results
from yamlflow.worker.storage import LocalStorage

FIRST = "no result in the cache"
REFRESHED = "refreshed"
CODE = "its code changed"
GONE = "what it made is no longer in the store"
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"))


@dataclass(frozen=True, slots=True)
class Found:
    """An earlier result that stands, how it ended, the digest of what the task is given.

    `launch`: which one of this run made it; None: another run did.
    """

    task: TaskId
    outcome: Outcome
    end: State
    digest: bytes
    launch: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands, what does not, and why not where a cache was asked."""

    found: list[Found] = field(default_factory=list)
    missed: list[TaskId] = field(default_factory=list)
    why: str = ""


class Caching:
    """Finds and keeps results of steps that have a cache."""

    def __init__(
        self,
        graph: Graph,
        assembly: Assembly,
        fingerprints: Fingerprints,
        codes: Codes,
        names: Names,
        storage: LocalStorage,
        results: Results | None,
        clock: Clock,
        *,
        run_id: str = "",
        refresh: Collection[str] = (),
        use: Callable[[Sequence[bytes]], None] = lambda _keys: None,
    ) -> None:
        self._graph = graph
        self._assembly = assembly
        self._fingerprints = fingerprints
        self._codes = codes
        self._names = names
        self._storage = storage
        self._results = results
        self._clock = clock
        self._run_id = run_id
        self._refresh = refresh
        self._use = use
        self._told: set[str] = set()
        self._put: set[bytes] = set()

    # --- before ---

    def find(self, tasks: Sequence[TaskId]) -> Answer:
        """Looks up tasks of one step, all in one question to the database."""
        step = tasks[0].node
        if step in self._refresh:
            return Answer(missed=list(tasks), why=REFRESHED)
        asked: dict[TaskId, tuple[Fingerprint, bytes]] = {}
        for task in tasks:
            try:
                asked[task] = self._asked(task)
            except Wrong:  # said when the task is prepared
                continue
        rows = self._results.find([mark.key for mark, _ in asked.values()]) if self._results is not None else {}
        answer, why = Answer(), dict.fromkeys(tasks, "")
        for task in tasks:
            row = rows.get(asked[task][0].key) if task in asked else None
            why[task] = self._refused(step, row) if row is not None else ""
            if row is not None and not why[task]:
                outcome = outcome_from_json(row.outcome)
                answer.found.append(Found(task, outcome, State.CACHED, asked[task][1]))
            else:
                answer.missed.append(task)
        self._use([asked[one.task][0].key for one in answer.found])
        return Answer(answer.found, answer.missed, self._why({task: why[task] for task in answer.missed}, asked))

    def _asked(self, task: TaskId) -> tuple[Fingerprint, bytes]:
        prepared = self._assembly.prepare(task)
        action = self._graph.nodes[task.node].action
        assert action is not None
        return self._fingerprints.of(task, prepared), digest(action, prepared)

    def _refused(self, step: str, row: Cached) -> str:
        """Why a result of the right key does not stand; empty when it does."""
        cache = self._cache(step)
        if cache.ttl is not None and row.created + cache.ttl < self._clock.now():
            return f"expired (ttl {_duration(cache.ttl)})"
        if self._storage.first_lost(references(row.outcome.get("value"))) is not None:
            return GONE
        return ""

    def _why(self, known: Mapping[TaskId, str], asked: Mapping[TaskId, tuple[Fingerprint, bytes]]) -> str:
        """Why these tasks run, each reason once."""
        open_ = [task for task, words in known.items() if not words and task in asked]
        latest = self._latest(open_)
        sources: dict[bytes, Components | None] = {}
        counted = Counter(words for words in known.values() if words)
        for task in open_:
            rows = latest.get(self._names.display(task), [])
            compared = (self._compared(row, asked[task][0], sources) for row in rows)
            nearest = min(compared, key=len, default=[])  # of equal ones the newest
            counted[shortly(nearest) or FIRST] += 1
        if len(counted) == 1:
            return next(iter(counted))
        reasons = [f"{words} ({number} tasks)" if number > 1 else words for words, number in counted.most_common()]
        return shortly(reasons, 2)

    def _latest(self, tasks: Sequence[TaskId]) -> dict[str, list[Cached]]:
        if self._results is None or not tasks:
            return {}
        return self._results.latest(tasks[0].node, [self._names.display(task) for task in tasks])

    def _compared(self, row: Cached, mark: Fingerprint, sources: dict[bytes, Components | None]) -> list[str]:
        """What is not as it was for an earlier result."""
        if row.source not in sources and self._results is not None:
            sources[row.source] = {} if row.source == mark.code.digest else self._results.source(row.source)
        before = sources[row.source]
        code = differences(before, mark.code.components) if before else [] if before is not None else [CODE]
        given = differences(row.given, mark.given)
        named = {text.removeprefix("file ").removeprefix("./") for text in given}  # a command's files are its code, too
        return [*given, *(text for text in code if text not in named)]

    # --- after ---

    def promise(self, task: TaskId, prepared: Prepared) -> Fingerprint | None:
        """The key under which an attempt's result will be kept; None for a step without a cache."""
        return self._fingerprints.of(task, prepared) if self._graph.nodes[task.node].cache is not None else None

    def keep(self, task: TaskId, mark: Fingerprint, outcome: Outcome, at: float) -> Cached | CodeChanged | None:
        """What a success is kept as; the news, once a step, that it is not, for its code or a file was edited."""
        if outcome.state != "succeeded":
            return None
        changes = self._codes.changes(task.node, at) or self._fingerprints.changes(mark)
        if changes:
            new = task.node not in self._told
            self._told.add(task.node)
            return CodeChanged(at, task.node, changes) if new else None
        if self._results is not None and mark.code.digest not in self._put:
            self._put.add(mark.code.digest)
            self._results.put_sources({mark.code.digest: mark.code.components})
        frame = outcome_to_json(outcome)
        name = self._names.display(task)
        return Cached(mark.key, task.node, name, self._run_id, at, mark.code.digest, mark.given, frame)

    def _cache(self, step: str) -> Cache:
        cache = self._graph.nodes[step].cache
        assert cache is not None
        return cache


def _duration(seconds: float) -> str:
    """`1d`, `36h`, `90s`."""
    size, unit = next((one for one in _UNITS if seconds >= one[0] and seconds % one[0] == 0), (1.0, "s"))
    return f"{seconds / size:g}{unit}"
