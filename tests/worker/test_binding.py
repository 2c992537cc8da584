"""Inputs as arguments: by keyword, by place, converted by annotation and by nothing else."""

from __future__ import annotations

import functools
import math
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, TypedDict

import pytest

from yamlflow.worker.calls.binding import bind
from yamlflow.worker.calls.conversion import ConversionError, convert
from yamlflow.worker.context import Context

if TYPE_CHECKING:
    from nowhere import Thing


class Mode(Enum):
    FAST = "fast"
    SLOW = 2


@dataclass
class Config:
    lr: float
    when: date
    deep: Config | None = None


class Options(TypedDict):
    path: Path
    n: int


NOON = "2026-01-02T12:00:00"

CASES = [
    ("a/b", Path, Path("a/b")),
    ("2026-01-02", date, date(2026, 1, 2)),
    (NOON, datetime, datetime(2026, 1, 2, 12)),  # noqa: DTZ001 - as the text says, without a zone
    ("1h30m", timedelta, timedelta(minutes=90)),
    ("250ms", timedelta, timedelta(milliseconds=250)),
    (90, timedelta, timedelta(seconds=90)),
    ("fast", Mode, Mode.FAST),
    ("SLOW", Mode, Mode.SLOW),
    (2, Mode, Mode.SLOW),
    ("1.10", Decimal, Decimal("1.10")),
    (3, float, 3.0),
    (True, float, True),
    (3, int, 3),
    ("3", int, "3"),
    (3.0, int, 3.0),
    (3, str, 3),
    ("x", Any, "x"),
    (None, Path, None),
    ("a", Optional[Path], Path("a")),  # noqa: UP045 - users still write it
    (None, Optional[Path], None),  # noqa: UP045
    ("a", Path | None, Path("a")),
    ("a", str | Path, "a"),
    (1, int | float, 1),
    (1, float | None, 1.0),
    (["a", "b"], list[Path], [Path("a"), Path("b")]),
    (["a"], tuple[Path, ...], ["a"]),
    (("a", 1), tuple[Path, float], (Path("a"), 1.0)),
    (["a"], set[Path], {Path("a")}),
    ({"k": 1}, dict[str, float], {"k": 1.0}),
    ({"k": ["a"]}, Mapping[str, list[Path]], {"k": [Path("a")]}),
    ("a", Annotated[Path, "doc"], Path("a")),
    ({"lr": 1, "when": "2026-01-02"}, Config, Config(1.0, date(2026, 1, 2))),
    (
        {"lr": 1, "when": "2026-01-02", "deep": {"lr": 2, "when": "2026-01-03"}},
        Config,
        Config(1.0, date(2026, 1, 2), Config(2.0, date(2026, 1, 3))),
    ),
    ({"path": "p", "n": 1}, Options, {"path": Path("p"), "n": 1}),
    ([1, 2], list, [1, 2]),
    ([1, 2], "not a type", [1, 2]),
]


@pytest.mark.parametrize(("value", "annotation", "expected"), CASES, ids=lambda case: str(case)[:40])
def test_a_value_is_converted_by_its_annotation_and_by_nothing_else(value, annotation, expected):
    made = convert(value, annotation, "x")
    if annotation == tuple[Path, ...]:
        expected = (Path("a"),)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation", "words"),
    [
        ("31.12.2026", date, "argument `x`: cannot make date of '31.12.2026'"),
        ("medium", Mode, "argument `x`: cannot make Mode of 'medium'"),
        ("abc", Decimal, "argument `x`: cannot make Decimal of 'abc'"),
        ({"lr": 1}, Config, "argument `x`: cannot make Config of {'lr': 1}"),
        ([{"lr": 1, "when": "no"}], list[Config], "argument `x`[0].when: cannot make date of 'no'"),
    ],
)
def test_a_value_that_cannot_be_converted_names_its_place(value, annotation, words):
    with pytest.raises(ConversionError) as caught:
        convert(value, annotation, "argument `x`")
    assert str(caught.value) == words


# ------------------------------------------------------------------ calls


def given(shelf, function, **inputs):
    positional, named = bind(function, inputs, shelf.store, Context)
    return function(*positional, **named)


def test_positional_only_parameters_are_filled_in_their_order(shelf):
    def f(a, b, /, c, *, d):
        return a, b, c, d

    assert given(shelf, f, d=4, b=2, c=3, a=1) == (1, 2, 3, 4)


