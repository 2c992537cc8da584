"""where: items that do not count."""

from __future__ import annotations

TASKS = """
    def word(a, b):
        note("word", a, b)
        return f"{a}{b}"
    def make(n: int):
        return list(range(n))
"""


def test_where_drops_combinations_and_keeps_the_order(project):
    story = project(
        """
        steps:
          word:
            foreach: {a: [1, 2, 3], b: [1, 2, 3]}
            where: each.a < each.b
            run: tasks:word
            inputs: {a: each.a, b: each.b}
        outputs: {all: steps.word}
        """,
        TASKS,
    )
    ran = story.run()
    assert ran.outputs == {"all": ["12", "13", "23"]}
    assert ran.counts("word") == {"succeeded": 3}
    assert len(story.ledger) == 3


def test_where_may_drop_everything(project):
    ran = project(
        """
        steps:
          make: {run: "tasks:make", with: {n: 3}}
          word: {foreach: {a: steps.make}, where: each.a > 9, run: "tasks:word", inputs: {a: each.a, b: each.a}}
        outputs: {all: steps.word, names: steps.word.each.a}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"all": [], "names": []}


def test_a_where_that_is_no_yes_or_no_is_refused(project):
    said = project(
        """
        steps:
          word: {foreach: {a: [1, 2]}, where: each.a + 1, run: "tasks:word", inputs: {a: each.a, b: each.a}}
        """,
        TASKS,
    ).refused()
    assert "`where` is true or false" in said
