"""A person's words for text that is not YAML: what is wrong, where, what to write in its place.

`explain` turns one BrokenError into a Diagnostic and, when the extent of the
mistake is known, a Repair: characters that can be overwritten so that reading
goes on and finds the next mistake. What was repaired is never used as a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from yamlflow.schema.diagnostics import Diagnostic, Note
from yamlflow.schema.source import Source
from yamlflow.schema.text import extents
from yamlflow.schema.text.events import BrokenError


class Repair(NamedTuple):
    """The characters [start, end), to be overwritten with `filler`."""

    start: int
    end: int
    filler: str = "x"


class Problem(NamedTuple):
    diagnostic: Diagnostic
    repair: Repair | None = None


def explain(source: Source, broken: BrokenError) -> Problem:
    """The diagnostic for a failure of the parser, with a repair where one is safe."""
    for pattern, say in _TABLE:
        if pattern.search(broken.what) and (problem := say(source, broken)) is not None:
            return problem
    at = min(broken.index, len(source.text.rstrip()))
    return Problem(Diagnostic("syntax", "this cannot be read as YAML", source.span(at, at + 1), help=_LOOK_ABOVE))


def double_braces(source: Source, start: int, end: int, *, flow: bool) -> Diagnostic:
    """The finding for `{{ x }}`, another tool's template; `flow`: within `{ }` or `[ ]`."""
    value = source.text[start:end]
    ours = re.sub(r"\$*\{\{", "${{", value)
    message = f"`{extents.short(value)}` is a nested mapping in YAML, not an expression"
    help_text = f"did you mean `{extents.short(ours)}`?"
    if flow:
        help_text += f" Inside {{ }} and [ ], quote it: {extents.short(extents.quoted(ours))}"
    return Diagnostic("double-braces", message, source.span(start, end), help=help_text)


_LOOK_ABOVE = "look for a missing quote, bracket or colon here or just above"


def _needs_quotes(source: Source, start: int, end: int, why: str, flow: bool) -> Problem:
    value = source.text[start:end]
    if value.startswith("{{"):
        return Problem(double_braces(source, start, end, flow=flow), Repair(start, end))
    inner = value[1:-1] if len(value) > 2 and value[0] == value[-1] and value[0] in "\"'" else value
    inner = re.sub(r"(?<!\$)\{\{", "${{", inner) if flow else inner
    found = Diagnostic(
        "needs-quotes",
        f"`{extents.short(value)}` needs quotes: {why}",
        source.span(start, end),
        help=extents.quote_hint(inner),
    )
    return Problem(found, Repair(start, end))


def _end(source: Source, start: int, flow: bool) -> int:
    end = extents.flow_end(source.text, start) if flow else extents.block_end(source.text, start)
    return max(end, start + 1)


def _same_line(text: str, one: int, other: int) -> bool:
    return extents.line_start(text, one) == extents.line_start(text, other)


# ------------------------------------------------------------------ characters


def _stray_character(source: Source, broken: BrokenError) -> Problem:
    at = broken.index
    char = source.text[at]
    if char == "\t":
        return _tab(source, at)
    if char == "%" and source.text[at - 1 : at] == "{":
        span = source.span(at - 1, _end(source, at, flow=False))
        return Problem(Diagnostic("template", "`{% … %}` is a template of another tool", span, help=_NO_TEMPLATES))
    start = at
    why = f"`{char}` is reserved in YAML" if char in "@`" else f"a value cannot begin with `{char}`"
    return _needs_quotes(source, start, _end(source, start, broken.flow), why, broken.flow)


_NO_TEMPLATES = "there are no templates: `foreach`, `when` and `${{ }}` do what they would be for"


def _tab(source: Source, at: int) -> Problem:
    end = at + len(source.text[at:]) - len(source.text[at:].lstrip("\t"))
    indents = not source.text[extents.line_start(source.text, at) : at].strip()
    message = "a tab cannot indent YAML" if indents else "a tab cannot separate words in YAML"
    return Problem(Diagnostic("tab", message, source.span(at, end), help="use spaces"), Repair(at, end, " "))


