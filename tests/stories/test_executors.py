"""Executors: `local` is there without a word; profiles, overrides and their order; other types are refused by name."""

from __future__ import annotations

import pytest

TASKS = """
    import os

    def where(x=1):
        note("ran", x)
        return os.environ.get("PLACE", "nowhere")
"""
PROFILES = """
    executors:
      here: {type: local, env: {PLACE: here}}
      there: {type: local, env: {PLACE: there}}
"""


def test_local_is_there_without_a_declaration(project):
    assert project('steps: {a: {run: "tasks:where"}}\noutputs: {a: steps.a}', TASKS).run().outputs == {"a": "nowhere"}


def test_a_profile_is_named_by_the_step_and_its_environment_is_the_tasks(project):
    ran = project(
        PROFILES + '    steps: {a: {run: "tasks:where", executor: here}, b: {run: "tasks:where", executor: there}}\n'
        "    outputs: {a: steps.a, b: steps.b}",
        TASKS,
    ).run()
    assert ran.outputs == {"a": "here", "b": "there"}


STEPS = """
    steps:
      fit_a: {run: "tasks:where"}
      fit_b: {run: "tasks:where", executor: here}
      last: {run: "tasks:where"}
    outputs: {fit_a: steps.fit_a, fit_b: steps.fit_b, last: steps.last}
"""


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--executor", "there"], ["there", "there", "there"]),
        (["--executor", "fit_*=there"], ["there", "there", "nowhere"]),
        (["--executor", "last=here"], ["nowhere", "here", "here"]),
        (["--default-executor", "there"], ["there", "here", "there"]),
        (["--executor", "fit_a=here", "--default-executor", "there"], ["here", "here", "there"]),
    ],
)
def test_flags_override_every_step_one_or_the_gaps(project, flags, expected):
    outputs = project(PROFILES + STEPS, TASKS).run(*flags).outputs
    assert [outputs["fit_a"], outputs["fit_b"], outputs["last"]] == expected


def test_an_unknown_profile_is_refused_with_the_near_one(project):
    story = project(PROFILES + STEPS, TASKS)
    assert "there" in story.refused("--executor", "ther")
    assert "fit_a" in story.refused("--executor", "fitt_a=here")


@pytest.mark.parametrize("kind", ["batch", "kubernetes"])
def test_a_type_of_a_later_version_is_refused_only_where_it_would_be_used(project, kind):
    more = {"batch": "queue: q, image: x, region: r", "kubernetes": "image: x, namespace: n"}[kind]
    story = project(
        f"""
        executors: {{far: {{type: {kind}, {more}}}}}
        steps: {{a: {{run: "tasks:where", executor: far}}}}
        """,
        TASKS,
    )
    said = story.refused()
    assert "not-yet-supported" in said
    assert kind in said
    story.run("--executor", "local")
