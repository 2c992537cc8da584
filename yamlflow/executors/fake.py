"""An executor without processes: every attempt ends as its script says, and nothing takes time.

It ships because tests of what drives executors, benchmarks of the scheduler and
a rehearsal of a pipeline's control flow all need one that is exact. Attempts end
in the order they came, unless they are held; nothing here waits but a `poll`
that has nothing to say.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Failure, Job, JobBatch, Outcome, Report
from yamlflow.executors.base import Traits

Answer = Callable[[Job], Outcome]
Script = Mapping[str, Outcome | Sequence[Outcome] | Answer]


@dataclass(frozen=True, slots=True)
class FakeOptions:
    """What attempts come to.

    `script` maps a node, or one task's display name, to its outcome, to one per
    attempt (the last one repeats), or to a function of the job. `answer` is for all
    others. `held` are nodes or display names whose attempts wait for `release`.
    """

    script: Script = field(default_factory=dict)
    answer: Answer = lambda _job: Outcome("succeeded")
    held: frozenset[str] = frozenset()
    traits: Traits = field(default_factory=Traits)
    per_poll: int = 1000


class FakeExecutor:
    """Counts what it was asked in `calls`, and remembers the jobs it was given by attempt id in `jobs` if told to."""

    def __init__(self, options: FakeOptions | None = None, *, remember: bool = True) -> None:
        self._options = options or FakeOptions()
        self.traits = self._options.traits
        self.calls: Counter[str] = Counter()
        self.jobs: dict[str, Job] = {}
        self.closed = False
        self._remember = remember
        self._flying: dict[str, Job] = {}
        self._due: deque[str] = deque()
        self._reports: deque[Report] = deque()
        self._woken = threading.Event()

    # ---------------------------------------------------------------- the protocol

    def submit(self, batch: JobBatch) -> None:
        self.calls["submit"] += 1
        for job in batch.jobs():
            if job.attempt_id not in self._flying:
                self._start(job)

    def poll(self, timeout: float) -> Sequence[Report]:
        self.calls["poll"] += 1
        if not self._due and not self._reports:
            self._woken.wait(timeout)
        self._woken.clear()
        while self._due and len(self._reports) < self._options.per_poll:
            self._end(self._due.popleft())
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def wake(self) -> None:
        self._woken.set()

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        if not begun:  # all of them have
            return
        self.calls["cancel" if not force else "kill"] += 1
        for name in names:
            if self._flying.pop(name, None) is None:
                self._reports.append(Report("gone", name))
            else:
                self._say_ended(name, Outcome("failed", failure=Failure("cancelled", "was cancelled")))

    def adopt(self, run_id: str) -> Sequence[Report]:
        """Everything of that run that is still held: it is running."""
        self.calls["adopt"] += 1
        return [Report("started", name) for name, job in self._flying.items() if job.run_id == run_id]

    def close(self, *, detach: bool = False) -> None:
        self.calls["detach" if detach else "close"] += 1
        self.closed = True

    # ---------------------------------------------------------------- the puppeteer's side

    def release(self, *names: str) -> None:
        """Let held attempts end: by node, display name or attempt id; all of them without names."""
        for attempt_id, job in self._flying.items():
            known = {attempt_id, job.task.node, job.display}
            if (not names or known.intersection(names)) and attempt_id not in self._due:
                self._due.append(attempt_id)
        self._woken.set()

    def lose(self, attempt_id: str) -> None:
        """Forget an attempt without a trace."""
        del self._flying[attempt_id]
        self._reports.append(Report("gone", attempt_id))
        self._woken.set()

    def say(self, report: Report) -> None:
        """Report anything at all: progress, waiting, replaced, down, up, the same thing twice."""
        self._reports.append(report)
        self._woken.set()

    # ---------------------------------------------------------------- attempts

    def _start(self, job: Job) -> None:
        self.calls["jobs"] += 1
        self._flying[job.attempt_id] = job
        if self._remember:
            self.jobs[job.attempt_id] = job
        self._reports.append(Report("started", job.attempt_id))
        if not self._options.held.intersection((job.task.node, job.display)):
            self._due.append(job.attempt_id)

    def _end(self, name: str) -> None:
        job = self._flying.pop(name, None)
        if job is not None:
            self._say_ended(name, self._outcome(job))

    def _outcome(self, job: Job) -> Outcome:
        script = self._options.script
        scripted = script.get(job.display, script.get(job.task.node, self._options.answer))
        if isinstance(scripted, Outcome):
            return scripted
        if callable(scripted):
            return scripted(job)
        return scripted[min(job.attempt, len(scripted)) - 1]

    def _say_ended(self, name: str, outcome: Outcome) -> None:
        self._reports.append(Report("ended", name, outcome=outcome))
