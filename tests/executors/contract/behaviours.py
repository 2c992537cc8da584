"""The list: every behaviour of the contract, which is every test function here that a bench is handed to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

NOT_BEHAVIOURS = ("test_broken", "test_lacks")


@dataclass(frozen=True)
class Behaviour:
    """`ability`: what of base.ABILITIES it is a part of."""

    ability: str
    function: Callable[..., None]

    def check(self, bench: Any, patch: pytest.MonkeyPatch) -> None:
        """Whether the bench's executor behaves so; else an AssertionError."""
        wanted = inspect.signature(self.function).parameters
        given = {mark.args[0]: mark.args[1][0] for mark in _marks(self.function, "parametrize")}
        self.function(bench, **given, **({"monkeypatch": patch} if "monkeypatch" in wanted else {}))


def behaviours() -> Mapping[str, Behaviour]:
    """By name, in the order of the files."""
    return dict(_found())


def _found() -> Iterator[tuple[str, Behaviour]]:
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path.stem in NOT_BEHAVIOURS:
            continue
        module = import_module(f"tests.executors.contract.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_"):
                (mark, *_) = [*_marks(function, "ability"), *_marks(module, "ability")]
                yield name, Behaviour(mark.args[0], function)


def _marks(owner: Any, name: str) -> list[pytest.Mark]:
    """Its own marks of this name, the nearest first."""
    marks = getattr(owner, "pytestmark", [])
    every = marks if isinstance(marks, list) else [marks]
    return [mark if isinstance(mark, pytest.Mark) else mark.mark for mark in every if mark.name == name]
