"""What an expression means: operators, access, strict types, errors with places."""

import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath

import pytest

from yamlflow.core.expressions import ExpressionError, Values, evaluate, parse
from yamlflow.core.values import EnumMember, Record


def value(text, **roots):
    return evaluate(parse(text), Values(roots))


def fault(text, **roots):
    with pytest.raises(ExpressionError) as caught:
        value(text, **roots)
    return caught.value


def place(text, **roots):
    error = fault(text, **roots)
    return text[error.start : error.end]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("None is null", True),
        ("1 + 2 * 3 - 4 / 2", 5.0),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ('"a" + "b"', "ab"),
        ('"ab" * 2', "abab"),
        ("[1] + [2] * 2", [1, 2, 2]),
        ("1 < 2 <= 2 != 3", True),
        ("2 in [1, 2]", True),
        ('"b" not in "abc"', False),
        ('"a" in {"a": 1}', True),
        ("1 if 2 > 1 else 1 / 0", 1),
        ("true or 1 / 0 > 1", True),
        ("false and 1 / 0 > 1", False),
        ("not (true and false)", True),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][1:]", [2, 3]),
        ("[1, 2, 3][::-1]", [3, 2, 1]),
        ('"text"[0]', "t"),
        ('{"a": {"b": [5]}}.a.b[0]', 5),
        ('{1: "x"}[1]', "x"),
        ("[] == []", True),
        ('1 == "1"', False),
        ("[1, [2, {}]] == [1, [2, {}]]", True),
        ("1e400 > 1", True),
    ],
)
def test_values(text, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "wrong", "hint"),
    [
        ('"a" + 1', '"a" + 1', "join("),
        ('1 + "1"', '1 + "1"', "do not mix"),
        ("true + 1", "true + 1", "1 if x else 0"),
        ("null + 1", "null + 1", "coalesce"),
        ('"%s" % 1', '"%s" % 1', "join("),
        ('"a" / "b"', '"a" / "b"', "join("),
        ('1 < "2"', '1 < "2"', "not turned into numbers"),
        ("null < 1", "null < 1", "coalesce"),
        ("1 and true", "1", "compare it"),
        ('true or (false or "x")', 'true or (false or "x")', None),
        ("not []", "[]", "len(x) > 0"),
        ("1 if 0 else 2", "0", "compare it"),
        ("1 in 2", "1 in 2", None),
        ("1 in null", "1 in null", "coalesce"),
        ('1 in "1"', '1 in "1"', None),
        ("-true", "-true", None),
        ('"a" * 1.5', '"a" * 1.5', None),
        ("[1][true]", "[1][true]", None),
        ("[1][1.0]", "[1][1.0]", None),
        ('[1]["a"]', '[1]["a"]', None),
        ('[1]["a":]', '[1]["a":]', None),
        ("params.d + 1", "params.d + 1", "date_add"),
        ("params.d < params.t", "params.d < params.t", "date"),
    ],
)
def test_types_are_strict(text, wrong, hint):
    roots = {"params": {"d": date(2026, 1, 1), "t": datetime(2026, 1, 1)}}  # noqa: DTZ001
    if text.startswith("true or"):
        assert value(text) is True  # what decides early is all that is looked at
        return
    error = fault(text, **roots)
    assert error.code in ("expression-type", "unknown-field")
    assert text[error.start : error.end] == wrong
    assert hint is None or hint in error.hint


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 / 0", "expression-value"),
        ("1 % 0", "expression-value"),
        ("[1][3]", "expression-value"),
        ("[1][::0]", "expression-value"),
        ("(9 * 10 + 9) * 1e308 // 1", None),
        ("1" * 400 + " / 3", "expression-limit"),
        ('"a" * 1000001', "expression-limit"),
        ("[1] * 1000001", "expression-limit"),
        ('"a" * 1000000 == ""', None),
        ("range(1000001)", "expression-limit"),
        ("range(-9999999999999999999999999999, 999999999999999999999999)", "expression-limit"),
    ],
)
def test_results_are_bounded(text, code):
    if code is None:
        value(text)
    else:
        assert fault(text).code == code


def test_integers_cannot_grow_without_end():
    text = " * ".join(["9" * 100] * 10)
    assert fault(text).code == "expression-limit"


def test_the_place_of_an_error_is_the_innermost_operation():
    assert place('[1, "é" + ("a" * 2 + 1)]') == '"a" * 2 + 1'


def test_a_missing_field_lists_the_fields_and_points_at_the_name():
    text = "params.model.depht"
    error = fault(text, params={"model": {"depth": 1, "width": 2}})
    assert text[error.start : error.end] == "depht"
    assert error.code == "unknown-field"
    assert error.hint == "did you mean `depth`? It has: depth, width"


def test_many_fields_are_cut_off_in_the_message():
    error = fault("params.zzz", params={f"name_{number}": 0 for number in range(100)})
    assert "(100 in all)" in error.hint


def test_a_root_that_is_not_given_is_an_error_not_a_crash():
    assert fault("run.id").code == "unknown-name"


def test_a_root_alone_is_a_plain_dict_of_what_a_lazy_mapping_has():
    class Lazy(Mapping):
        def __getitem__(self, key):
            return {"a": 1, "b": [2]}[key]

        def __iter__(self):
            return iter(["a", "b"])

        def __len__(self):
            return 2

    assert value("params", params=Lazy()) == {"a": 1, "b": [2]}
    assert type(value("params", params=Lazy())) is dict
    assert value("params.b[0]", params=Lazy()) == 2


