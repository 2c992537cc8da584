"""The callable that random pipelines name; the fake executor stands in for it."""

from __future__ import annotations

from typing import Any


def task(**inputs: Any) -> int:
    """Never called: the simulation scripts what tasks do."""
    raise NotImplementedError(inputs)
