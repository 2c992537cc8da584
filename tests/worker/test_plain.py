"""Calls that need nothing done to their arguments are told apart from those that do, without a mistake."""

from __future__ import annotations

import functools
import math
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

import yamlflow
from yamlflow.worker.calls import binding, plain
from yamlflow.worker.codecs import store_value
from yamlflow.worker.storage import LocalStorage

HINTS = ("", ": int", ": 'int'", ": float", ": str", ": bool", ": None", ": int | None", ": list[int]", ": Color")
MARKS = ("", "/, ", "*, ", "*rest, ")
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)


class Color(Enum):
    RED = 1


def made(text: str, **names: object):
    """A function from its source, with these names in its module."""
    world = {"Color": Color, "yamlflow": yamlflow, **names}
    exec(compile(text, "f.py", "exec", dont_inherit=True), world)
    return world["f"]


@given(first=st.sampled_from(HINTS), mark=st.sampled_from(MARKS), second=st.sampled_from(HINTS), x=VALUES, y=VALUES)
def test_what_is_taken_as_it_is_would_have_been_bound_to_the_same(first, mark, second, x, y):
    function = made(f"def f(x{first}, {mark}y{second} = None, **more): pass")
    inputs = {"x": x, "y": y}
    if plain.takes_as_it_is(function, inputs):
        assert binding.bind(function, inputs, LocalStorage("nowhere"), pytest.fail) == ([], inputs)


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("def f(x): pass", {"x": 1}),
        ("def f(x: int, y: str = ''): pass", {"x": 1}),
        ("def f(x: 'float') -> 'list[int]': pass", {"x": 0.5}),
        ("def f(**all): pass", {"a": None, "b": True}),
        ("def f(): pass", {}),
    ],
)
def test_plain_values_for_plain_parameters_are_taken_as_they_are(text, inputs):
    assert plain.takes_as_it_is(made(text), inputs)


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("def f(x): pass", {"x": [1]}),
        ("def f(x): pass", {"x": {"$float": "nan"}}),
        ("def f(x: float): pass", {"x": 1}),
        ("def f(x: Color): pass", {"x": 1}),
        ("def f(x: 'Color'): pass", {"x": 1}),
        ("def f(x, /): pass", {"x": 1}),
        ("def f(*all): pass", {"x": 1}),
        ("def f(x, ctx: yamlflow.Context): pass", {"x": 1}),
        ("def f(x, ctx: 'yamlflow.Context | None' = None): pass", {"x": 1}),
        ("int = Color\ndef f(x: 'int'): pass", {"x": 1}),
        ("class f:\n def __init__(self, x): pass", {"x": 1}),
    ],
)
def test_where_something_may_have_to_be_done_it_is_not(text, inputs):
    assert not plain.takes_as_it_is(made(text), inputs)


def test_a_decorated_function_a_method_and_one_in_c_are_looked_at_more_closely():
    @functools.wraps(made)
    def decorated(x): ...

    for function in (decorated, "text".join, math.sqrt, functools.partial(made, "")):
        assert not plain.takes_as_it_is(function, {"x": 1})


@given(VALUES | st.floats() | st.text() | st.integers(min_value=1 << 60) | st.lists(VALUES) | st.binary())
def test_a_small_value_is_its_own_document(value):
    if plain.is_small(value):
        assert store_value(value, LocalStorage("nowhere")) is value


@pytest.mark.parametrize("value", [None, True, 0, -5, 1.5, "x" * plain.LONGEST, "\U0001f600" * plain.LONGEST])
def test_short_texts_and_numbers_are_small(value):
    assert plain.is_small(value)


@pytest.mark.parametrize("value", [math.inf, math.nan, 1 << 64, "x" * 301, [], (), {}, b"", Color.RED])
def test_what_json_does_not_say_exactly_or_briefly_is_not_small(value):
    assert not plain.is_small(value)