def test_a_field_of_a_skipped_step_is_null():
    assert value("steps.a.b.c", steps={"a": None}) is None
    assert value("steps.a.b[0][1:]", steps={"a": None}) is None


def test_a_field_of_null_elsewhere_is_an_error_except_inside_coalesce():
    assert "coalesce" in fault("params.a.b", params={"a": None}).hint
    assert fault("params.a[0]", params={"a": None}).code == "unknown-field"
    assert value("coalesce(params.a.b, params.a[0], 7)", params={"a": None}) == 7


def test_coalesce_does_not_hide_a_misspelt_name():
    assert fault("coalesce(params.b, 1)", params={"a": None}).code == "unknown-field"


def test_coalesce_stops_at_the_first_value():
    assert value("coalesce(null, false, 1 / 0)") is False
    assert value("coalesce(null, null)") is None


def test_nan_is_not_equal_to_itself_and_orders_as_in_python():
    nan = float("nan")
    assert value("params.x == params.x", params={"x": nan}) is False
    assert value("params.x < 1", params={"x": nan}) is False


def test_dates_compare_with_dates_and_with_text_that_is_one():
    day = date(2026, 1, 31)
    assert value("run.date > params.d", run={"date": day}, params={"d": date(2025, 1, 1)})
    assert value('run.date >= "2026-01-31" and "2026-02-01" > run.date', run={"date": day})
    assert value('run.date == "2026-01-31"', run={"date": day})
    assert value('run.date in ["2026-01-31"]', run={"date": day})
    assert not value('run.date == "31.1.2026"', run={"date": day})
    assert "2026-01-31" in fault('run.date < "31.1.2026"', run={"date": day}).hint


def test_times_compare_with_text_in_their_own_zone():
    moment = datetime(2026, 1, 31, 6, tzinfo=UTC)
    assert value('run.time > "2026-01-31"', run={"time": moment})
    assert value('run.time == "2026-01-31T06:00"', run={"time": moment})
    assert value('run.time == "2026-01-31T06:00:00Z"', run={"time": moment})
    assert value('run.time < "2026-01-31T06:00:00+01:00"', run={"time": moment}) is False
    naive = {"time": datetime(2026, 1, 31)}  # noqa: DTZ001
    assert fault("run.time < params.t", run=naive, params={"t": moment}).code == "expression-type"


def test_dates_and_durations_are_added():
    roots = {"run": {"date": date(2026, 1, 31)}, "params": {"gap": timedelta(days=2)}}
    assert value("run.date - params.gap", **roots) == date(2026, 1, 29)
    assert value("params.gap * 2 / params.gap", **roots) == 2.0
    assert value("run.date - run.date < params.gap", **roots)


def test_a_path_equals_its_text():
    roots = {"params": {"p": PurePosixPath("/data/x")}}
    assert value('params.p == "/data/x" and "/data/x" in [params.p] and params.p != "/data"', **roots)
    assert "join(" in fault('params.p + ".gz"', **roots).hint
    assert "join(" in fault('params.p / "y"', **roots).hint


def test_a_subscript_is_a_position_or_a_key():
    assert fault("params[[1]]", params={"a": 1}).code == "expression-type"
    assert fault("params[null]", params={"a": 1}).code == "expression-type"
    assert value("params[params.a]", params={"a": "a"}) == "a"


def test_a_value_nested_without_end_is_an_error_not_a_crash():
    endless = []
    endless.append(endless)
    for text in ("to_json(params.x)", "params.x == [1]", "hash(params.x)"):
        assert fault(text, params={"x": endless}).code == "expression-limit"


def test_decimals_are_numbers_but_do_not_mix_with_floats():
    assert value("params.x * 2", params={"x": Decimal("1.10")}) == Decimal("2.20")
    assert fault("params.x * 0.5", params={"x": Decimal("1.10")}).code == "expression-type"


def test_an_enum_member_counts_as_its_value_here_and_in_the_worker():
    class Colour(enum.Enum):
        RED = "red"

    for member in (Colour.RED, EnumMember("m:Colour", "RED", "red")):
        roots = {"params": {"c": member}}
        assert value('params.c == "red" and params.c in ["red"] and params.c + "!" == "red!"', **roots)
        assert value("params.c", **roots) is member


def test_a_record_gives_its_fields_and_nothing_else():
    record = Record("m:Fit", "dataclass", {"auc": 0.5})
    assert value("steps.fit.auc", steps={"fit": record}) == 0.5
    assert value('steps.fit["auc"]', steps={"fit": record}) == 0.5
    assert fault("steps.fit.type", steps={"fit": record}).hint == "it has: auc"


def test_states_come_from_the_scope():
    scope = Values(states={"a": "cached", "b": "upstream_failed", "c": "skipped"})
    asked = parse("[status(steps.a), succeeded(steps.a), failed(steps.b), succeeded(steps.c), failed(steps.c)]")
    assert evaluate(asked, scope) == ["cached", True, True, False, False]
    with pytest.raises(ExpressionError, match="no step `z`"):
        evaluate(parse("status(steps.z)"), scope)


def test_chains_of_comparisons_evaluate_each_side_once():
    asked = []

    class Counting(Mapping):
        def __getitem__(self, key):
            asked.append(key)
            return 2

        def __iter__(self):
            return iter(["n"])

        def __len__(self):
            return 1

    assert value("1 < params.n < 3", params=Counting())
    assert asked == ["n"]
