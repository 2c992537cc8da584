"""What the cases beside this file call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yamlflow import Context

THRESHOLD = 8


def prep(uri: str = "") -> Path:
    return Path(uri)


def fit(data: Path, model: str, fold: int = 0, lr: float = 0.1, *, ctx: Context) -> float:
    return 0.5


def score(value: float) -> float:
    return value


def maybe(value: float | None) -> float:
    return value or 0.0


def anything(**options: Any) -> dict[str, Any]:
    return options


def items() -> list[str]:
    return ["a", "b"]


def rows() -> Iterator[int]:
    yield 1


def rescue(data: Path, model: str, error: dict[str, Any]) -> float:
    return 0.0


class Trainer:
    def fit(self, data: Path) -> float:
        return 0.5
