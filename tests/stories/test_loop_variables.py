"""Loop variables at the join: steps.x.each.name is aligned with steps.x, at every depth."""

from __future__ import annotations

TASKS = """
    import yamlflow

    def score(a, b=0):
        if a == "skip":
            raise yamlflow.Skip("nothing here")
        if a == "fail":
            raise ValueError("no")
        return f"{a}{b}"
    def best(scores, names):
        return dict(zip(names, scores, strict=True))
    def make(n):
        return list(range(n))
"""


def test_names_and_values_line_up_at_the_join(project):
    ran = project(
        """
        steps:
          score: {foreach: {a: [x, y], b: [1, 2]}, run: "tasks:score", inputs: {a: each.a, b: each.b}}
          best: {run: "tasks:best", inputs: {scores: steps.score, names: steps.score.each.b}}
        outputs: {a: steps.score.each.a, b: steps.score.each.b, best: steps.best}
        """,
        TASKS,
    ).run()
    assert ran.outputs["a"] == ["x", "x", "y", "y"]
    assert ran.outputs["b"] == [1, 2, 1, 2]
    assert ran.outputs["best"] == {"1": "y1", "2": "y2"}


def test_names_stay_aligned_when_items_are_skipped_or_fail(project):
    ran = project(
        """
        steps:
          score:
            foreach: {a: [x, skip, fail, y]}
            run: tasks:score
            inputs: {a: each.a}
            fail_fast: false
            min_success: 50%
        outputs: {values: steps.score, names: steps.score.each.a}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"values": ["x0", None, None, "y0"], "names": ["x", "skip", "fail", "y"]}


def test_names_stay_aligned_when_items_are_equal(project):
    ran = project(
        """
        steps:
          score: {foreach: {a: [x, x, y]}, run: "tasks:score", inputs: {a: each.a, b: each.index}}
        outputs: {values: steps.score, names: steps.score.each.a}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"values": ["x0", "x1", "y2"], "names": ["x", "x", "y"]}


def test_three_nested_levels_give_three_nested_lists_also_with_an_empty_middle(project):
    ran = project(
        """
        steps:
          outer:
            foreach: {o: [1, 2]}
            steps:
              middle:
                foreach: {m: range(each.o - 1)}
                steps:
                  inner: {foreach: {i: [a, b]}, run: "tasks:score", inputs: {a: each.i, b: "each.o * 10 + each.m"}}
                outputs: {values: steps.inner, names: steps.inner.each.i}
            outputs: {values: steps.middle.values, names: steps.middle.names, m: steps.middle.each.m}
        outputs: {values: steps.outer.values, names: steps.outer.names, m: steps.outer.m, o: steps.outer.each.o}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {
        "values": [[], [["a20", "b20"]]],
        "names": [[], [["a", "b"]]],
        "m": [[], [0]],
        "o": [1, 2],
    }
