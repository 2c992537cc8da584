"""One job, done: inputs read, the callable called or the command run, the result stored, the outcome told.

Knows nothing of processes, sockets or signals. Whatever user code does, short of
ending the process, becomes an Outcome.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from yamlflow.core.errors import Skip
from yamlflow.core.jobs import ARTIFACT_LOST, Failure, Job, Outcome
from yamlflow.core.values import Document
from yamlflow.worker import evaluation
from yamlflow.worker.calls import binding, conversion, importing
from yamlflow.worker.calls.failures import failure_of, safe_text
from yamlflow.worker.codecs import UnstorableValueError, load_value, store_value
from yamlflow.worker.context import Context, Say, context_of
from yamlflow.worker.storage import ArtifactLostError, LocalStorage


class ResultError(Exception):
    """The callable gave something that is no result: a generator, a context manager."""


class Invocation:
    """A job with its store, about to be done."""

    def __init__(self, job: Job, say: Say) -> None:
        self.job = job
        self.store = LocalStorage(job.store)
        self._say = say
        self._context: Context | None = None

    def context(self) -> Context:
        if self._context is None:
            self._context = context_of(self.job, lambda document: load_value(document, self.store), self._say)
        return self._context

    def perform(self, work: Work) -> Outcome:
        """Do the work and tell how it went; nothing but the end of the process gets past this."""
        try:
            value = work(self)
        except Skip as error:
            return Outcome("skipped", metrics=self._metrics(), failure=_skipped(error))
        except CommandFailedError as error:
            return Outcome("failed", failure=error.failure, metrics=self._metrics())
        except SAID as error:
            return Outcome("failed", failure=_ours(error), metrics=self._metrics())
        except ArtifactLostError as error:
            return Outcome("failed", failure=_lost(error), metrics=self._metrics())
        except BaseException as error:  # noqa: BLE001 - sys.exit and KeyboardInterrupt are a task's failure too
            return Outcome("failed", failure=failure_of(error), metrics=self._metrics())
        return Outcome("succeeded", value, metrics=self._metrics())

    def _metrics(self) -> Mapping[str, float]:
        return dict(self._context.metrics) if self._context else {}


SAID = (
    UnstorableValueError,
    ResultError,
    importing.CallableNotFoundError,
    conversion.ConversionError,
    evaluation.ExpressionFailedError,
)
"""Errors of ours whose message says everything."""

_ORDINARY = frozenset({type(None), bool, int, float, str, list, dict, tuple})

Work = Callable[[Invocation], Document]


class CommandFailedError(Exception):
    """A command ended badly; the failure says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def foresee(target: str, roots: Sequence[str]) -> None:
    """Find the callable and plan its call now, so that the forks of this process need not; errors are theirs."""
    try:
        binding.plan_of(importing.find_callable(target, roots))
    except Exception:  # noqa: BLE001 - the task meets the same error, and reports it
        return


def call(invocation: Invocation) -> Document:
    """Call the job's callable and store what it returns."""
    job = invocation.job
    function = importing.find_callable(job.target["callable"], job.code_roots)
    inputs = {name: evaluation.resolved(part, invocation.store, job.scratch) for name, part in job.inputs.items()}
    positional, named = binding.bind(function, inputs, invocation.store, invocation.context)
    value = _finished(_called(function, positional, named), job.target["callable"])
    names = job.target.get("outputs") or ()
    return store_value(value, invocation.store, scratch=job.scratch, iterated=job.iterated, names=names)


def _called(function: Any, positional: list[Any], named: dict[str, Any]) -> Any:
    if named and not positional and binding.plan_of(function).opaque:
        try:
            return function(**named)
        except TypeError as error:
            if "takes no keyword arguments" not in str(error):
                raise
        return function(*named.values())
    return function(*positional, **named)


def _finished(value: Any, target: str) -> Any:
    """The value itself: a coroutine is awaited, a generator refused."""
    if type(value) in _ORDINARY:
        return value
    if inspect.iscoroutine(value):
        import asyncio

        value = asyncio.run(value)
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise ResultError(f"`{target}` gave a generator, whose items nobody has made yet: return a list instead")
    if inspect.iscoroutine(value) or inspect.isawaitable(value):
        raise ResultError(f"`{target}` gave something that is still to be awaited: return its result instead")
    return value


def _skipped(error: Skip) -> Failure | None:
    text = safe_text(error)
    return Failure("error", text, exception="yamlflow.Skip") if text else None


def _ours(error: Exception) -> Failure:
    """A failure whose message says everything: no traceback through our own code."""
    return Failure("error", str(error), exception=type(error).__name__, names=(type(error).__name__,))


def _lost(error: ArtifactLostError) -> Failure:
    """Another try would read the same bytes: only running the producer again helps."""
    name = type(error).__name__
    return Failure(ARTIFACT_LOST, str(error), exception=name, names=(name,), final=True, lost=tuple(error.digests))
