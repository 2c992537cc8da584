from __future__ import annotations

import pytest

from tests.engine.bench import Bench, bench, graph, over, step
from yamlflow.core.graph import Axis, Loop


@pytest.fixture
def here(tmp_path) -> Bench:
    return bench(tmp_path)


def names(here, loop, **params):
    """What the tasks of one loop are called."""
    here.run(graph(step("f", loop=loop), params=params))
    return here.ran()


def message(here, loop, **params):
    """Why a loop cannot be expanded."""
    done = here.run(graph(step("f", loop=loop), params=params))
    assert (done.state, here.executor.jobs) == ("failed", {})
    (failed,) = done.view.failures.values()
    return failed.failure.message


@pytest.mark.parametrize(
    ("items", "shown"),
    [
        (["eu", "us"], ["f[eu]", "f[us]"]),
        ([0.5, True, 3], ["f[0.5]", "f[true]", "f[3]"]),
        (["eu", "eu", "us"], ["f[0]", "f[1]", "f[2]"]),
        ([1, {"a": 2}], ["f[0]", "f[1]"]),
        (["a]b", "c"], ["f[0]", "f[1]"]),
        (["x" * 41, "c"], ["f[0]", "f[1]"]),
        ([{"$date": "2026-01-31"}], ["f[2026-01-31]"]),
        ([None, "a"], ["f[0]", "f[1]"]),
        ([" a", "a"], ["f[0]", "f[1]"]),
    ],
)
def test_items_are_called_by_short_unique_values_else_by_index(here, items, shown):
    assert names(here, over({"x": items})) == shown


def test_several_variables_are_named_and_each_axis_falls_back_alone(here):
    assert names(here, over({"m": ["a", "b"], "cfg": [{"lr": 1}, {"lr": 2}]})) == [
        "f[m=a,cfg=0]",
        "f[m=a,cfg=1]",
        "f[m=b,cfg=0]",
        "f[m=b,cfg=1]",
    ]


def test_zipped_names_make_one_axis_beside_others(here):
    loop = Loop((Axis(("a", "b"), ((1, 2), ("x", "y"))), Axis(("c",), ("params.cs",))))
    assert names(here, loop, cs=[7, 8]) == ["f[a=1,b=x,c=7]", "f[a=1,b=x,c=8]", "f[a=2,b=y,c=7]", "f[a=2,b=y,c=8]"]


def test_zipped_lists_of_different_lengths_are_an_error(here):
    said = message(here, Loop((Axis(("a", "b"), ((1, 2), ("x",))),)))
    assert said == "zip: the lists have different lengths: a has 2, b has 1 (zip pairs lists of equal length)"


def test_where_drops_items_and_the_index_counts_what_is_left(here):
    loop = over({"a": [1, 2, 3], "b": [1, 2, 3]}, where="each.a < each.b")
    here.run(graph(step("f", loop=loop, inputs={"i": "each.index", "p": ["each.a", "each.b"]})))
    assert [(given["i"], given["p"]) for given in here.given("f")] == [(0, [1, 2]), (1, [1, 3]), (2, [2, 3])]


def test_where_must_be_true_or_false(here):
    assert "where: `each.x`: `where` takes true or false, not an integer" in message(
        here, over({"x": [1]}, where="each.x")
    )


def test_where_over_too_many_combinations_is_refused_without_trying(here):
    said = message(here, over({"a": "range(2000)", "b": "range(2000)"}, where="each.a == 1"))
    assert "would be asked about 4,000,000 combinations" in said


def test_an_explicit_key_names_the_items(here):
    loop = over({"x": [{"id": "p"}, {"id": "q"}]}, key="each.x.id")
    assert names(here, loop) == ["f[p]", "f[q]"]


def test_an_explicit_key_that_repeats_is_an_error(here):
    said = message(here, over({"x": [1, 3, 5]}, key="each.x % 2"))
    assert said.startswith("key: `each.x % 2`: two items have the key '1'")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("eu", "a string (write [x] for a list of one"),
        ({"a": 1}, "a mapping (write keys(x) or values(x)"),
        (None, "null (null stands for a skipped or missing value"),
        (5, "an integer"),
    ],
)
def test_what_is_no_list_is_refused_with_a_hint(here, value, said):
    assert f"foreach takes a list, not {said}" in message(here, over({"x": "params.v"}), v=value)


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        {"$tuple": [1, 2]},
        {"$object": ["builtins:range", "sequence", {"range": [1, 3, 1], "items": [1, 2]}]},
        {"$object": ["numpy:ndarray", "sequence", {"dtype": "<i8", "items": [1, 2]}]},
    ],
)
def test_lists_tuples_ranges_and_arrays_are_iterated(here, value):
    assert names(here, over({"x": "params.v"}), v=value) == ["f[1]", "f[2]"]


def test_a_stored_array_stays_an_array_when_it_is_passed_on(here):
    stored = {"$object": ["numpy:ndarray", "sequence", {"dtype": "<i8", "items": [1, 2]}]}
    here.run(graph(step("a"), step("b", "a", inputs={"x": "steps.a", "n": "len(steps.a)"})), {"a": stored})
    assert here.given("b") == [{"x": stored, "n": 2}]


def test_a_nested_loop_sees_the_outer_variable_and_counts_per_item(here):
    plan = graph(
        step("g", children=("g.f",), loop=over({"n": [1, 0, 2]})),
        step(
            "f",
            parent="g",
            depth=1,
            loop=over({"k": "range(each.n)"}),
            inputs={"n": "each.n", "k": "each.k", "i": "each.index"},
        ),
    )
    assert here.run(plan).state == "succeeded"
    assert [(given["n"], given["k"]) for given in here.given("g.f")] == [(1, 0), (2, 0), (2, 1)]


def test_three_nested_levels_join_as_nested_lists_with_an_empty_middle(here):
    plan = graph(
        step("a", children=("a.b",), loop=over({"x": [1, 2]}), outputs={"v": "steps.b.v"}),
        step(
            "b",
            parent="a",
            depth=1,
            children=("a.b.c",),
            loop=over({"y": "range(each.x - 1)"}),
            outputs={"v": "steps.c"},
        ),
        step("c", parent="a.b", depth=2, loop=over({"z": ["p", "q"]}), inputs={"t": ["each.x", "each.y", "each.z"]}),
        step("j", "a", inputs={"v": "steps.a.v", "z": "steps.a.v.each.z", "y": "steps.a.v.each.y"}),
    )
    assert here.run(plan, {"a.b.c": lambda job: job.inputs["t"]}).state == "succeeded"
    given = here.given("j")[0]
    assert given["v"]["$join"]["items"] == [[], [[[2, 0, "p"], [2, 0, "q"]]]]
    assert (given["z"], given["y"]) == ([[], [["p", "q"]]], [[], [0]])