def _bare_sign(source: Source, broken: BrokenError) -> Problem:
    sign = source.text[broken.opened]
    why = f"`{sign}` begins an {'alias' if sign == '*' else 'anchor'}"
    return _needs_quotes(source, broken.opened, _end(source, broken.opened, broken.flow), why, broken.flow)


def _block_indicator(source: Source, broken: BrokenError) -> Problem:
    sign = source.text[broken.opened]
    why = f"`{sign}` begins a text that starts on the next line"
    return _needs_quotes(source, broken.opened, _end(source, broken.opened, flow=False), why, flow=False)


def _bad_escape(source: Source, broken: BrokenError) -> Problem | None:
    start = source.text.rfind("\\", 0, broken.index + 1)
    if (long := re.compile(r"\\U[0-9a-fA-F]{8}").search(source.text, max(broken.scalar, 0))) and "Error" in broken.what:
        start = long.start()
    if start < 0:
        return None
    end = start + (10 if long and long.start() == start else 2)
    digits = re.search(r"sequence of (\d+)", broken.what)
    why = f"needs {digits.group(1)} hexadecimal digits" if digits else "is no escape that YAML knows in double quotes"
    help_text = "in single quotes a backslash is a plain character; in double quotes write `\\\\`"
    found = Diagnostic("escape", f"`{source.text[start:end]}` {why}", source.span(start, end), help=help_text)
    return Problem(found, Repair(start, end) if "unknown escape" in broken.what or "Error" in broken.what else None)


def _unclosed_quote(source: Source, broken: BrokenError) -> Problem:
    return _open_quote(source, broken.opened)


def _open_quote(source: Source, start: int) -> Problem:
    quote = source.text[start]
    span = source.span(start, max(start + 1, extents.block_end(source.text, start)))
    return Problem(
        Diagnostic("unclosed", f"this `{quote}` is never closed", span, help=f"close the text with `{quote}`")
    )


# ------------------------------------------------------------------ block style


def _no_colon(source: Source, broken: BrokenError) -> Problem:
    return _keyless(source, broken.opened)


def _keyless(source: Source, start: int) -> Problem:
    end = extents.block_end(source.text, start)
    line = source.text[start:end]
    if (key := re.match(r"([A-Za-z_][\w-]*):(?=\S)", line)) is not None:
        found = Diagnostic(
            "missing-space",
            f"`{extents.short(line)}` is one word: there is no space after the colon",
            source.span(start, end),
            help=f"write `{key.group(1)}: {extents.short(line[key.end() :])}`",
        )
        return Problem(found)
    found = Diagnostic(
        "syntax",
        f"`{extents.short(line)}` has no `:` after it",
        source.span(start, end),
        help="an entry is `key: value`; a text of several lines stands in quotes or under `key: |`",
    )
    return Problem(found)


def _inline_list(source: Source, broken: BrokenError) -> Problem:
    end = extents.block_end(source.text, broken.index)
    help_text = "put each `- item` on a line of its own below the key, or write `[item, item]`"
    found = Diagnostic("syntax", "a list cannot begin behind its key", source.span(broken.index, end), help=help_text)
    return Problem(found, Repair(broken.index, end))


def _second_colon(source: Source, broken: BrokenError) -> Problem:
    text, scalar = source.text, broken.scalar
    if scalar < 0 or _same_line(text, scalar, broken.index):
        start = max(scalar, extents.line_start(text, broken.index))
        return _needs_quotes(source, start, _end(source, start, flow=False), "`: ` begins a mapping", flow=False)
    if extents.value_start(text, scalar) <= extents.line_start(text, scalar) + extents.indent(text, scalar):
        return _keyless(source, scalar)
    start = extents.line_start(text, broken.index) + extents.indent(text, broken.index)
    above = source.span(scalar, extents.block_end(text, scalar))
    found = Diagnostic(
        "indentation",
        f"`{extents.short(text[start : broken.index])}` cannot be a key here: it continues the value above",
        source.span(start, max(broken.index, start + 1)),
        notes=(Note("this value would go on", above),),
        help="indent it like the key above, or give that key no value of its own",
    )
    return Problem(found)


