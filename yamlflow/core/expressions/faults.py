"""What can go wrong with an expression, and where in its text.

An ExpressionError is a user's mistake with a place; the validator turns it
into a diagnostic, the engine into a failed task. A Fault is the same mistake
before anyone knows the place: operators and functions raise it, the evaluator
adds the span of the node it was working on.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from yamlflow.core.values import ArtifactRef

SYNTAX = "expression-syntax"
NAME = "unknown-name"
FUNCTION = "unknown-function"
FIELD = "unknown-field"
ARGUMENTS = "expression-arguments"
TYPE = "expression-type"
VALUE = "expression-value"
LIMIT = "expression-limit"


class ExpressionError(ValueError):
    """A mistake in an expression; `start` and `end` are 0-based character offsets into its text.

    `code` is a diagnostic word: expression-syntax, unknown-name,
    unknown-function, unknown-field, expression-arguments, expression-type,
    expression-value or expression-limit.
    """

    def __init__(self, message: str, start: int = 0, end: int = 0, hint: str | None = None, code: str = SYNTAX) -> None:
        super().__init__(message, start, end, hint, code)  # all of them: so that it travels by pickle
        self.message = message
        self.start = start
        self.end = end
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return self.message

    def moved(self, by: int) -> ExpressionError:
        """The same mistake inside a longer text that starts `by` characters earlier."""
        return ExpressionError(self.message, self.start + by, self.end + by, self.hint, self.code)


class Fault(Exception):  # noqa: N818 - never leaves this package: the evaluator makes an ExpressionError of it
    """A mistake whose place is not known yet."""

    def __init__(self, message: str, *, hint: str | None = None, code: str = TYPE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def at(self, start: int, end: int) -> ExpressionError:
        return ExpressionError(self.message, start, end, self.hint, self.code)


class NeedsWorkerError(Exception):
    """The expression needs the content of a stored value that only a worker may open."""

    def __init__(self, ref: ArtifactRef) -> None:
        super().__init__(ref)
        self.ref = ref

    def __str__(self) -> str:
        return f"the content of a stored {self.ref.type or self.ref.format} is needed"


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of `known` that was probably meant, or None."""
    by_folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=cutoff)
    return by_folded[close[0]] if close else None
