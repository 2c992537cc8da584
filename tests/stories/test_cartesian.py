"""Cartesian: several names are every combination, the first name outermost."""

from __future__ import annotations

TASKS = """
    def word(*parts, **named):
        return "".join(str(part) for part in named.values())
"""


def test_the_first_name_is_outermost(project):
    ran = project(
        """
        steps:
          word: {foreach: {a: [x, y], b: "range(3)"}, run: "tasks:word", inputs: {a: each.a, b: each.b}}
        outputs: {all: steps.word}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": ["x0", "x1", "x2", "y0", "y1", "y2"]}


def test_three_names_and_an_empty_one_make_nothing(project):
    ran = project(
        """
        params: {none: {type: "list[int]", default: []}}
        steps:
          word: {foreach: {a: [x, y], b: [1, 2], c: params.none}, run: "tasks:word", inputs: {a: each.a, b: each.b, c: each.c}}
          full: {foreach: {a: [x, y], b: [1, 2], c: [true]}, run: "tasks:word", inputs: {a: each.a, b: each.b, c: each.c}}
        outputs: {none: steps.word, full: steps.full}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"none": [], "full": ["x1True", "x2True", "y1True", "y2True"]}
