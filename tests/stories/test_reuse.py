"""Reuse: anchors, merge keys and x- keys; no tags, no text include."""

from __future__ import annotations

import pytest

TASKS = """
    import os

    def see():
        return sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("MY_"))
    def one(x=1):
        return x
"""


def test_anchors_and_merge_keys_share_a_part(project):
    ran = project(
        """
        x-base: &base
          env: {MY_A: "1", MY_B: "2"}
        steps:
          a: {<<: *base, run: "tasks:see"}
          b:
            <<: *base
            run: tasks:see
            env: {MY_B: "3"}
        outputs: {a: steps.a, b: steps.b}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"a": ["MY_A=1", "MY_B=2"], "b": ["MY_B=3"]}


@pytest.mark.parametrize("text", ["when: !x", "run: !include other.yaml", "with: {x: '{{ jinja }}'}"])
def test_tags_are_refused_and_jinja_is_text(project, text):
    story = project(
        f"steps:\n  a:\n    run: tasks:one\n    {text}\n".replace("run: tasks:one\n    run:", "run:"), TASKS
    )
    if "jinja" in text:
        assert story.run().state("a") == "succeeded"
    else:
        assert "tag" in story.refused()


def test_an_anchor_of_a_step_is_a_step_of_its_own(project):
    ran = project(
        """
        steps:
          a: &a {run: "tasks:one", with: {x: 2}}
          b: *a
        outputs: {a: steps.a, b: steps.b}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"a": 2, "b": 2}
