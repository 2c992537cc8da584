"""One source line as a person can read it in a terminal, with carets under a part of it.

Text from a file is never trusted: control and direction characters are shown
as escapes, tabs become spaces, a long line is cut around the part that matters.
Widths are terminal cells: a wide character counts two, a combining one none.
"""

from __future__ import annotations

import unicodedata

MAX_WIDTH = 110
_TAB = 4
_CONTEXT = 40  # cells kept before the part that matters when a line is cut
_NEAR = 300  # characters that are looked at on either side


def visible(text: str) -> str:
    """`text` with every control, direction and otherwise unprintable character written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def excerpt(line: str, column: int, end_column: int | None) -> tuple[str, str]:
    """The line and the carets under columns [column, end_column), 1-based; at least one caret."""
    start = min(column - 1, len(line))
    stop = len(line.rstrip()) if end_column is None else min(end_column - 1, len(line))
    near = max(0, start - _NEAR)  # a line may be 256 KiB long, and have a hundred findings
    cells = _cells(line[near : start + _NEAR])
    start, stop = start - near, min(stop - near, len(cells))
    before = cells[:start]
    marked = cells[start : max(stop, start)] or cells[start : start + 1]
    after = cells[start + len(marked) :]
    head = _tail(before, _CONTEXT if _width(before + marked + after) > MAX_WIDTH else MAX_WIDTH)
    body = _head(marked, MAX_WIDTH - _width(head))
    rest = _head(after, MAX_WIDTH - _width(head) - _width(body)) if len(body) == len(marked) else []
    text = "".join(cell for cell, _ in [*head, *body, *rest])
    return text, " " * _width(head) + "^" * max(1, _width(body))


Cells = list[tuple[str, int]]


def _cells(line: str) -> Cells:
    """What is shown for each character of the line, and how wide it is."""
    cells: Cells = []
    at = 0
    for char in line:
        shown = " " * (_TAB - at % _TAB) if char == "\t" else visible(char)
        width = len(shown) if shown != char or char.isascii() else _char_width(char)
        cells.append((shown, width))
        at += width
    return cells


def _char_width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _width(cells: Cells) -> int:
    return sum(width for _, width in cells)


def _head(cells: Cells, room: int) -> Cells:
    """The first cells, at most `room` wide, with `…` where the rest was cut off."""
    if _width(cells) <= room:
        return cells
    kept: Cells = []
    for cell in cells:
        if _width(kept) + cell[1] >= room:
            break
        kept.append(cell)
    return [*kept, ("…", 1)]


def _tail(cells: Cells, room: int) -> Cells:
    return _head(cells[::-1], room)[::-1]


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
