"""Exceptions as text: type names, message, and a traceback trimmed to the user's frames.

An exception never leaves its process as an object: constructors with two
arguments, unpicklable attributes and a `__str__` that raises have all broken
somebody's pool. Whatever an exception does, this module gives a Failure.
"""

from __future__ import annotations

import os
import traceback
from types import TracebackType

from yamlflow.core.errors import NoRetry
from yamlflow.core.jobs import Failure

LIMIT = 16_384
"""Characters of a message; of a traceback twice as many."""

_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
_PLUMBING = ("<frozen importlib", "<frozen runpy")


def failure_of(error: BaseException) -> Failure:
    """The failure an exception stands for."""
    if isinstance(error, NoRetry) and error.args and isinstance(error.args[0], BaseException):
        return _failure(error.args[0], error, final=True)
    return _failure(error, error, final=isinstance(error, NoRetry))


def _failure(error: BaseException, raised: BaseException, *, final: bool) -> Failure:
    return Failure(
        reason="oom" if isinstance(error, MemoryError) else "error",
        message=_message(error),
        exception=_name(type(error)),
        names=_names(error),
        traceback=traceback_of(error if error.__traceback__ else raised),
        exit_code=_exit_code(error),
        final=final,
    )


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the task called sys.exit({safe_text(error)}); return a value, or raise an error, instead"
    if isinstance(error, KeyboardInterrupt):
        return "the task was interrupted (KeyboardInterrupt)"
    return capped(safe_text(error) or type(error).__name__, LIMIT)


def _exit_code(error: BaseException) -> int | None:
    if not isinstance(error, SystemExit):
        return None
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def safe_text(error: BaseException) -> str:
    """`str(error)`, or that there is none."""
    try:
        return str(error)
    except Exception as inner:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"<{type(error).__name__}; its __str__ raised {type(inner).__name__}>"


def _name(kind: type) -> str:
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _names(error: BaseException) -> tuple[str, ...]:
    """For `retry.on`: plain and qualified names of the type and of its bases."""
    kinds = [kind for kind in type(error).__mro__ if kind not in (object, BaseException)]
    names = [name for kind in kinds for name in (kind.__qualname__, _name(kind))]
    return tuple(dict.fromkeys(names))


def traceback_of(error: BaseException) -> str:
    """The traceback as Python prints it, without our frames and the import machinery's."""
    seen: set[int] = set()
    _trim(error, seen)
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
    except Exception:  # noqa: BLE001 - formatting asks the exception for text
        return f"{_name(type(error))}: {safe_text(error)}\n"
    return capped("".join(lines), 2 * LIMIT)


def _trim(error: BaseException | None, seen: set[int]) -> None:
    """Cut foreign frames out of an exception, of what caused it and of a group's members."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = _without_ours(error.__traceback__)
    _trim(error.__cause__, seen)
    _trim(error.__context__, seen)
    for member in getattr(error, "exceptions", ()) or ():
        if isinstance(member, BaseException):
            _trim(member, seen)


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    kept = []
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(_OURS) and not file.startswith(_PLUMBING):
            kept.append(trace)
        trace = trace.tb_next
    following = None
    for trace in reversed(kept):
        following = TracebackType(following, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
    return following


def capped(text: str, limit: int) -> str:
    """The text, or its two ends with a word about what is missing."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
