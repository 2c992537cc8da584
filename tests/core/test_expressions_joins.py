"""What a looped step is outside its loop."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yamlflow.core.expressions import ExpressionError, Fanned, Values, evaluate, parse
from yamlflow.core.values import ArtifactRef


def value(text, fit):
    return evaluate(parse(text), Values({"steps": {"fit": fit}}))


def loop(items, **variables):
    return Fanned(items, variables.__getitem__)


FIT = loop(
    [{"auc": 0.5, "best": {"k": 1}}, None, {"auc": 0.75, "best": {"k": 2}}],
    model=["xgb", "mlp", "svm"],
    index=[0, 1, 2],
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps.fit", [{"auc": 0.5, "best": {"k": 1}}, None, {"auc": 0.75, "best": {"k": 2}}]),
        ("steps.fit.auc", [0.5, None, 0.75]),
        ("steps.fit['auc']", [0.5, None, 0.75]),
        ("steps.fit.best.k", [1, None, 2]),
        ("steps.fit.each.model", ["xgb", "mlp", "svm"]),
        ("steps.fit.each.model[1]", "mlp"),
        ("steps.fit[0].auc", 0.5),
        ("steps.fit[-1]", {"auc": 0.75, "best": {"k": 2}}),
        ("steps.fit[1].auc", None),
        ("steps.fit.auc[2]", 0.75),
        ("steps.fit[1:].auc", [None, 0.75]),
        ("steps.fit.auc[::2]", [0.5, 0.75]),
        ("steps.fit[1:].each.model", ["mlp", "svm"]),
        ("mean(compact(steps.fit.auc)) > 0.6", True),
        ("len(steps.fit)", 3),
        ("0.5 in steps.fit.auc", True),
        ("steps.fit.auc == [0.5, null, 0.75]", True),
        ("[steps.fit.auc, 1]", [[0.5, None, 0.75], 1]),
        ("{'a': steps.fit.auc}", {"a": [0.5, None, 0.75]}),
        ("steps.fit.auc + [1]", [0.5, None, 0.75, 1]),
        ("coalesce(steps.fit.auc, 1)", [0.5, None, 0.75]),
        ("zip(steps.fit.each.model, steps.fit.auc)", [("xgb", 0.5), ("mlp", None), ("svm", 0.75)]),
        ("steps.fit.auc if true else 1", [0.5, None, 0.75]),
    ],
)
def test_a_loop_reads_as_a_list_and_its_fields_as_lists(text, expected):
    assert value(text, FIT) == expected


NESTED = Fanned(
    [
        loop([{"auc": 1}, {"auc": 2}], model=["a", "b"]),
        None,
        loop([], model=[]),
        loop([None, {"auc": 4}], model=["c", "d"]),
    ],
    {"region": ["eu", "us", "jp", "br"]}.__getitem__,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps.fit.auc", [[1, 2], None, [], [None, 4]]),
        ("steps.fit[0].auc", [1, 2]),
        ("steps.fit.auc[3][1]", 4),
        ("steps.fit.each.region", ["eu", "us", "jp", "br"]),
        ("steps.fit.each.model", [["a", "b"], None, [], ["c", "d"]]),
        ("steps.fit[3].each.model", ["c", "d"]),
        ("flatten(compact(steps.fit.auc))", [1, 2, None, 4]),
    ],
)
def test_nested_loops_give_nested_lists(text, expected):
    assert value(text, NESTED) == expected


def test_a_loop_inside_the_outputs_of_a_group_is_a_list_too():
    group = loop([{"fits": loop([{"auc": 1}], model=["a"]), "n": 1}, {"fits": None, "n": 2}], region=["eu", "us"])
    assert value("steps.fit", group) == [{"fits": [{"auc": 1}], "n": 1}, {"fits": None, "n": 2}]
    assert value("steps.fit.fits.auc", group) == [[1], None]
    assert value("steps.fit", {"fits": loop([1], m=[1])}) == {"fits": [1]}
    assert value("steps.fit.fits.each.model", loop([{"fits": loop([1], model=["a"])}], region=["eu"])) == [["a"]]


def test_stored_items_are_passed_on_unopened():
    ref = ArtifactRef("0" * 64, "npy", 1)
    assert value("steps.fit.ckpt", loop([{"ckpt": ref}], model=["a"])) == [ref]


@pytest.mark.parametrize("text", ["steps.fit.auk", "len(steps.fit.auk)", "[steps.fit.auk]", "steps.fit.auk[2]"])
def test_a_missing_field_says_which_item_has_not_got_it(text):
    with pytest.raises(ExpressionError) as caught:
        value(text, FIT)
    error = caught.value
    assert error.message.startswith("item ")
    assert error.code == "unknown-field"
    assert "did you mean `auc`" in error.hint
    assert "steps.fit.auk" in text[error.start : error.end]


@pytest.mark.parametrize("text", ["steps.fit.each", "steps.fit.each[0]", "steps.fit.each.modle", "len(steps.fit.each)"])
def test_each_is_asked_for_one_of_its_variables(text):
    with pytest.raises(ExpressionError) as caught:
        value(text, FIT)
    assert caught.value.code == "unknown-field"


def test_an_item_that_is_not_there_is_an_error():
    with pytest.raises(ExpressionError, match="position 3 is out of range: there are 3"):
        value("steps.fit[3]", FIT)


def test_one_item_of_many_costs_one_item():
    seen = []

    class Items(list):
        def __getitem__(self, index):
            seen.append(index)
            return super().__getitem__(index)

    fit = loop(Items([{"auc": 1}] * 100_000), model=["a"] * 100_000)
    assert value("steps.fit.auc[99999]", fit) == 1
    assert seen == [99999]


def test_100000_items_are_joined_in_about_a_second():
    fit = loop([{"auc": number} for number in range(100_000)], model=list(range(100_000)))
    began = time.process_time()
    assert value("sum(steps.fit.auc) + sum(steps.fit.each.model)", fit) == 2 * sum(range(100_000))
    assert time.process_time() - began < 5  # generous: it takes 0.1 s, and a scan per item would take hours


items = st.lists(st.none() | st.fixed_dictionaries({"auc": st.integers(), "name": st.text()}))


@settings(max_examples=100, deadline=None)
@given(items=items, data=st.data())
def test_fields_and_positions_of_a_loop_obey_the_laws_of_lists(items, data):
    fit = loop(items, m=list(range(len(items))))
    fields = [None if item is None else item["auc"] for item in items]
    assert value("steps.fit", fit) == items
    assert value("steps.fit.auc", fit) == fields
    assert value("steps.fit.each.m", fit) == list(range(len(items)))
    lower, upper = data.draw(st.integers(-5, 5)), data.draw(st.integers(-5, 5))
    assert value(f"steps.fit[{lower}:{upper}].auc", fit) == fields[lower:upper]
    assert value(f"steps.fit.auc[{lower}:{upper}]", fit) == fields[lower:upper]
    if items:
        index = data.draw(st.integers(0, len(items) - 1))
        assert value(f"steps.fit[{index}].auc", fit) == value(f"steps.fit.auc[{index}]", fit) == fields[index]


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.none() | items, max_size=5))
def test_a_nested_loop_is_the_loop_of_its_loops(rows):
    nested = Fanned([None if row is None else loop(row, m=row) for row in rows], {"r": rows}.__getitem__)
    inner = [None if row is None else value("steps.fit.auc", loop(row, m=row)) for row in rows]
    assert value("steps.fit.auc", nested) == inner
    assert value("steps.fit.each.m", nested) == rows or not any(row is not None for row in rows)
