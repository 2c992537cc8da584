"""Elementwise: a loop over another loop starts item by item, without a barrier."""

from __future__ import annotations

TASKS = """
    import yamlflow

    def up(x):
        if x == 1:
            wait_for("go")
        note("up", x)
        return {"value": x, "other": -x}
    def down(v):
        note("down", v)
        return v
    def odd(x):
        if x == 1:
            raise yamlflow.Skip("no")
        if x == 2:
            raise ValueError("no")
        return x
    def plus(v: int) -> int:
        return v + 100
    def make(n):
        return [n] * n
    def alike(n):
        return ["p"] * n
    def at(i, place: int):
        if i == "skip":
            raise yamlflow.Skip("no")
        if i == "fail":
            raise ValueError("no")
        return place
    def counts_gaps(v: int | None) -> int:
        return -1 if v is None else v
"""


def test_item_0_goes_on_while_item_1_is_held(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.1}}
        steps:
          up: {foreach: {x: [0, 1]}, run: "tasks:up", inputs: {x: each.x}}
          down: {foreach: {u: steps.up}, run: "tasks:down", inputs: {v: each.u.value}}
        outputs: {all: steps.down}
        """,
        TASKS,
    )
    run = story.start()
    story.until_noted("up 0", "down 0")
    assert "up 1" not in story.ledger
    story.touch("go")
    assert story.finish(run).outputs == {"all": [0, 1]}


def test_a_field_of_a_loop_is_iterated_without_a_barrier_too(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.1}}
        steps:
          up: {foreach: {x: [0, 1]}, run: "tasks:up", inputs: {x: each.x}}
          down: {foreach: {v: steps.up.other}, run: "tasks:down", inputs: {v: each.v}}
          further: {foreach: {v: steps.down}, run: "tasks:down", inputs: {v: each.v + 50}}
        outputs: {all: steps.further}
        """,
        TASKS,
    )
    run = story.start()
    story.until_noted("down 50")
    assert "up 1" not in story.ledger
    story.touch("go")
    assert story.finish(run).outputs == {"all": [50, 49]}


def test_a_group_over_a_loop_starts_item_by_item(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.1}}
        steps:
          up: {foreach: {x: [0, 1]}, run: "tasks:up", inputs: {x: each.x}}
          group:
            foreach: {u: steps.up}
            steps:
              down: {run: "tasks:down", inputs: {v: each.u.value}}
            outputs: {v: steps.down}
        outputs: {all: steps.group.v}
        """,
        TASKS,
    )
    run = story.start()
    story.until_noted("down 0")
    assert "up 1" not in story.ledger
    story.touch("go")
    assert story.finish(run).outputs == {"all": [0, 1]}


def test_a_skipped_and_a_failed_item_concern_their_own_reader_only(project):
    ran = project(
        """
        steps:
          odd: {foreach: {x: [0, 1, 2, 3]}, run: "tasks:odd", inputs: {x: each.x}, fail_fast: false}
          plus: {foreach: {v: steps.odd}, run: "tasks:plus", inputs: {v: each.v}, fail_fast: false}
        """,
        TASKS,
    ).run("--keep-going", code=1)
    assert ran.counts("odd") == {"succeeded": 2, "skipped": 1, "failed": 1}
    assert ran.counts("plus") == {"succeeded": 2, "skipped": 1, "upstream_failed": 1}


def test_keys_are_inherited_along_a_chain(project):
    story = project(
        """
        steps:
          odd: {foreach: {x: [7, 9]}, run: "tasks:odd", inputs: {x: each.x}}
          plus: {foreach: {v: steps.odd}, run: "tasks:plus", inputs: {v: each.v}}
        """,
        TASKS,
    )
    story.run()
    listed = story.call("artifacts", "list").out
    assert "plus[9]" in listed


def test_three_nested_levels_without_a_barrier(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.1}}
        steps:
          a:
            foreach: {x: [0, 1]}
            steps:
              up: {run: "tasks:up", inputs: {x: each.x}}
              list: {run: "tasks:make", with: {n: 2}}
              b:
                foreach: {y: steps.list}
                steps:
                  c: {foreach: {z: [10, 20]}, run: "tasks:down", inputs: {v: "steps.up.value * 100 + each.z"}}
                outputs: {c: steps.c}
            outputs: {b: steps.b.c}
        outputs: {all: steps.a.b}
        """,
        TASKS,
    )
    run = story.start()
    story.until_noted("down 10", "down 20")
    assert "up 1" not in story.ledger
    story.touch("go")
    assert story.finish(run).outputs == {"all": [[[10, 20], [10, 20]], [[110, 120], [110, 120]]]}


