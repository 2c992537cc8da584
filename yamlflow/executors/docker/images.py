"""Images: fetched once each, then held to by their digest, so that a moved tag changes nothing in a run.

Called from the threads that start containers. A mistake in a name is final; a
registry that does not answer is tried again by whoever decides about retries.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from yamlflow.core.jobs import Failure
from yamlflow.executors.docker.engine import Engine, RefusedError

Say = Callable[[str], None]
_MISSING = re.compile(r"not found|denied|unknown|unauthorized|does not exist|invalid reference|no matching manifest")


class NoImageError(Exception):
    """There is none to be had; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Images:
    """What containers are made of. `policy` is missing, always or never."""

    def __init__(self, engine: Engine, policy: str, platform: str) -> None:
        self._engine = engine
        self._policy = policy
        self._platform = platform
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def identity(self, name: str, say: Say) -> str:
        """The digest of an image that is here from now on; `say` hears how fetching goes. Raises NoImageError."""
        with self._lock:
            if name not in self._known:
                self._known[name] = self._found(name, say)
            return self._known[name]

    def _found(self, name: str, say: Say) -> str:
        found = self._look(name)
        if found is None and self._policy == "never":
            hint = "fetch it (docker pull), or let the profile say `pull: missing`"
            raise NoImageError(Failure("start_failed", f"the image {name} is not here: {hint}", final=True))
        if found is None or self._policy == "always":
            self._pull(name, say)
            found = self._look(name)
        if found is None:
            raise NoImageError(Failure("image_pull", f"the image {name} was fetched, and is not here"))
        return str(found["Id"])

    def _look(self, name: str) -> dict[str, Any] | None:
        try:
            return self._engine.image(name)
        except RefusedError as error:
            if error.status != 400:
                raise
            raise NoImageError(Failure("start_failed", f"`{name}` is no image's name: {error}", final=True)) from error

    def _pull(self, name: str, say: Say) -> None:
        layers: dict[str, tuple[int, int]] = {}
        say(f"fetching the image {name}")
        try:
            for word in self._engine.pull(_tagged(name), self._platform):
                if "error" in word:
                    raise NoImageError(_unfetched(name, str(word["error"])))
                if _count(layers, word):
                    say(f"fetching the image {name}: {_said(layers)}")
        except RefusedError as error:
            raise NoImageError(_unfetched(name, str(error))) from error


def _tagged(name: str) -> str:
    """Without a tag the engine would fetch all there are."""
    return name if "@" in name or ":" in name.rpartition("/")[2] else f"{name}:latest"


def _unfetched(name: str, why: str) -> Failure:
    if _MISSING.search(why):
        hint = "check its name, and whether you may have it: docker login"
        return Failure("start_failed", f"there is no image {name} to be had: {why}; {hint}", final=True)
    return Failure("image_pull", f"the image {name} could not be fetched: {why}")


def _count(layers: dict[str, tuple[int, int]], word: Mapping[str, Any]) -> bool:
    """Whether the word was about bytes."""
    detail = word.get("progressDetail") or {}
    if "total" not in detail or word.get("status") != "Downloading":
        return False
    layers[str(word.get("id"))] = (int(detail.get("current", 0)), int(detail["total"]))
    return True


def _said(layers: Mapping[str, tuple[int, int]]) -> str:
    done, total = (sum(numbers) for numbers in zip(*layers.values(), strict=True))
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