def _after_block(source: Source, broken: BrokenError) -> Problem | None:
    got = broken.what.rpartition("found ")[2].strip("'")
    text, at = source.text, broken.index
    if got in {"}", "]", ","}:
        found = Diagnostic(
            "syntax",
            f"`{got}` closes nothing",
            source.span(at, at + 1),
            help=f"remove it, or open it with `{_OPENS[got]}`",
        )
        return Problem(found, Repair(at, at + 1, " "))
    start = extents.value_start(text, at)
    if (quote := _quote_before(text, broken)) is not None and not _same_line(text, quote, at):
        return _open_quote(source, quote)
    if start < at:
        why = _AFTER.get(text[start], "text goes on after its end")
        return _needs_quotes(source, start, _end(source, start, flow=False), why, flow=False)
    return _misplaced(source, broken, got)


_OPENS = {"}": "{", "]": "[", ",": "["}
_AFTER_QUOTE = "text goes on after the closing quote"
_AFTER = {"'": _AFTER_QUOTE, '"': _AFTER_QUOTE, "*": "`*` begins an alias"}


def _quote_before(text: str, broken: BrokenError) -> int | None:
    """Where the quoted scalar before the failure began, if that is what came before."""
    return broken.scalar if broken.scalar >= 0 and text[broken.scalar] in "\"'" else None


def _misplaced(source: Source, broken: BrokenError, got: str) -> Problem:
    at = broken.index
    span = source.span(at, max(at + 1, extents.block_end(source.text, at)))
    inside = Note("this began here", source.span(broken.opened, broken.opened + 1))
    code, message, help_text = _MISPLACED.get(got, _MISPLACED[""])
    notes = (inside,) if code == "syntax" else ()
    return Problem(Diagnostic(code, message, span, notes=notes, help=help_text))


_MISPLACED = {
    "-": ("syntax", "a list item stands where a key is expected", "indent it under its key, or write `key: value`"),
    "?": (
        "syntax",
        "a key stands where a list item (`- `) is expected",
        "indent it like the key that holds the list, or begin it with `- `",
    ),
    "": (
        "indentation",
        "the indentation of this line fits no line above it",
        "indent entries of the same mapping or list alike",
    ),
}


def _after_document(source: Source, broken: BrokenError) -> Problem:
    at = min(broken.index, max(0, len(source.text.rstrip()) - 1))
    start = extents.value_start(source.text, at)
    if start < at and source.text[start] in "\"'{[":
        return _needs_quotes(source, start, _end(source, start, flow=False), "text goes on after its end", flow=False)
    span = source.span(at, max(at + 1, extents.block_end(source.text, at)))
    help_text = "indent it like the first line of the file"
    return Problem(Diagnostic("indentation", "this line belongs to nothing above it", span, help=help_text))


# ------------------------------------------------------------------ flow style


def _in_brackets(source: Source, broken: BrokenError) -> Problem:
    text, at, opened = source.text, broken.index, broken.opened
    if at >= len(text.rstrip()):
        return _open_bracket(source, opened, None)
    if text[at] in "]}":
        return _wrong_bracket(source, opened, at)
    if broken.scalar > opened and _same_line(text, broken.scalar, at):
        start = _whole_value(text, broken)
        why = _why_in_brackets(text, start, at)
        return _needs_quotes(source, start, _end(source, start, flow=True), why, flow=True)
    if not _same_line(text, opened, at) and extents.indent(text, at) <= extents.indent(text, opened):
        return _open_bracket(source, opened, at)
    found = Diagnostic(
        "syntax",
        f"a comma or a closing `{extents.CLOSING.get(text[opened], ']')}` is missing before this",
        source.span(at, at + 1),
        notes=(Note("in what began here", source.span(opened, opened + 1)),),
        help="separate the items with commas",
    )
    return Problem(found)


