"""A call in full: inputs read and converted, the callable called, what it gives finished and stored.

What plain calls do not need, and so imported late: see `plain`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yamlflow.core.errors import Skip
from yamlflow.core.jobs import ARTIFACT_LOST, Failure, Outcome
from yamlflow.core.values import Document
from yamlflow.worker import evaluation
from yamlflow.worker.calls import binding, conversion, importing
from yamlflow.worker.calls.failures import failure_of, safe_text
from yamlflow.worker.codecs import UnstorableValueError, store_value
from yamlflow.worker.storage import ArtifactLostError

if TYPE_CHECKING:
    from yamlflow.worker.invocation import Invocation


class ResultError(Exception):
    """The callable gave something that is no result: a generator, a context manager."""


SAID = (
    UnstorableValueError,
    ResultError,
    importing.CallableNotFoundError,
    conversion.ConversionError,
    evaluation.ExpressionFailedError,
)
"""Errors of ours whose message says everything."""


def called(invocation: Invocation) -> Any:
    """What the job's callable returns. Raises what finding it, reading its inputs, and it itself raise."""
    job = invocation.job
    function = importing.find_callable(job.target["callable"], job.code_roots)
    inputs = {name: evaluation.resolved(part, invocation.store, job.scratch) for name, part in job.inputs.items()}
    positional, named = binding.bind(function, inputs, invocation.store, invocation.context)
    if named and not positional and binding.plan_of(function).opaque:
        try:
            return function(**named)
        except TypeError as error:
            if "takes no keyword arguments" not in str(error):
                raise
        return function(*named.values())
    return function(*positional, **named)


def stored(invocation: Invocation, value: Any) -> Document:
    """The document of what the callable returned, once it is a result."""
    job = invocation.job
    return store_value(
        _finished(value, job.target["callable"]),
        invocation.store,
        scratch=job.scratch,
        iterated=job.iterated,
        names=job.target.get("outputs") or (),
    )


def _finished(value: Any, target: str) -> Any:
    """The value itself: a coroutine is awaited, a generator refused."""
    if inspect.iscoroutine(value):
        import asyncio

        value = asyncio.run(value)
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise ResultError(f"`{target}` gave a generator, whose items nobody has made yet: return a list instead")
    if inspect.iscoroutine(value) or inspect.isawaitable(value):
        raise ResultError(f"`{target}` gave something that is still to be awaited: return its result instead")
    return value


def outcome_of(error: BaseException, metrics: Mapping[str, float]) -> Outcome:
    """How a call has ended that raised."""
    if isinstance(error, Skip):
        return Outcome("skipped", metrics=metrics, failure=_skipped(error))
    if isinstance(error, SAID):
        failure = _ours(error)
    elif isinstance(error, ArtifactLostError):
        failure = _lost(error)
    else:
        failure = failure_of(error)
    return Outcome("failed", failure=failure, metrics=metrics)


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
