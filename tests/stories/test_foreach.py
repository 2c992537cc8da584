"""foreach: one task per item of a list that is written down, computed, or made by a step."""

from __future__ import annotations

import pytest

TASKS = """
    import numpy

    def double(x):
        note("double", x)
        return 2 * x
    def make(n: int):
        return list(range(n))
    def array(n: int):
        return numpy.arange(n) * 10
    def pairs():
        return (("a", 1), ("b", 2))
    def bad(kind):
        return {"str": "abc", "set": {1, 2}, "dict": {"a": 1}}[kind]
    def total(xs: list):
        return sum(xs)
    def word(x, i):
        return f"{i}:{x}"
"""


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("[1, 2, 3]", [2, 4, 6]),
        ("{x: [1, 2]}", [2, 4]),
        ("range(4)", [0, 2, 4, 6]),
        ("params.list", [10, 12]),
        ("{x: params.list}", [10, 12]),
    ],
)
def test_items_may_be_written_down_or_computed(project, items, expected):
    bound = "each.x" if items.startswith("{") else "each.item"
    story = project(
        f"""
        params: {{list: [5, 6]}}
        steps:
          double: {{foreach: "{items}", run: "tasks:double", inputs: {{x: {bound}}}}}
          total: {{run: "tasks:total", inputs: {{xs: steps.double}}}}
        outputs: {{all: steps.double, total: steps.total}}
        """.replace(f'"{items}"', items if items[0] in "[{" else f'"{items}"'),
        TASKS,
    )
    assert story.run().outputs == {"all": expected, "total": sum(expected)}
    assert len(story.ledger) == len(expected)


def test_items_may_come_from_a_step_and_are_known_only_then(project):
    story = project(
        """
        params: {n: 3}
        steps:
          make: {run: "tasks:make", inputs: {n: params.n}}
          double: {foreach: {x: steps.make}, run: "tasks:double", inputs: {x: each.x}}
        outputs: {all: steps.double}
        """,
        TASKS,
    )
    assert story.run().outputs == {"all": [0, 2, 4]}
    ran = story.run("-p", "n=5")
    assert ran.outputs == {"all": [0, 2, 4, 6, 8]}
    assert ran.counts("double") == {"succeeded": 5}


def test_an_empty_list_succeeds_with_an_empty_list(project):
    ran = project(
        """
        steps:
          make: {run: "tasks:make", with: {n: 0}}
          double: {foreach: {x: steps.make}, run: "tasks:double", inputs: {x: each.x}}
          again: {foreach: {x: steps.double}, run: "tasks:double", inputs: {x: each.x}}
          total: {run: "tasks:total", inputs: {xs: steps.again}}
        outputs: {all: steps.double, again: steps.again, total: steps.total}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": [], "again": [], "total": 0}
    assert ran.state("double") == "succeeded"


def test_an_array_and_a_tuple_are_iterated_item_by_item(project):
    ran = project(
        """
        steps:
          array: {run: "tasks:array", with: {n: 3}}
          double: {foreach: {x: steps.array}, run: "tasks:double", inputs: {x: each.x}}
          total: {run: "tasks:total", inputs: {xs: steps.double}}
          pairs: {run: "tasks:pairs"}
          word: {foreach: {p: steps.pairs}, run: "tasks:word", inputs: {x: "each.p[0]", i: "each.p[1]"}}
        outputs: {total: steps.total, words: steps.word}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"total": 60, "words": ["1:a", "2:b"]}


@pytest.mark.parametrize("kind", ["str", "set", "dict"])
def test_a_text_a_set_or_a_mapping_is_no_list_of_items(project, kind):
    ran = project(
        f"""
        steps:
          bad: {{run: "tasks:bad", with: {{kind: {kind}}}}}
          double: {{foreach: {{x: steps.bad}}, run: "tasks:double", inputs: {{x: each.x}}}}
        """,
        TASKS,
    ).run(code=1)
    assert ran.state("double") == "failed"
    (failure,) = ran.failures
    assert failure["step"] == "double"
    assert "list" in failure["message"]


def test_the_index_counts_the_items(project):
    ran = project(
        """
        steps:
          word: {foreach: {x: [a, b]}, run: "tasks:word", inputs: {x: each.x, i: each.index}}
        outputs: {all: steps.word}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": ["0:a", "1:b"]}
