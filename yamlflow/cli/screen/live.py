"""The live view on a terminal: rows that change in place, and lines above them.

At most four redraws a second, and none when nothing changed. Everything shown
is rich Text made of cleaned text; markup is never parsed. Writing to a terminal
that has gone away ends the view, never the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from yamlflow.cli.output.terminal import silence
from yamlflow.cli.output.words import STYLES, duration, glyph, spoken
from yamlflow.cli.screen.lines import Reasons, is_notice, line
from yamlflow.cli.screen.rows import Row, failures, fold, rows, totals
from yamlflow.core.messages import Event
from yamlflow.core.progress import RunView

REDRAW = 0.25  # seconds between two redraws at least
CLOCK = 1.0  # and at most, while something runs: the elapsed time has changed


class LiveScreen:
    """Draws the view of a run in place on `stream`."""

    def __init__(self, stream: TextIO, *, styled: bool, unicode: bool) -> None:
        console = Console(file=stream, no_color=not styled, highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._stream = stream
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._unicode = unicode
        self._reasons = Reasons()
        self._drawn_at = 0.0
        self._drawn_version = -1
        self._seen_at = time.monotonic()
        self._open = True
        self.open()

    def see(self, event: Event, view: RunView) -> None:
        self._seen_at = time.monotonic()
        if is_notice(event) and self._reasons.is_news(event):
            self.say(line(event, view, unicode=self._unicode) or "")

    def tick(self, view: RunView) -> None:
        """Redraws if something changed and the last time is long enough ago."""
        now = time.monotonic()
        wait = CLOCK if view.version == self._drawn_version else REDRAW
        if now - self._drawn_at < wait or (view.version == self._drawn_version and not view.running):
            return
        self._drawn_at, self._drawn_version = now, view.version
        self._try(lambda: self._live.update(self._picture(view), refresh=True))

    def say(self, text: str, style: str = "") -> None:
        """A line above the rows that stays."""
        self._try(lambda: self._live.console.print(Text(text, style=style), soft_wrap=True))

    def open(self) -> None:
        """Takes the cursor away; the next tick draws."""
        self._drawn_version = -1
        self._try(self._live.start)

    def close(self) -> None:
        """Takes the rows away and gives the terminal back as it was."""
        self._try(self._live.stop)

    def _picture(self, view: RunView) -> Group:
        now = view.latest + time.monotonic() - self._seen_at  # events may count from any origin
        shown, rest = fold(rows(view, now, unicode=self._unicode), max(4, self._live.console.height - 6))
        cross = glyph("failed", unicode=self._unicode)
        parts: list[Text | Table] = [Text(f"{cross} {words}", "red") for words in failures(view)]
        parts.append(_table(shown, unicode=self._unicode))
        parts += [Text(rest, "dim")] if rest else []
        elapsed = duration(now - view.started) if view.started is not None else ""
        parts.append(Text(f"{elapsed}  {totals(view)}", "dim"))
        return Group(*parts)

    def _try(self, action: Callable[[], None]) -> None:
        """Does something to the terminal; one that has gone away is left alone from then on."""
        if not self._open:
            return
        try:
            action()
        except (OSError, ValueError):
            self._open = False
            silence(self._stream)


def _table(shown: list[Row], *, unicode: bool) -> Table:
    table = Table.grid(padding=(0, 1), expand=False)
    for column in ("state", "name", "bar", "counts", "seconds", "note"):
        table.add_column(no_wrap=True, overflow="ellipsis", justify="right" if column == "seconds" else "left")
    for row in shown:
        style = STYLES.get(row.state, "dim")
        table.add_row(
            Text(f"{glyph(row.state, unicode=unicode)} {spoken(row.state)}", style),
            Text(row.name, "bold" if row.active else ""),
            Text(row.bar, style),
            Text(row.counts),
            Text("" if row.seconds is None else duration(row.seconds), "dim"),
            Text(row.note, "dim"),
        )
    return table