def test_what_takes_only_places_gets_its_inputs_in_their_order(shelf):
    assert given(shelf, lambda *all_of_them: all_of_them, b=2, a=1) == (2, 1)
    assert given(shelf, lambda **named: named, b=2, a=1) == {"b": 2, "a": 1}


def test_a_class_a_method_a_partial_and_an_object_are_called_with_their_annotations(shelf):
    class Reader:
        def __init__(self, path: Path):
            self.path = path

        def __call__(self, other: Path) -> tuple[Path, Path]:
            return self.path, other

        @classmethod
        def make(cls, path: Path) -> Path:
            return path

    assert given(shelf, Reader, path="a").path == Path("a")
    assert given(shelf, Reader.make, path="a") == Path("a")
    assert given(shelf, Reader("x"), other="a") == ("x", Path("a"))

    def f(a: Path, b: Path) -> tuple[Path, Path]:
        return a, b

    assert given(shelf, functools.partial(f, b="b"), a="a") == (Path("a"), "b")


def test_a_decorated_function_keeps_the_annotations_it_wraps(shelf):
    def f(a: Path) -> Path:
        return a

    @functools.wraps(f)
    def wrapper(*args, **named):
        return f(*args, **named)

    assert given(shelf, wrapper, a="x") == Path("x")


def test_one_annotation_that_cannot_be_resolved_spoils_no_other(shelf):
    def f(a: Thing, b: Path) -> tuple[object, Path]:
        return a, b

    assert given(shelf, f, a="x", b="y") == ("x", Path("y"))


def test_a_function_in_c_without_a_signature_gets_keywords(shelf):
    assert bind(math.hypot, {"x": 1}, shelf.store, Context)[1] == {"x": 1} or bind(
        math.hypot, {"x": 1}, shelf.store, Context
    )[0] == [1]


def test_a_context_goes_to_whoever_annotates_one_whatever_the_name(shelf):
    def f(a, whatever: Context, maybe: Context | None = None, *, text: "Context | None" = None):  # noqa: UP037
        return whatever, maybe, text

    assert [type(found) for found in given(shelf, f, a=1)] == [Context] * 3


def test_a_parameter_called_context_of_another_type_is_left_alone(shelf):
    def f(context: dict[str, int] | None = None):
        return context

    assert given(shelf, f) is None


# ------------------------------------------------------------------ joins

JOIN = {"$join": {"keys": ["eu", "us"], "items": [1, 2]}}


def test_a_joined_loop_is_what_the_annotation_asks_for(shelf):
    def as_list(x):
        return x

    def as_typed_list(x: list[float]) -> list[float]:
        return x

    def as_mapping(x: dict[str, float]) -> dict[str, float]:
        return x

    def as_iterable(x: Iterable[float]) -> list[list[float]]:
        return [list(x), list(x)]

    def as_iterator(x: Iterator[int]) -> list[int]:
        return [next(x), *x]

    def as_generator(x: Generator[int, None, None]) -> list[int]:
        return list(x)

    assert given(shelf, as_list, x=JOIN) == [1, 2]
    assert given(shelf, as_typed_list, x=JOIN) == [1.0, 2.0]
    assert given(shelf, as_mapping, x=JOIN) == {"eu": 1.0, "us": 2.0}
    assert given(shelf, as_iterable, x=JOIN) == [[1.0, 2.0], [1.0, 2.0]]
    assert given(shelf, as_iterator, x=JOIN) == [1, 2]
    assert given(shelf, as_generator, x=JOIN) == [1, 2]


def test_a_lazy_parameter_reads_items_when_their_turn_comes(shelf):
    document = shelf.put(["x" * 5000, "y" * 5000], iterated=[""])
    join = {"$join": {"keys": ["0", "1"], "items": document}}
    Path(shelf.store.object_path(document[1]["$artifact"]["digest"])).unlink()

    def first(x: Iterable[str]) -> int:
        return len(next(iter(x))) + len(x)

    assert given(shelf, first, x=join) == 5002


def test_an_iterable_parameter_takes_what_is_no_list_as_it_is(shelf):
    def f(x: Iterable[str] | None) -> object:
        return x

    assert given(shelf, f, x={"a": 1}) == {"a": 1}
    assert given(shelf, f, x=None) is None
    assert list(given(shelf, f, x=["a"])) == ["a"]
