"""From an offset inside a scalar's value to the line and column where the user wrote it.

A plain or quoted scalar on one line is exact. In a folded, literal or
multi-line scalar every character but white space is exact, which is all that
an expression can point at. Escapes count as the character they stand for.
"""

from __future__ import annotations

import re

from yamlflow.schema.diagnostics import Span
from yamlflow.schema.source import Source

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.|\n)", re.DOTALL)
_BLANK = re.compile(r"\\[ \t\n\r_N]|\s", re.DOTALL)


def within(source: Source | None, scalar: Span, value: str, start: int, end: int) -> Span:
    """The span of `value[start:end]`; the whole scalar's when the text cannot be followed."""
    if source is None:
        return scalar
    first = source.index(scalar.line, scalar.column)
    raw = source.text[first : source.index(scalar.end_line, scalar.end_column)]
    marks = _marks(raw, value)
    if marks is None or not value:
        return scalar
    start = min(start, len(value) - 1)
    end = max(start + 1, min(end, len(value)))
    return source.span(first + marks[start][0], first + marks[end - 1][1])


Marks = list[tuple[int, int]]


def _marks(raw: str, value: str) -> Marks | None:
    """For each character of `value`, the stretch of `raw` it was written as."""
    if raw == value:
        return [(at, at + 1) for at in range(len(value))]
    pieces = _pieces(raw)
    if len(pieces) == len(value):
        return pieces
    return _aligned(raw, pieces, value)


def _pieces(raw: str) -> Marks:
    """The stretches of a scalar's source that stand for one character each, line breaks included."""
    if raw[:1] == "'":
        return [found.span() for found in re.compile(r"''|[^']", re.DOTALL).finditer(raw, 1, len(raw) - 1)]
    if raw[:1] == '"':
        either = re.compile(rf"{_ESCAPE.pattern}|.", re.DOTALL)
        return [found.span() for found in either.finditer(raw, 1, max(1, len(raw) - 1))]
    start = _block_start(raw) if raw[:1] in ("|", ">") else 0
    return [(at, at + 1) for at in range(start, len(raw))]


def _block_start(raw: str) -> int:
    """Where the text of a block scalar begins: after its header line."""
    found = re.match(r"[|>][-+0-9]*[^\r\n]*(?:\r\n|\r|\n)?", raw)
    return found.end() if found else 0


def _aligned(raw: str, pieces: Marks, value: str) -> Marks | None:
    """Pairs of the two texts' characters in order, white space aside; None when their numbers differ."""
    solid = [piece for piece in pieces if not _BLANK.fullmatch(raw[piece[0] : piece[1]])]
    if len(solid) != sum(not char.isspace() for char in value):
        return None
    marks: Marks = []
    following = iter(solid)
    last = pieces[0] if pieces else (0, 1)
    for char in value:
        if not char.isspace():
            last = next(following)
        marks.append(last)
    return marks