def _whole_value(text: str, broken: BrokenError) -> int:
    """Where the value began that broke: before a comma, when that splits a call in which brackets follow."""
    for start in reversed(broken.scalars):
        if start <= broken.opened or not _same_line(text, start, broken.index):
            break
        if extents.unclosed(text[start : extents.flow_end(text, start)]) == 0:
            return start
    return broken.scalar


def _wrong_bracket(source: Source, opened: int, at: int) -> Problem:
    sign, wrong = source.text[opened], source.text[at]
    notes = (Note(f"`{wrong}` closes something else", source.span(at, at + 1)),)
    help_text = f"write `{extents.CLOSING.get(sign, ']')}` before the `{wrong}`"
    found = Diagnostic(
        "unclosed", f"this `{sign}` is not closed", source.span(opened, opened + 1), notes=notes, help=help_text
    )
    return Problem(found)


def _why_in_brackets(text: str, scalar: int, at: int) -> str:
    if text[scalar] in "\"'":
        return _AFTER_QUOTE
    begins = {"[": "a list", "{": "a mapping", ":": "a mapping", "*": "an alias", "&": "an anchor"}.get(text[at])
    return f"inside {{ }} and [ ], `{text[at]}` begins {begins}" if begins else f"`{text[at]}` is read apart from it"


def _open_bracket(source: Source, opened: int, at: int | None) -> Problem:
    sign = source.text[opened]
    closing = extents.CLOSING.get(sign, "]")
    notes: tuple[Note, ...] = ()
    if at is not None:
        start = extents.line_start(source.text, at) + extents.indent(source.text, at)
        notes = (Note("this line would be a part of it", source.span(start, at + 1)),)
    return Problem(
        Diagnostic(
            "unclosed",
            f"this `{sign}` is never closed",
            source.span(opened, opened + 1),
            notes=notes,
            help=f"close it with `{closing}`",
        )
    )


def _no_value(source: Source, broken: BrokenError) -> Problem:
    at = min(broken.index, max(0, len(source.text.rstrip()) - 1))
    char = source.text[at]
    if char == "," or (char in "]}" and broken.flow):
        return Problem(
            Diagnostic(
                "syntax",
                f"a value is missing before `{char}`",
                source.span(at, at + 1),
                help="remove the comma, or write a value",
            )
        )
    if char in "]}":
        return Problem(
            Diagnostic(
                "syntax", f"`{char}` closes nothing", source.span(at, at + 1), help="remove it, or quote the value"
            )
        )
    return _needs_quotes(source, at, _end(source, at, broken.flow), f"a value cannot begin with `{char}`", broken.flow)


Say = Callable[[Source, BrokenError], "Problem | None"]

_TABLE: tuple[tuple[re.Pattern[str], Say], ...] = tuple(
    (re.compile(pattern), say)
    for pattern, say in (
        (r"cannot start any token", _stray_character),
        (r"could not find expected ':'", _no_colon),
        (r"sequence entries are not allowed", _inline_list),
        (r"mapping (values|keys) are not allowed", _second_colon),
        (r"scanning an (alias|anchor)", _bare_sign),
        (r"scanning a block scalar", _block_indicator),
        (r"found unexpected (end of stream|document separator)", _unclosed_quote),
        (r"escape|OverflowError|ValueError", _bad_escape),
        (r"expected ',' or", _in_brackets),
        (r"expected the node content", _no_value),
        (r"expected <block end>", _after_block),
        (r"<document start>", _after_document),
    )
)
