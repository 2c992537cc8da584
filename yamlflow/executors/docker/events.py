"""One stream of containers that end, in a thread of its own.

A wake-up, never the truth: what was missed is found by looking at all of them.
An engine that goes away is asked for again until it answers or nobody listens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from yamlflow.executors.docker.engine import Engine, EngineGoneError, RefusedError

PAUSE = 1.0
OVERLAP = 5.0
"""Seconds that a new stream goes back behind the end of the old one."""


class Events:
    """`died` hears a container's name; `lost` and `found` when the engine goes and comes."""

    def __init__(
        self,
        engine: Engine,
        label: str,
        died: Callable[[str], None],
        lost: Callable[[str], None],
        found: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._label = label
        self._died, self._lost, self._found = died, lost, found
        self._since = 0.0  # by the engine's clock; 0: from now on
        self._closed = threading.Event()
        self._stream: Any = None
        self._thread = threading.Thread(target=self._work, name="yamlflow-docker-events", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except (EngineGoneError, RefusedError) as error:
                self._lost(str(error))
            self._closed.wait(PAUSE)

    def _listen(self) -> None:
        stream = self._stream = self._engine.deaths(self._label, self._since)
        try:
            self._found()
            with suppress(Exception):  # the connection breaks in as many ways as there are libraries below it
                self._follow(stream)
        finally:
            self._stream = None
            with suppress(Exception):  # it may have broken
                self._engine.release(stream)

    def _follow(self, stream: Any) -> None:
        if self._closed.is_set():  # while it was being opened: nobody will close it
            return
        for event in stream:
            self._since = max(self._since, float(event.get("time", 0)) - OVERLAP)
            self._died(event["Actor"]["Attributes"]["name"])
            if self._closed.is_set():
                return

    def close(self) -> None:
        self._closed.set()
        stream = self._stream
        if stream is not None:
            with suppress(Exception):  # it may be breaking at this moment
                stream.close()
        self._thread.join(PAUSE)
