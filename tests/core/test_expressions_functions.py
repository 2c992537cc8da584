"""Each function: what it gives, what it refuses."""

import inspect
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from yamlflow.core.errors import YamlflowError
from yamlflow.core.expressions import FUNCTIONS, ExpressionError, Values, evaluate, parse
from yamlflow.core.values import EnumMember, Record

NAMES = (
    "len min max sum mean sorted any all range zip enumerate flatten compact coalesce first last keys values join split"
    " basename stem to_json from_json hash file files write_lines date_add date_range strftime status succeeded failed"
)

PARAMS = {
    "day": date(2026, 1, 31),
    "time": datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
    "path": PurePosixPath("/data/in.v1.csv"),
    "gap": timedelta(hours=1),
    "record": Record("m:R", "dataclass", {"a": 1, "when": date(2026, 1, 2)}),
    "colour": EnumMember("m:C", "RED", "red"),
    "set": {3, 1, 2},
    "nan": float("nan"),
    "inf": float("inf"),
    "pair": (1, 2),
}


def value(text, host=None):
    return evaluate(parse(text), Values({"params": PARAMS}, host=host or {}))


def test_the_functions_are_exactly_those_of_the_language():
    assert set(FUNCTIONS) == set(NAMES.split())


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_describes_itself(name):
    function = FUNCTIONS[name]
    assert function.signature.startswith(f"{name}(")
    assert function.doc.endswith(".")
    parameters = inspect.signature(function.call).parameters
    assert set(function.accepts) <= set(parameters)
    assert all(word in function.signature for word in parameters if word not in ("value", "others", "step", "lists"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("len('é')", 1),
        ("len({'a': 1})", 1),
        ("len(params.record)", 2),
        ("min([3, 1, 2])", 1),
        ("min(3, 1.5)", 1.5),
        ("max('a', 'b')", "b"),
        ("max([params.day])", date(2026, 1, 31)),
        ("max([], default=null)", None),
        ("max([0.5, 1])", 1),
        ("sum([])", 0),
        ("sum([1, 2.5])", 3.5),
        ("sum([true, true, false])", 2),
        ("mean([1, 2])", 1.5),
        ("mean([0.1] * 10)", 0.1),
        ("mean([], default=0)", 0),
        ("mean([params.inf, -params.inf]) == 0", False),
        ("sorted([2, 1.5, -1])", [-1, 1.5, 2]),
        ("sorted(['b', 'a'], reverse=true)", ["b", "a"]),
        ("sorted(params.set)", [1, 2, 3]),
        ("sorted([true, false])", [False, True]),
        ("any([false, true])", True),
        ("any([])", False),
        ("all([true, false])", False),
        ("all([])", True),
        ("range(3)", [0, 1, 2]),
        ("range(1, 4)", [1, 2, 3]),
        ("range(4, 0, step=-2)", [4, 2]),
        ("range(start=1, stop=3)", [1, 2]),
        ("zip([1, 2], ['a', 'b'])", [(1, "a"), (2, "b")]),
        ("enumerate(['a'], start=1)", [(1, "a")]),
        ("flatten([[1], [2, [3]], 4, params.pair])", [1, 2, [3], 4, 1, 2]),
        ("compact([1, null, 0, false, ''])", [1, 0, False, ""]),
        ("coalesce(null, 0, 1)", 0),
        ("first([1, 2])", 1),
        ("last(params.pair)", 2),
        ("first([], default=null)", None),
        ("keys({'b': 1, 'a': 2})", ["b", "a"]),
        ("values({'b': 1, 'a': 2})", [1, 2]),
        ("keys(params.record)", ["a", "when"]),
        ("join(', ', [1, 'a', true, 0.5, params.day, params.path])", "1, a, true, 0.5, 2026-01-31, /data/in.v1.csv"),
        ("join(list=['a'], sep='')", "a"),
        ("split('a,b,,c', ',')", ["a", "b", "", "c"]),
        ("split('  a  b ')", ["a", "b"]),
        ("basename('s3://bucket/a/b.tar.gz')", "b.tar.gz"),
        ("basename('/a/b/')", "b"),
        ("stem(params.path)", "in.v1"),
        ("stem('.env')", ".env"),
        ('to_json([1, null, true, "é", {"a": 0.5}])', '[1, null, true, "é", {"a": 0.5}]'),
        (
            "to_json([params.day, params.path, params.gap, params.colour, params.pair])",
            '["2026-01-31", "/data/in.v1.csv", 3600.0, "red", [1, 2]]',
        ),
        ("to_json(params.record)", '{"a": 1, "when": "2026-01-02"}'),
        ("to_json({1: params.nan})", '{"1": NaN}'),
        ("from_json('[1, {\"a\": null}]')", [1, {"a": None}]),
        ("date_add(params.day, days=1)", date(2026, 2, 1)),
        ("date_add(params.day, -31)", date(2025, 12, 31)),
        ("date_add(params.day, months=1)", date(2026, 2, 28)),
        ("date_add(params.day, years=2, months=1)", date(2028, 2, 29)),
        ("date_add(params.day, months=-11, weeks=1)", date(2025, 3, 7)),
        ("date_add('2026-01-31')", date(2026, 1, 31)),
        ("date_add(params.time, hours=1, minutes=-30)", datetime(2026, 2, 1, tzinfo=UTC)),
        ("date_range('2026-01-01', '2026-01-03')", [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)]),
        (
            "date_range('2026-01-31', '2026-04-30', months=1)",
            [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)],
        ),
        ("date_range('2026-01-02', '2026-01-01')", []),
        ("date_range('9999-12-30', '9999-12-31')", [date(9999, 12, 30), date(9999, 12, 31)]),
        ("len(date_range('2026-01-01T00:00', '2026-01-01T12:00', hours=6))", 3),
        ("strftime(params.day, '%Y/%m/%d %%')", "2026/01/31 %"),
        ("strftime('2026-01-05', '%-d')", "5"),
    ],
)
def test_a_function_gives(text, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("len(3)", "not an integer"),
        ("len(null)", "coalesce(x, [])"),
        ("sum([1, null])", "compact(x)"),
        ("sum(['1'])", "not a string"),
        ("sum('12')", "split(x, sep)"),
        ("sum({'a': 1})", "values(x)"),
        ("mean([])", "default=..."),
        ("min([])", "default=..."),
        ("max([1, 'a'])", "not turned into numbers"),
        ("max([1, null])", "coalesce"),
        ("max([[1], [2]])", "cannot compare"),
        ("max([{}, {}])", "cannot compare"),
        ("sorted([null, null])", "coalesce"),
        ("sorted([true, 1])", "cannot compare"),
        ("sorted([1], reverse=1)", "true or false"),
        ("any([1])", "true or false"),
        ("all([true, null])", "true or false"),
        ("range(1.5)", "integers"),
        ("range('3')", "integers"),
        ("range(1, 2, 0)", "cannot be 0"),
        ("zip([1], [])", "different lengths"),
        ("zip(1)", "not an integer"),
        ("first([])", "default=..."),
        ("first('abc')", "not a string"),
        ("compact(params.set)", "sorted(x)"),
        ("keys([1])", "mapping"),
        ("values(null)", "coalesce(x, {})"),
        ("join(['a'], ',')", "separator first"),
        ("join(',', [[1]])", "to_json"),
        ("join(',', [null])", "coalesce"),
        ("split(1)", "takes text"),
        ("split('a', '')", "separator is empty"),
        ("basename(1)", "takes a path"),
        ("to_json(params.set)", "no JSON form"),
        ("from_json('{')", "from_json"),
        ("from_json(1)", "takes text"),
        ("from_json('[' * 5000)", "from_json"),
        ("date_add('tomorrow')", "2026-01-31"),
        ("date_add(1)", "takes a date"),
        ("date_add(params.day, days=0.5)", "integer"),
        ("date_add(params.day, hours=1)", "run.time"),
        ("date_add(params.day, years=9000)", "no such date"),
        ("date_add(params.day, days=99999999999999)", "no such date"),
        ("date_range('2026-01-01', '2026-01-02', days=-1)", "forward"),
        ("date_range('2026-01-01', '2026-01-02T00:00')", "both have a time"),
        ("date_range('2026-01-01T00:00', '2026-01-02T00:00Z')", "date_range"),
        ("len(date_range('0001-01-01T00:00', '9999-01-01T00:00', hours=1))", "1,000,000"),
        ("strftime(params.day, '%9999999d')", "no directive"),
        ("strftime(params.day, '%')", "no directive"),
        ("strftime(params.day, 5)", "format"),
        ("file('x')", "cannot be used here"),
        ("hash(params.set)", "no exact JSON form"),
    ],
)
def test_a_function_refuses(text, word):
    with pytest.raises(ExpressionError) as caught:
        value(text)
    assert word in f"{caught.value.message} {caught.value.hint}"
    assert text[caught.value.start : caught.value.end] in text
    assert caught.value.end > caught.value.start


