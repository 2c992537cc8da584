"""How things are said to a person: durations, sizes, times, counts, commands, names of states.

Pure functions from values to text; every command says the same thing the same way.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import datetime

GLYPHS = {
    "succeeded": "✓",
    "cached": "=",
    "caught": "!",
    "skipped": "-",
    "failed": "✗",
    "upstream_failed": "✗",
    "cancelled": "■",
    "interrupted": "■",
    "running": "▶",
    "submitted": "▷",
    "ready": "·",
    "waiting": "…",
    "pending": "·",
}
_ASCII = {"✓": "+", "✗": "x", "■": "#", "▶": ">", "▷": ">", "·": ".", "…": "~"}

STYLES = {
    "succeeded": "green",
    "cached": "cyan",
    "caught": "yellow",
    "skipped": "dim",
    "failed": "red",
    "upstream_failed": "red",
    "cancelled": "yellow",
    "interrupted": "yellow",
    "running": "blue",
}


def glyph(state: str, *, unicode: bool = True) -> str:
    """One character for a state; it always stands beside the word."""
    mark = GLYPHS.get(state, "·")
    return mark if unicode else _ASCII.get(mark, mark)


def spoken(state: str) -> str:
    """A state as it is said to a person: `upstream failed`. In files and JSON it is `upstream_failed`."""
    return state.replace("_", " ")


def duration(seconds: float) -> str:
    """`0.4s`, `12s`, `3m05s`, `2h07m`, `3d4h`."""
    if seconds < 0.0995:
        return f"{max(seconds, 0) * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def size(count: float) -> str:
    """Bytes in the unit that keeps it short: `512 B`, `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def moment(at: float) -> str:
    """A time of day with its date, in this machine's zone."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def instant(at: float) -> str:
    """A time for machines: ISO 8601 with its offset."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")


def count(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def command(*words: str) -> str:
    """A command of ours, quoted for the shell it will be pasted into."""
    return shlex.join(["yamlflow", *words])


def columns(rows: Iterable[Iterable[str]], indent: str = "") -> list[str]:
    """Rows as lines with aligned columns; the last column is never padded."""
    table = [list(row) for row in rows]
    if not table:
        return []
    widths = [max(len(row[number]) for row in table if number < len(row)) for number in range(max(map(len, table)))]
    return [indent + "  ".join(cell.ljust(widths[number]) for number, cell in enumerate(row)).rstrip() for row in table]
