"""Dependencies: an input is one, `needs` is one without data, and a circle is none."""

from __future__ import annotations

TASKS = """
    def a():
        note("a")
        return 1
    def b(x=0):
        note("b")
        return x + 1
    def c(x=0):
        note("c")
        return x + 1
"""


def test_an_input_makes_the_order(project):
    story = project(
        """
        steps:
          c: {run: "tasks:c", inputs: {x: steps.b}}
          b: {run: "tasks:b", inputs: {x: steps.a}}
          a: {run: "tasks:a"}
        outputs: {c: steps.c}
        """,
        TASKS,
    )
    assert story.run().outputs == {"c": 3}
    assert story.ledger == ["a", "b", "c"]


def test_needs_is_order_without_data(project):
    story = project(
        'steps: {c: {run: "tasks:c", needs: [b]}, b: {run: "tasks:b", needs: [a]}, a: {run: "tasks:a"}}', TASKS
    )
    story.run()
    assert story.ledger == ["a", "b", "c"]


def test_a_circle_is_refused_and_shown_whole(project):
    said = project(
        """
        steps:
          a: {run: "tasks:b", inputs: {x: steps.c}}
          b: {run: "tasks:b", inputs: {x: steps.a}}
          c: {run: "tasks:c", needs: [b]}
        """,
        TASKS,
    ).refused()
    assert "cycle" in said
    for step in "abc":
        assert f"{step} →" in said or f"→ {step}" in said


def test_an_unknown_step_is_refused_with_the_near_one_and_every_error_at_once(project):
    said = project(
        """
        steps:
          prep: {run: "tasks:a"}
          fit: {run: "tasks:b", inputs: {x: steps.pre}, needs: [prepp]}
          bad: {rnu: "tasks:b"}
        """,
        TASKS,
    ).refused()
    assert said.count("did you mean") >= 3
    assert "pipeline.yaml:5:" in said
    assert "pipeline.yaml:6:" in said
