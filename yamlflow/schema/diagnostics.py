"""What is wrong with a file, as data: code, message, place, notes, help.

Many at once, in file order, one per cause. Only `cli/` prints them; `render`
here turns one into text lines without colour, `to_json` into plain data.
Nothing here reads a file: source lines come from the lookup that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.text.excerpt import excerpt, visible

if TYPE_CHECKING:
    from yamlflow.schema.source import Source

SourceLookup = Callable[[str], "Source | None"]


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file: 1-based lines and columns (in characters), end exclusive."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    def covers(self, other: Span) -> bool:
        """Whether `other` lies within this span, in the same file."""
        return (
            self.path == other.path
            and (self.line, self.column) <= (other.line, other.column)
            and (other.end_line, other.end_column) <= (self.end_line, self.end_column)
        )


@dataclass(frozen=True, slots=True)
class Note:
    """A second fact beside a diagnostic, with its own place when it has one."""

    text: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is a word from the catalogue, such as `unknown-key`."""

    code: str
    message: str
    span: Span
    severity: Severity = Severity.ERROR
    notes: tuple[Note, ...] = ()
    help: str | None = None


def file_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The findings sorted by place, repeats dropped (a merged mapping is looked at once per use)."""
    unique = dict.fromkeys(diagnostics)
    return sorted(unique, key=lambda found: (found.span, found.severity.value, found.code, found.message))


def without_echoes(first: Iterable[Diagnostic], later: Iterable[Diagnostic]) -> list[Diagnostic]:
    """`first`, then what of `later` is not about a place where `first` already has an error."""
    known = list(first)
    places = [found.span for found in known if found.severity is Severity.ERROR]
    return file_order([*known, *(found for found in later if not any(place.covers(found.span) for place in places))])


def render_concise(diagnostic: Diagnostic) -> str:
    """One line: place, severity, code, message."""
    span = diagnostic.span
    place = f"{visible(span.path)}:{span.line}:{span.column}"
    return f"{place}: {diagnostic.severity.value}[{diagnostic.code}]: {visible(diagnostic.message)}"


def render(diagnostic: Diagnostic, source_lookup: SourceLookup) -> str:
    """The full form: the concise line, the source line with carets, notes and help.

    `source_lookup` gives the Source of a path, or None when its text is not
    at hand; then the excerpt is left out. No trailing newline.
    """
    source = source_lookup(diagnostic.span.path)
    number = str(diagnostic.span.line)
    margin = " " * len(number)
    lines = [render_concise(diagnostic)]
    if source is not None and source.line(diagnostic.span.line).strip():
        text, carets = excerpt(source.line(diagnostic.span.line), *_columns(diagnostic.span))
        lines += [f"{margin} |", f"{number} | {text}".rstrip(), f"{margin} | {carets}"]
    for note in diagnostic.notes:
        lines += _aside(margin, "note", note.text, _place(note.span))
    if diagnostic.help is not None:
        lines += _aside(margin, "help", diagnostic.help, "")
    return "\n".join(lines)


def to_json(diagnostic: Diagnostic) -> dict[str, object]:
    """The finding as JSON data: every key is always there, `help` may be null."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **_span_json(diagnostic.span),
        "notes": [
            {"text": note.text, "span": _span_json(note.span) if note.span else None} for note in diagnostic.notes
        ],
        "help": diagnostic.help,
    }


def _span_json(span: Span) -> Mapping[str, object]:
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _columns(span: Span) -> tuple[int, int | None]:
    """First column and the column after the last on the span's first line; None: to the end of the line."""
    return span.column, span.end_column if span.end_line == span.line else None


def _place(span: Span | None) -> str:
    if span is None:
        return ""
    column = f":{span.column}" if span.column > 1 else ""
    return f"   {visible(span.path)}:{span.line}{column}"


def _aside(margin: str, word: str, text: str, place: str) -> list[str]:
    """`= note: …` lines; a text of several lines is aligned under its first."""
    head = f"{margin} = {word}: "
    first, *rest = text.split("\n")
    lines = [head + visible(first), *(" " * len(head) + visible(line) for line in rest)]
    lines[-1] += place
    return lines
