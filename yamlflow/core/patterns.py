"""Patterns of file names, as `code: {include, exclude}` has them: a small part of what gitignore means.

    *.ipynb      without a slash: a file or folder of this name, wherever it lies
    data/raw     with one: from the root, as is `/data`
    notebooks/   a folder, and no file
    *            any text within a name; `?` one character of it; `**` between slashes any number of folders

What fits a folder fits all that lies in it. Nothing is negated, there are no
brackets and no braces. Looks at names only, in time linear in their length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import count

from yamlflow.core.dataclass import dataclass

_FOREIGN = {
    "\\": ("a backslash means nothing in a pattern", "write `/` between folders"),
    "[": ("brackets mean nothing in a pattern", "write `?` for one character, or several patterns"),
    "{": ("braces mean nothing in a pattern", "write several patterns"),
}


class PatternError(ValueError):
    """A text that is no pattern: what is wrong, and what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as it was written, and as it is asked."""

    text: str
    regex: re.Pattern[str]

    def fits(self, name: str) -> bool:
        """Whether it fits a file or one of the folders around it; `a/b/c.py`, a folder's name ends with a slash."""
        return self.regex.match(name) is not None


def parse_pattern(text: str) -> Pattern:
    """The pattern of a text. Raises PatternError."""
    if text.startswith("!"):
        raise PatternError("a pattern is not negated", "`include` adds files, `exclude` takes files out")
    for sign, (message, hint) in _FOREIGN.items():
        if sign in text:
            raise PatternError(message, hint)
    parts = [part for part in text.split("/") if part not in ("", ".")]
    _check(parts)
    parts = [part for at, part in enumerate(parts) if not (at and part == parts[at - 1] == "**")]
    below = parts[-1] == "**" and len(parts) > 1
    front = "" if "/" in text.rstrip("/") else _DEEP
    end = "/" if below or text.endswith("/") else "(?:/|$)"
    return Pattern(text, re.compile(front + "".join(_joined(parts[:-1] if below else parts)) + end, re.DOTALL))


def pattern_of(name: str) -> str:
    """The pattern, as YAML has it, that fits the file or folder of this name, and those it cannot be told from."""
    text = "/" + "".join("?" if sign in "*?" or sign in _FOREIGN else sign for sign in name)
    return text if re.fullmatch(r"[\w./-]+", text, re.ASCII) else json.dumps(text)


_DEEP = "(?:[^/]+/)*"


def _check(parts: Sequence[str]) -> None:
    if not parts:
        raise PatternError("this pattern names nothing", "`*` stands for everything")
    if ".." in parts:
        raise PatternError(
            "a pattern does not leave the root", "name a folder further up: `code: {root: ..}` is relative to the file"
        )
    if any("**" in part and part != "**" for part in parts):
        raise PatternError("`**` stands alone between slashes", "write `*` for any text within a name")


def _joined(parts: Sequence[str]) -> Iterator[str]:
    """The parts as regular expressions, with the slashes between them."""
    numbers = count()
    for at, part in enumerate(parts):
        if part == "**":
            yield _DEEP if at < len(parts) - 1 else "[^/]+"
        else:
            yield _name(part, numbers) + ("/" if at < len(parts) - 1 else "")


def _sought(text: str, number: int) -> str:
    return f"(?=(?P<_{number}>[^/]*?{text}))(?P=_{number})"


def _name(part: str, numbers: Iterator[int]) -> str:
    """One name. Each text between two stars is sought once, and where it was found it stays: nothing is tried twice."""
    first, *rest = ("".join("[^/]" if sign == "?" else re.escape(sign) for sign in one) for one in part.split("*"))
    if not rest:
        return first
    *middle, last = rest
    sought = "".join(_sought(one, next(numbers)) for one in middle if one)
    return f"{first}{sought}[^/]*{last}"
