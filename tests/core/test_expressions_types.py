"""What is known of an expression's type before anything runs."""

import pytest

from yamlflow.core.expressions import ExpressionError, describe_types, infer, parse

KNOWN = {
    "params.n": {"int"},
    "params.x": {"float"},
    "params.s": {"str"},
    "params.b": {"bool"},
    "params.l": {"list"},
    "params.d": {"dict"},
    "params.maybe": {"int", "none"},
    "run.date": {"date"},
    "run.time": {"datetime"},
    "params.gap": {"duration"},
}


def types(reference):
    found = KNOWN.get(str(reference))
    return None if found is None else frozenset(found)


def inferred(text):
    found = infer(parse(text), types)
    return None if found is None else set(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", {"int"}),
        ("null", {"none"}),
        ("params.n + 1", {"int"}),
        ("params.n / 2", {"float"}),
        ("params.n + params.x", {"float"}),
        ("params.maybe + 1", {"int"}),
        ("params.s * 2", {"str"}),
        ("params.n > 1 and params.b", {"bool"}),
        ("not params.b", {"bool"}),
        ("params.n in params.l", {"bool"}),
        ("[params.n]", {"list"}),
        ("{'a': 1}", {"dict"}),
        ("1 if params.b else 'a'", {"int", "str"}),
        ("len(params.l)", {"int"}),
        ("coalesce(params.maybe, 'x')", {"int", "str"}),
        ("coalesce(params.maybe, null)", {"int", "none"}),
        ("steps.fit.auc", None),
        ("steps.fit.auc + 1", None),
        ("mean(steps.fit.auc) > 0.5", {"bool"}),
        ("params.l[0]", None),
        ("params.s[0]", None),
        ("(params.s + 'x')[0]", {"str"}),
        ("params.l[1:]", {"list"}),
        ("(params.l + [1])[1:]", {"list"}),
        ("run.date - run.date", {"duration"}),
        ("run.date - params.gap", {"date"}),
        ("status(steps.a) == 'failed'", {"bool"}),
        ("failed(steps.a)", {"bool"}),
        ("run.date < '2026-01-01'", {"bool"}),
        ("-params.x", {"float"}),
    ],
)
def test_the_type_of(text, expected):
    assert inferred(text) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('"a" + 1', '"a" + 1'),
        ("params.s + params.n", "params.s + params.n"),
        ("steps.x + null", "null"),
        ("params.b + steps.x", "params.b"),
        ("len(3)", "3"),
        ("sum(params.s)", "params.s"),
        ("params.n and true", "params.n"),
        ("not 'x'", "'x'"),
        ("1 if params.s else 2", "params.s"),
        ("params.n < params.s", "params.n < params.s"),
        ("params.b < steps.x", "params.b"),
        ("1 in params.n", "params.n"),
        ("-params.s", "params.s"),
        ("[1, {'a': 1 + 'é'}]", "1 + 'é'"),
        ("run.date + 1", "run.date + 1"),
        ("run.date < run.time", "run.date < run.time"),
        ("join(params.l, ',')", "params.l"),
        ("range(params.s)", "params.s"),
        ("coalesce(steps.x, 1 + 'a')", "1 + 'a'"),
        ("steps.x[1 + 'a']", "1 + 'a'"),
        ("date_add(run.date, days='1')", "'1'"),
    ],
)
def test_what_cannot_work_is_an_error_before_the_run(text, place):
    with pytest.raises(ExpressionError) as caught:
        inferred(text)
    assert caught.value.code == "expression-type"
    assert text[caught.value.start : caught.value.end] == place


@pytest.mark.parametrize(
    "text",
    [
        "params.maybe + 1",
        "params.maybe > 1",
        "steps.x + 1",
        "steps.x and steps.y",
        "steps.x in steps.y",
        "len(steps.x)",
        "min(steps.x)",
        "1 == 'a'",
        "max(1, steps.x) > 2",
        "params.gap * 2",
        "run.time > '2026-01-01'",
    ],
)
def test_what_could_work_is_no_error(text):
    inferred(text)


def test_types_are_described_in_words():
    assert describe_types(frozenset({"str", "none"})) == "null or a string"
