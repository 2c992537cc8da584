"""Stored values stay references until content is needed; objects show their data and nothing else."""

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pydantic
import pytest

from yamlflow.core.expressions import ExpressionError, NeedsWorkerError, Values, evaluate, parse, scalar
from yamlflow.core.values import ArtifactRef

A = ArtifactRef("a" * 64, "pickle", 10)
B = ArtifactRef("b" * 64, "json", 10)
FILE = ArtifactRef("f" * 64, "file", 10, name="part.01.csv")


def value(text, load=None, **roots):
    scope = Values(roots)
    return evaluate(parse(text), scope) if load is None else evaluate(parse(text), scope, load)


def worker(**contents):
    known = {"a": A, "b": B, "f": FILE}
    return lambda ref: next(contents[name] for name, one in known.items() if one == ref)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps.a", A),
        ("[steps.a, {'k': steps.b}]", [A, {"k": B}]),
        ("compact([null, steps.a])", [A]),
        ("coalesce(null, steps.a)", A),
        ("first([steps.a, steps.b])", A),
        ("last([steps.a, steps.b])", B),
        ("len([steps.a, steps.b])", 2),
        ("zip([1], [steps.a])", [(1, A)]),
        ("enumerate([steps.a])", [(0, A)]),
        ("flatten([[steps.a], [steps.b, steps.f], steps.f])", [A, B, FILE, FILE]),
        ("[steps.a] + [steps.b]", [A, B]),
        ("[steps.a, steps.b][1:]", [B]),
        ("steps.a == null", False),
        ("steps.a is not null", True),
        ("steps.a == steps.a", True),
        ("steps.a in [steps.a]", True),
        ("steps.a if true else steps.b", A),
        ("values({'x': steps.a})", [A]),
        ("hash(steps.a)", "a" * 64),
        ("basename(steps.f)", "part.01.csv"),
        ("stem(steps.f)", "part.01"),
    ],
)
def test_passing_a_stored_value_on_never_opens_it(text, expected):
    assert value(text, steps={"a": A, "b": B, "f": FILE}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "steps.a.x",
        "steps.a[0]",
        "steps.a[1:]",
        "steps.a + 1",
        "steps.a > 1",
        "steps.a == 1",
        "steps.a == steps.b",
        "1 in steps.a",
        "not steps.a",
        "steps.a and true",
        "1 if steps.a else 2",
        "len(steps.a)",
        "sum([steps.a])",
        "mean([1, steps.a])",
        "max(steps.a, 1)",
        "to_json([[steps.a]])",
        "flatten([steps.b])",
        "join(',', [steps.f])",
        "[1, 2][steps.a]",
        "date_add(steps.a, days=1)",
    ],
)
def test_needing_its_content_needs_a_worker(text):
    with pytest.raises(NeedsWorkerError) as caught:
        value(text, steps={"a": A, "b": B, "f": FILE})
    assert caught.value.ref in (A, B, FILE)


def test_in_the_worker_content_is_opened_where_it_is_needed():
    steps = {"a": A, "b": B, "f": FILE}
    load = worker(a={"x": 3}, b=[1, 2], f=Path("/tmp/part.01.csv"))
    assert value("steps.a.x + len(steps.b)", load, steps=steps) == 5
    assert value("flatten([steps.b, [3]])", load, steps=steps) == [1, 2, 3]
    assert value("to_json([steps.a, steps.b, steps.f])", load, steps=steps) == '[{"x": 3}, [1, 2], "/tmp/part.01.csv"]'
    assert value("steps.a == {'x': 3}", load, steps=steps) is True
    assert value("[steps.b] == [[1, 2]]", load, steps=steps) is True
    assert value("join(' ', [steps.f])", load, steps=steps) == "/tmp/part.01.csv"


def test_what_load_raises_is_not_dressed_up_as_a_mistake_in_the_expression():
    def damaged(ref):
        raise LookupError("gone from the store")

    for text in ("steps.a.x", "len(steps.a)", "steps.a + 1", "steps.a == 1", "steps.a[0]", "sum([steps.a])"):
        with pytest.raises(LookupError, match="gone from the store"):
            value(text, damaged, steps={"a": A})