def test_three_nested_levels_item_by_item_with_an_empty_middle_gaps_and_equal_keys(project):
    ran = project(
        """
        steps:
          outer:
            foreach: {o: [2, 0, 2]}
            steps:
              alike: {run: "tasks:alike", inputs: {n: each.o}}
              place: {run: "tasks:plus", inputs: {v: each.index}}
              middle:
                foreach: {m: steps.alike}
                steps:
                  spot: {run: "tasks:plus", inputs: {v: each.index}}
                  source:
                    foreach: {i: [x, skip, fail, x]}
                    run: tasks:at
                    inputs: {i: each.i, place: "(steps.place - 100) * 100 + (steps.spot - 100) * 10 + each.index"}
                    fail_fast: false
                    min_success: 50%
                  strict: {foreach: {v: steps.source}, run: "tasks:plus", inputs: {v: each.v}}
                  gaps: {foreach: {v: steps.source}, run: "tasks:counts_gaps", inputs: {v: each.v}}
                  further: {foreach: {v: steps.strict}, run: "tasks:counts_gaps", inputs: {v: each.v}}
                outputs: {strict: steps.strict, gaps: steps.gaps, further: steps.further}
            outputs: {strict: steps.middle.strict, gaps: steps.middle.gaps, further: steps.middle.further}
          again: {foreach: {lists: steps.outer.gaps}, run: "tasks:down", inputs: {v: each.lists}}
        outputs: {strict: steps.outer.strict, gaps: steps.outer.gaps, further: steps.outer.further, again: steps.again}
        """,
        TASKS,
    ).run()

    def lists(gap, plus):
        def inner(first):
            return [first + plus, gap, gap, first + 3 + plus]

        return [[inner(0), inner(10)], [], [inner(200), inner(210)]]

    assert ran.outputs == {
        "strict": lists(None, 100),
        "gaps": lists(-1, 0),
        "further": lists(-1, 100),
        "again": lists(-1, 0),
    }
    assert ran.counts("outer.middle.source") == {"succeeded": 8, "skipped": 4, "failed": 4}
    assert ran.counts("outer.middle.strict") == {"succeeded": 8, "skipped": 8}
    assert ran.counts("outer.middle.further") == {"succeeded": 16}


def test_a_skipped_and_a_failed_item_of_a_group_concern_their_own_reader_only(project):
    ran = project(
        """
        steps:
          group:
            foreach: {i: [x, skip, fail, x]}
            fail_fast: false
            min_success: 50%
            steps:
              gate: {run: "tasks:at", inputs: {i: each.i, place: each.index}}
              inner: {foreach: {z: [10, 20]}, run: "tasks:plus", inputs: {v: steps.gate + each.z}}
            outputs: {v: steps.inner}
          after:
            foreach: {list: steps.group.v}
            steps:
              inner: {foreach: {v: each.list}, run: "tasks:plus", inputs: {v: each.v}}
            outputs: {v: steps.inner}
        outputs: {after: steps.after.v}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"after": [[210, 220], None, None, [213, 223]]}
    assert ran.counts("group") == {"succeeded": 2, "skipped": 1, "failed": 1}
    assert ran.counts("after") == {"succeeded": 2, "skipped": 2}
