"""How far an unquoted value was meant to reach, and how to quote it.

Plain text geometry for the hints of broken YAML: works on indexes, knows no
parser and no file.
"""

from __future__ import annotations

import re

CLOSING = {"(": ")", "[": "]", "{": "}"}
_LONGEST_SHOWN = 80
_COMMENT = re.compile(r"[ \t]#")
_NEW_ITEM = re.compile(r"[ \t]*(?:-[ \t]+)*(?:[^\s:#'\"\[\]{},]+[ \t]*:[ \t]+)?")


def line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def line_end(text: str, index: int) -> int:
    ends = [at for at in (text.find("\n", index), text.find("\r", index)) if at >= 0]
    return min(ends, default=len(text))


def block_end(text: str, start: int) -> int:
    """The end of a block value's line, without a comment and trailing blanks."""
    end = line_end(text, start)
    comment = _COMMENT.search(text, start, end)
    return start + len(text[start : comment.start() if comment else end].rstrip())


def flow_end(text: str, start: int) -> int:
    """The end of a value in { } or [ ]: the next comma or closing bracket outside brackets and quotes."""
    closing: list[str] = []
    quote = ""
    end = block_end(text, start)
    for at in range(start, end):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and not (at > start and text[at - 1].isalnum()):
            quote = char
        elif char in CLOSING:
            closing.append(CLOSING[char])
        elif closing and char == closing[-1]:
            closing.pop()
        elif char in ",]}" and not closing:
            return start + len(text[start:at].rstrip())
    return end


def value_start(text: str, index: int) -> int:
    """Where the value begins on the line of `index`: behind dashes and a key."""
    start = line_start(text, index)
    found = _NEW_ITEM.match(text, start)
    return min(found.end() if found else start, index)


def behind_word(text: str, index: int) -> int:
    """The end of the word before the blanks before `index`."""
    while index and text[index - 1] == " ":
        index -= 1
    return index


def indent(text: str, index: int) -> int:
    """How many spaces stand before the first character of the line."""
    start = line_start(text, index)
    return len(text[start : line_end(text, index)]) - len(text[start : line_end(text, index)].lstrip(" "))


def unclosed(text: str) -> int:
    """How many parentheses and brackets `text` opens but does not close; negative: closes without opening."""
    quote = ""
    depth = 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and not (at and text[at - 1].isalnum()):
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
    return depth


def quoted(text: str) -> str:
    """`text` as a quoted YAML scalar, in the quotes that need least escaping."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def quote_hint(text: str) -> str:
    """A help that shows `text` in quotes, or only says so when it is long."""
    shown = quoted(" ".join(text.split()))
    return f"quote it: {shown}" if len(shown) <= _LONGEST_SHOWN else "put the whole value in quotes"


def short(text: str, width: int = 60) -> str:
    """`text` on one line and at most `width` long, for a message."""
    text = " ".join(text[: 4 * width].split())
    return text if len(text) <= width else text[: width - 1] + "…"
