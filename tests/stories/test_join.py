"""Join: the reader of a loop gets a list in item order, a mapping by key, or the items one at a time."""

from __future__ import annotations

TASKS = """
    from collections.abc import Iterable
    from dataclasses import dataclass
    import numpy
    import yamlflow

    @dataclass
    class Score:
        auc: float
        name: str

    def score(x: int) -> Score:
        return Score(x / 10, f"m{x}")
    def block(x: int):
        return numpy.full(500_000, x, dtype="float64")
    def total(blocks: Iterable):
        assert not isinstance(blocks, (list, tuple))
        return float(sum(block[0] for block in blocks))
    def by_key(scores: dict[str, float]):
        return scores
    def kinds(scores: list, aucs: list[float]):
        return [type(scores).__name__, type(scores[0]).__name__, scores[0].name, aucs]
    def one(x):
        return x
"""


def test_the_list_is_in_item_order_and_its_fields_are_lists(project):
    ran = project(
        """
        steps:
          score: {foreach: {x: [3, 1, 2]}, run: "tasks:score", inputs: {x: each.x}}
          kinds: {run: "tasks:kinds", inputs: {scores: steps.score, aucs: steps.score.auc}}
        outputs: {kinds: steps.kinds, best: max(steps.score.auc), second: "steps.score[1].name"}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"kinds": ["list", "Score", "m3", [0.3, 0.1, 0.2]], "best": 0.3, "second": "m1"}


def test_a_reader_that_wants_a_mapping_gets_keys(project):
    ran = project(
        """
        steps:
          score: {foreach: {x: [3, 1]}, run: "tasks:score", inputs: {x: each.x}}
          by_key: {run: "tasks:by_key", inputs: {scores: steps.score.auc}}
        outputs: {all: steps.by_key}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": {"3": 0.3, "1": 0.1}}


def test_a_reader_that_wants_an_iterable_gets_one_item_at_a_time(project):
    ran = project(
        """
        steps:
          block: {foreach: {x: range(4)}, run: "tasks:block", inputs: {x: each.x}}
          total: {run: "tasks:total", inputs: {blocks: steps.block}}
        outputs: {total: steps.total}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"total": 6.0}


def test_nested_loops_give_nested_lists(project):
    ran = project(
        """
        steps:
          outer:
            foreach: {o: [1, 2]}
            steps: {inner: {foreach: {i: [1, 2, 3]}, run: "tasks:one", inputs: {x: each.o * each.i}}}
            outputs: {v: steps.inner}
          flat: {run: "tasks:one", inputs: {x: flatten(steps.outer.v)}}
        outputs: {nested: steps.outer.v, flat: steps.flat}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"nested": [[1, 2, 3], [2, 4, 6]], "flat": [1, 2, 3, 2, 4, 6]}


def test_a_join_of_a_join_waits_for_all_of_it(project):
    ran = project(
        """
        steps:
          outer:
            foreach: {o: [1, 2]}
            steps:
              inner: {foreach: {i: [1, 2]}, run: "tasks:one", inputs: {x: each.o * each.i}}
              inner_sum: {run: "tasks:one", inputs: {x: sum(steps.inner)}}
            outputs: {v: steps.inner_sum}
          all: {run: "tasks:one", inputs: {x: sum(steps.outer.v)}}
        outputs: {all: steps.all}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": 9}
