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