def test_hash_depends_on_the_value_and_not_on_the_order_of_keys():
    assert value("hash({'a': 1, 'b': [2]}) == hash({'b': [2], 'a': 1})")
    assert value("hash([1]) != hash([1.0]) and hash('1') != hash(1) and hash([params.day]) != hash(['2026-01-31'])")
    assert len(value("hash(null)")) == 64


def test_the_host_supplies_the_outside_world():
    written = []
    host = {
        "file": lambda path: f"ref:{path}",
        "files": lambda pattern: [pattern],
        "write_lines": lambda lines: written.append(lines) or "list.txt",
    }
    assert value('file("data/" + "x.csv")', host) == "ref:data/x.csv"
    assert value('files(pattern="data/*.csv")', host) == ["data/*.csv"]
    assert value("write_lines([1, true, params.day])", host) == "list.txt"
    assert written == [["1", "true", "2026-01-31"]]


def test_what_the_host_refuses_is_an_error_at_the_call():
    def missing(path):
        raise FileNotFoundError(2, "No such file or directory", path)

    def outside(path):
        raise YamlflowError("outside the project", hint="copy it inside")

    text = '1 == file("x")'
    for function, word, hint in ((missing, "No such file", None), (outside, "outside the project", "copy it inside")):
        with pytest.raises(ExpressionError) as caught:
            value(text, {"file": function})
        assert word in caught.value.message
        assert caught.value.hint == hint
        assert text[caught.value.start : caught.value.end] == 'file("x")'
    with pytest.raises(ExpressionError, match="a list is not text"):
        value('file(["x"])', {"file": str})
