"""The callables that random pipelines name; the fake executor stands in for them."""

from __future__ import annotations

from typing import Any


def task(**inputs: Any) -> int:
    """Never called: the simulation scripts what tasks do."""
    raise NotImplementedError(inputs)


def rescue(error: Any, **inputs: Any) -> int:
    """Never called, either."""
    raise NotImplementedError(error, inputs)
