"""One job, done: inputs read, the callable called or the command run, the result stored, the outcome told.

Knows nothing of processes, sockets or signals. Whatever user code does, short of
ending the process, becomes an Outcome. Light: what only some calls need is
imported by the first that does, for each fork carries what was imported before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from yamlflow.core.jobs import Failure, Job, Outcome
from yamlflow.worker.calls import importing, plain

if TYPE_CHECKING:
    from yamlflow.core.values import Document
    from yamlflow.worker.context import Context, Say
    from yamlflow.worker.storage import LocalStorage


class Invocation:
    """A job with its store, about to be done."""

    def __init__(self, job: Job, say: Say) -> None:
        self.job = job
        self._say = say
        self._context: Context | None = None
        self.foreseen: tuple[Any, dict[str, Any]] | None = None

    @cached_property
    def store(self) -> LocalStorage:
        from yamlflow.worker.storage import LocalStorage

        return LocalStorage(self.job.store)

    def foresee(self) -> bool:
        """Find the callable and its arguments now, so that the fork that calls it need not; whether that was possible.

        Only what runs no code of the user's; errors are left to the task, which meets them again and reports them.
        """
        job = self.job
        try:
            function = importing.find_callable(job.target["callable"], job.code_roots)
            if not plain.takes_as_it_is(function, job.inputs):
                return False
        except Exception:  # noqa: BLE001 - whatever a module's __getattr__ raises
            return False
        self.foreseen = function, dict(job.inputs)
        return True

    def context(self) -> Context:
        if self._context is None:
            from yamlflow.worker.codecs import load_value
            from yamlflow.worker.context import context_of

            self._context = context_of(self.job, lambda document: load_value(document, self.store), self._say)
        return self._context

    def perform(self, work: Work) -> Outcome:
        """Do the work and tell how it went; nothing but the end of the process gets past this."""
        try:
            value = work(self)
        except CommandFailedError as error:
            return Outcome("failed", failure=error.failure, metrics=self._metrics())
        except BaseException as error:  # noqa: BLE001 - sys.exit and KeyboardInterrupt are a task's failure too
            from yamlflow.worker.calls.calling import outcome_of

            return outcome_of(error, self._metrics())
        return Outcome("succeeded", value, metrics=self._context.metrics if self._context else _NONE)

    def _metrics(self) -> Mapping[str, float]:
        return dict(self._context.metrics) if self._context else {}


_NONE: Mapping[str, float] = {}

Work = Callable[[Invocation], "Document"]


class CommandFailedError(Exception):
    """A command ended badly; the failure says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def call(invocation: Invocation) -> Document:
    """Call the job's callable and store what it returns."""
    if invocation.foreseen:
        function, named = invocation.foreseen
        value = function(**named)
    else:
        from yamlflow.worker.calls.calling import called

        value = called(invocation)
    if plain.is_small(value) and not invocation.job.target.get("outputs"):
        return value  # type: ignore[no-any-return]
    from yamlflow.worker.calls.calling import stored

    return stored(invocation, value)
