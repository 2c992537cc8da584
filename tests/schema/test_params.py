"""A parameter: its type, its limits, and the value that a text or JSON gives it."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.schema.decoding import decoded, pipeline_of
from yamlflow.schema.model import Param, ParamType, Refused
from yamlflow.schema.model.parameter_types import parse_type


def param(text: str) -> Param:
    """The parameter `p` of a file with nothing wrong."""
    return pipeline_of(f"yamlflow: 1\nparams:\n  p: {text}\nsteps:\n  a: {{run: 'm:f'}}\n").params["p"]


def said(text: str) -> list[str]:
    found = decoded(f"yamlflow: 1\nparams:\n  p: {text}\nsteps:\n  a: {{run: 'm:f'}}\n")[2]
    return [one.message for one in found]


@pytest.mark.parametrize(
    ("default", "kind"),
    [
        ("0.01", "float"),
        ("5", "int"),
        ("false", "bool"),
        ("xgb", "str"),
        ("2026-01-31", "str"),
        ("[a, b]", "list[str]"),
        ("[1, 2.5]", "list[float]"),
        ("[1, a]", "list[json]"),
        ("[]", "list[json]"),
        ("[[1], [2]]", "list[list[int]]"),
        ('"5"', "str"),
    ],
)
def test_a_default_alone_decides_the_type(default, kind):
    assert str(param(default).type) == kind


def test_the_default_decides_the_type_in_the_long_form_too():
    assert str(param("{default: 5, help: folds}").type) == "int"


def test_a_mapping_is_always_the_long_form():
    assert said("{a: 1}") == ["unknown key `a`"]


def test_a_parameter_without_type_and_default_is_text_that_must_be_given():
    assert param("{help: x}").type == ParamType("str")
    assert param("{help: x}").must_be_given


def test_a_parameter_may_be_left_out_when_it_says_so():
    assert not param("{type: int, required: false}").must_be_given
    assert not param("{type: int, default: null}").must_be_given
    assert param("{type: int, default: null}").has_default


@pytest.mark.parametrize("text", ["int", "list[str]", "dict[str, float]", "list[dict[str, list[date]]]"])
def test_a_type_reads_back_as_it_is_shown(text):
    assert str(parse_type(text)) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [("string", "str"), ("integer", "int"), ("list", "list[str]"), ("flaot", "float"), ("boolean", "bool")],
)
def test_another_languages_type_is_answered_with_ours(text, meant):
    with pytest.raises(Refused) as refused:
        parse_type(text)
    assert refused.value.hint == f"did you mean `{meant}`?"


@pytest.mark.parametrize(
    "text", ["list[str", "list[]", "dict[int, str]", "list[str]]", "", "list[" * 9 + "int" + "]" * 9]
)
def test_other_text_is_no_type(text):
    with pytest.raises(Refused):
        parse_type(text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", "5", "5"),
        ("int", "5", 5),
        ("int", "-3", -3),
        ("float", "1e-3", 0.001),
        ("bool", "true", True),
        ("bool", "False", False),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("datetime", "2026-01-31T08:00:00", datetime.fromisoformat("2026-01-31T08:00")),
        ("duration", "1h30m", 5400.0),
        ("path", "data/x.csv", "data/x.csv"),
        ("json", '{"a": 1}', {"a": 1}),
        ("list[int]", "1,2", [1, 2]),
        ("list[int]", "[1, 2]", [1, 2]),
        ("list[str]", "a, b", ["a", "b"]),
        ("list[str]", "", []),
        ("dict[str, int]", '{"a": 1}', {"a": 1}),
        ("list[date]", "2026-01-31", [date(2026, 1, 31)]),
    ],
)
def test_a_text_of_the_command_line_becomes_a_value_of_the_type(kind, text, value):
    assert Param(type=parse_type(kind)).of_text(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "5.0"),
        ("int", "five"),
        ("float", "nan"),
        ("float", "x"),
        ("bool", "yes"),
        ("bool", "1"),
        ("date", "31.01.2026"),
        ("date", "2026-02-30"),
        ("duration", "5"),
        ("json", "{a: 1}"),
        ("list[int]", "1,x"),
        ("list[int]", '["1"]'),
        ("dict[str, int]", "[1]"),
        ("dict[str, int]", "a=1"),
        ("datetime", "noon"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_with_words(kind, text):
    with pytest.raises(Refused) as refused:
        Param(type=parse_type(kind)).of_text(text)
    assert refused.value.message


@pytest.mark.parametrize(
    ("kind", "value"),
    [("str", 5), ("int", True), ("int", "5"), ("int", 5.0), ("bool", 1), ("float", "0.1"), ("date", 20260131)],
)
def test_json_of_another_type_is_never_converted(kind, value):
    with pytest.raises(Refused):
        Param(type=parse_type(kind)).of_json(value)


def test_a_whole_number_is_a_float_where_one_is_wanted():
    assert Param(type=ParamType("float")).of_json(3) == 3.0


def test_choices_limits_and_patterns_hold_for_the_items_of_a_list():
    models = param('{type: "list[str]", choices: [xgb, mlp], default: [xgb]}')
    assert models.of_text("mlp,xgb") == ["mlp", "xgb"]
    with pytest.raises(Refused, match="`mpl` is none of `xgb`, `mlp`"):
        models.of_text("xgb,mpl")
    with pytest.raises(Refused, match="less than 2"):
        param('{type: "list[int]", min: 2, default: [3]}').of_text("3,1")


def test_dates_have_limits_too():
    day = param("{type: date, min: 2026-01-01, max: 2026-12-31, default: 2026-06-01}")
    assert day.default_value() == date(2026, 6, 1)
    with pytest.raises(Refused, match="more than"):
        day.of_text("2027-01-01")


def test_times_with_and_without_a_zone_have_no_order():
    assert said('{type: datetime, min: "2026-01-01T00:00:00+00:00", default: "2026-06-01T00:00:00"}') == [
        "`2026-06-01 00:00:00` and `2026-01-01 00:00:00+00:00` cannot be compared"
    ]


def test_a_pattern_must_match_the_whole_text():
    with pytest.raises(Refused, match="does not match"):
        param('{type: str, regex: "[a-c]+", default: abc}').of_text("abcd")


@pytest.mark.parametrize("pattern", ["[a-", "(", "a{99999999999999}", "*"])
def test_a_pattern_that_is_none_is_reported(pattern):
    assert [message.split(":")[0] for message in said(f'{{type: str, regex: "{pattern}"}}')] == [
        "this is no regular expression"
    ]
