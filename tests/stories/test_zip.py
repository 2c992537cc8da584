"""zip: lists of equal length side by side, alone or as one axis beside others."""

from __future__ import annotations

TASKS = """
    def word(**named):
        return "".join(str(part) for part in named.values())
    def make(n: int):
        return list(range(n))
"""


def test_zipped_lists_go_side_by_side(project):
    ran = project(
        """
        steps:
          word: {foreach: {zip: {a: [x, y, z], b: "range(3)"}}, run: "tasks:word", inputs: {a: each.a, b: each.b}}
        outputs: {all: steps.word}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": ["x0", "y1", "z2"]}


def test_a_zip_is_one_axis_beside_other_names(project):
    ran = project(
        """
        steps:
          word:
            foreach: {k: [p, q], zip: {a: [x, y], b: [1, 2]}}
            run: tasks:word
            inputs: {k: each.k, a: each.a, b: each.b}
        outputs: {all: steps.word}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": ["px1", "py2", "qx1", "qy2"]}


def test_lists_of_unequal_length_are_an_error_that_gives_both_lengths(project):
    ran = project(
        """
        steps:
          make: {run: "tasks:make", with: {n: 3}}
          word: {foreach: {zip: {a: [x, y], b: steps.make}}, run: "tasks:word", inputs: {a: each.a, b: each.b}}
        """,
        TASKS,
    ).run(code=1)
    (failure,) = ran.failures
    assert "2" in failure["message"]
    assert "3" in failure["message"]


def test_written_lists_of_unequal_length_are_refused_before_the_run(project):
    said = project(
        """
        steps:
          word: {foreach: {zip: {a: [x, y], b: [1, 2, 3]}}, run: "tasks:word", inputs: {a: each.a, b: each.b}}
        """,
        TASKS,
    ).refused()
    assert "2" in said
    assert "3" in said
