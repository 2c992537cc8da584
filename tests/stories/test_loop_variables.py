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
    def alike(n):
        return ["p"] * n
    def same(v):
        return v
    def under(gate: str, i):
        return gate + str(i)
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


def test_three_levels_stay_aligned_with_an_empty_middle_gaps_inside_and_equal_keys(project):
    story = project(
        """
        steps:
          outer:
            foreach: {o: [2, 0, 2]}
            steps:
              place: {run: "tasks:same", inputs: {v: each.index}}
              alike: {run: "tasks:alike", inputs: {n: each.o}}
              middle:
                foreach: {m: steps.alike}
                steps:
                  spot: {run: "tasks:same", inputs: {v: each.index}}
                  inner:
                    foreach: {i: [x, skip, fail, x]}
                    run: tasks:score
                    inputs: {a: each.i, b: steps.place * 10 + steps.spot}
                    fail_fast: false
                    min_success: 50%
                outputs: {values: steps.inner, i: steps.inner.each.i}
            outputs: {values: steps.middle.values, i: steps.middle.i, m: steps.middle.each.m}
        outputs: {values: steps.outer.values, i: steps.outer.i, m: steps.outer.m, o: steps.outer.each.o}
        """,
        TASKS,
    )
    ran = story.run()
    names = ["x", "skip", "fail", "x"]
    assert ran.outputs == {
        "values": [
            [["x0", None, None, "x0"], ["x1", None, None, "x1"]],
            [],
            [["x20", None, None, "x20"], ["x21", None, None, "x21"]],
        ],
        "i": [[names, names], [], [names, names]],
        "m": [["p", "p"], [], ["p", "p"]],
        "o": [2, 0, 2],
    }
    assert ran.counts("outer.middle.inner") == {"succeeded": 8, "skipped": 4, "failed": 4}
    listed = [line.split()[0] for line in story.call("artifacts", "list").out.splitlines()]
    assert [name for name in listed if name.startswith("outer") and ".inner" in name] == [
        f"outer[{o}].middle[{m}].inner[{i}]" for o in (0, 2) for m in (0, 1) for i in (0, 3)
    ]


def test_a_skipped_and_a_failed_item_of_the_middle_leave_a_gap_in_every_list_of_it(project):
    ran = project(
        """
        steps:
          outer:
            foreach: {o: [1, 1]}
            steps:
              middle:
                foreach: {m: [x, skip, fail, x]}
                fail_fast: false
                min_success: 50%
                steps:
                  gate: {run: "tasks:score", inputs: {a: each.m}}
                  inner: {foreach: {i: "[each.o, 2]"}, run: "tasks:under", inputs: {gate: steps.gate, i: each.i}}
                outputs: {values: steps.inner, i: steps.inner.each.i}
            outputs: {values: steps.middle.values, i: steps.middle.i, m: steps.middle.each.m}
        outputs: {values: steps.outer.values, i: steps.outer.i, m: steps.outer.m, o: steps.outer.each.o}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {
        "values": [[["x01", "x02"], None, None, ["x01", "x02"]]] * 2,
        "i": [[[1, 2], None, None, [1, 2]]] * 2,
        "m": [["x", "skip", "fail", "x"]] * 2,
        "o": [1, 1],
    }
    assert ran.counts("outer.middle") == {"succeeded": 4, "skipped": 2, "failed": 2}