@dataclass
class Fit:
    auc: float
    secret = "class attribute"

    @property
    def computed(self):
        raise AssertionError("a property is code")

    def method(self):
        raise AssertionError


class Pair(NamedTuple):
    left: int
    right: int


class Model(pydantic.BaseModel):
    depth: int


@pytest.mark.parametrize("name", ["computed", "method", "secret", "count", "model_fields", "model_dump", "_fields"])
def test_only_data_fields_of_objects_are_seen(name):
    for thing in (Fit(0.5), Pair(1, 2), Model(depth=3)):
        with pytest.raises(ExpressionError) as caught:
            value(f"steps.a.{name}", steps={"a": thing})
        assert caught.value.code == "unknown-field"


def test_data_fields_of_objects_are_seen():
    steps = {"fit": Fit(0.5), "pair": Pair(1, 2), "model": Model(depth=3)}
    assert value('[steps.fit.auc, steps.pair.right, steps.pair[0], steps.model["depth"]]', steps=steps) == [
        0.5,
        2,
        1,
        3,
    ]


def test_an_object_without_data_fields_says_what_to_return_instead():
    with pytest.raises(ExpressionError) as caught:
        value("steps.a.x", steps={"a": object()})
    assert "dataclass" in caught.value.hint


def test_numpy_scalars_count_as_their_python_numbers():
    scores = [np.float32(0.5), np.float64(0.75), np.int64(1)]
    roots = {"steps": {"fit": scores, "ok": np.bool_(True), "n": np.int32(2), "zero": np.array(7)}}
    assert value("mean(steps.fit)", **roots) == 0.75
    assert type(value("max(steps.fit)", **roots)) is int
    assert value("steps.ok and steps.n == 2 and steps.n < 3", **roots) is True
    assert type(value("steps.n * 2", **roots)) is int
    assert value("range(steps.n)", **roots) == [0, 1]
    assert value("[5, 6, 7][steps.n]", **roots) == 7
    assert value("steps.zero + 1", **roots) == 8
    assert value("to_json(steps.fit)", **roots) == "[0.5, 0.75, 1]"
    assert scalar(np.bool_(False)) is False


def test_arrays_have_positions_slices_and_are_lists_of_numbers_for_functions():
    roots = {"steps": {"x": np.array([1, 2, 4]), "grid": np.eye(2)}}
    assert value("steps.x[-1] + 1", **roots) == 5
    assert value("sum(steps.x[1:])", **roots) == 6
    assert value("len(steps.x)", **roots) == 3
    assert value("2 in steps.x", **roots) is True
    assert value("to_json(steps.grid)", **roots) == "[[1.0, 0.0], [0.0, 1.0]]"


@pytest.mark.parametrize(
    "text", ["steps.x.shape", "steps.x.sum", "steps.x == [1, 2, 4]", "steps.x + 1", "sum(steps.grid)", "steps.x[9]"]
)
def test_other_things_one_does_with_arrays_belong_in_a_step(text):
    with pytest.raises(ExpressionError):
        value(text, steps={"x": np.array([1, 2, 4]), "grid": np.eye(2)})


def test_tables_have_columns_and_rows_by_position():
    frame = pd.DataFrame({"auc": [0.5, 0.75], "name": ["a", "b"]}, index=[10, 20])
    roots = {"steps": {"t": frame}}
    assert value('max(steps.t["auc"])', **roots) == 0.75
    assert value('steps.t["name"][1]', **roots) == "b"
    assert value('len(steps.t["auc"][0:1])', **roots) == 1
    with pytest.raises(ExpressionError, match="has no fields"):
        value("steps.t.auc", **roots)
    with pytest.raises(ExpressionError, match="no item"):
        value('steps.t["nope"]', **roots)


def test_a_real_enum_equals_its_plain_value():
    class Colour(str, enum.Enum):  # noqa: UP042 - what users have
        RED = "red"

    assert value("steps.c == 'red' and 'red' in [steps.c]", steps={"c": Colour.RED}) is True
