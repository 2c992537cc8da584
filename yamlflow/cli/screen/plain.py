"""Progress without a terminal: lines, JSON records, or nothing; the same two calls as the live view."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Protocol

from yamlflow.cli.output.terminal import Outlet
from yamlflow.cli.output.text import safe_json
from yamlflow.cli.output.words import count
from yamlflow.cli.screen.lines import Reasons, heartbeat, line
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import Event, ItemsKnown, Restored, State
from yamlflow.core.progress import RunView

HEARTBEAT = 60.0


class Screen(Protocol):
    """Where the events of a run are shown. None of these calls ever raises or waits."""

    def see(self, event: Event, view: RunView) -> None:
        """An event that `view` has taken in."""

    def tick(self, view: RunView) -> None:
        """Time has passed."""

    def say(self, text: str, style: str = "") -> None:
        """Something beside the events, such as what a task printed; the text is clean."""

    def open(self) -> None:
        """Shows again, after a `close` in between."""

    def close(self) -> None:
        """The run has ended, or is left alone, or is stopped for a while."""


class Silence:
    """Shows nothing."""

    def see(self, event: Event, view: RunView) -> None:
        pass

    def tick(self, view: RunView) -> None:
        pass

    def say(self, text: str, style: str = "") -> None:
        pass

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass


class PlainScreen(Silence):
    """One line per state change; results kept from an earlier launch are counted, not listed."""

    def __init__(
        self, outlet: Outlet, *, unicode: bool, beat: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._outlet = outlet
        self._unicode = unicode
        self._beat = HEARTBEAT if beat else None
        self._clock = clock
        self._last = clock()
        self._kept = 0
        self._told = False
        self._cached: dict[str, int] = {}
        self._reasons = Reasons()

    def see(self, event: Event, view: RunView) -> None:
        if isinstance(event, Restored):
            self._keep(event)
            return
        words = line(event, view, unicode=self._unicode) if self._reasons.is_news(event) else None
        if words is not None:
            if not isinstance(event, ItemsKnown):  # then more that is kept may follow
                self._tell_kept()
            self._outlet.line(words)
            self._last = self._clock()

    def tick(self, view: RunView) -> None:
        if self._beat is not None and self._clock() - self._last >= self._beat:
            self._outlet.line(heartbeat(view))
            self._last = self._clock()

    def say(self, text: str, style: str = "") -> None:  # noqa: ARG002 - lines have no style
        self._outlet.line(text)

    def close(self) -> None:
        self._tell_kept()

    def _keep(self, event: Restored) -> None:
        if event.end is State.CACHED:
            self._cached[event.task.node] = self._cached.get(event.task.node, 0) + 1
        else:
            self._kept += 1

    def _tell_kept(self) -> None:
        for step, number in self._cached.items():
            self._outlet.line(f"  {step}: {count(number, 'result')} from the cache")
        self._cached.clear()
        if self._kept:
            more = "more kept" if self._told else "kept"
            self._outlet.line(f"  {more} from before: {count(self._kept, 'result')}")
            self._told, self._kept = True, 0


class JsonScreen(Silence):
    """One JSON object a line per event: `{"event", "at", "step", "task", ...}`."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def see(self, event: Event, view: RunView) -> None:
        self._outlet.line(safe_json(record(event, view)))


def record(event: Event, view: RunView) -> dict[str, Any]:
    """An event as plain JSON; a task has its name and its step."""
    body: dict[str, Any] = {"event": type(event).__name__}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, TaskId):
            body |= {"step": value.node, "task": view.names.display(value)}
        else:
            body[field.name] = _plain(value, view)
    return body


def _plain(value: Any, view: RunView) -> Any:
    match value:
        case TaskId():
            return view.names.display(value)
        case Enum():
            return value.value
        case Mapping():
            return {str(key): _plain(item, view) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item, view) for item in value]
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name), view) for field in fields(value)}
        case _:
            return value
