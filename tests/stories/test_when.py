"""when: a step that runs only if; a bool, nothing else."""

from __future__ import annotations

TASKS = """
    def one(x=1):
        note("one", x)
        return x
    def maybe(v: int | None):
        return v
"""


def test_a_false_condition_skips_and_says_so(project):
    story = project(
        """
        params: {deploy: false}
        steps:
          score: {run: "tasks:one", with: {x: 3}}
          release: {when: params.deploy and steps.score > 2, run: "tasks:one"}
          after: {needs: [release], run: "tasks:one", with: {x: 9}}
        outputs: {release: "coalesce(steps.release, 'none')"}
        """,
        TASKS,
    )
    ran = story.run()
    assert ran.state("release") == "skipped"
    assert ran.outputs == {"release": "none"}
    assert ran.state("after") == "succeeded"
    assert story.run("-p", "deploy=true").outputs == {"release": 1}


def test_a_condition_over_a_loop_variable_is_asked_per_item(project):
    ran = project(
        """
        steps:
          one: {foreach: {x: [1, 2, 3]}, when: each.x != 2, run: "tasks:one", inputs: {x: each.x}}
          maybe: {foreach: {v: steps.one}, run: "tasks:maybe", inputs: {v: each.v}}
        outputs: {one: steps.one, maybe: steps.maybe}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"one": [1, None, 3], "maybe": [1, None, 3]}
    assert ran.counts("one") == {"succeeded": 2, "skipped": 1}


def test_a_condition_that_is_no_bool_is_refused_or_fails_with_words(project):
    story = project("params: {n: 3}\nsteps: {one: {when: params.n, run: 'tasks:one'}}", TASKS)
    assert "`when` is true or false" in story.refused()
    late = project('steps: {n: {run: "tasks:one"}, two: {when: steps.n, run: "tasks:one"}}', TASKS).run(code=1)
    assert "true or false" in late.failures[0]["message"]


def test_the_same_guard_on_the_reader_is_enough(project):
    ran = project(
        """
        params: {go: false}
        steps:
          a: {when: params.go, run: "tasks:one"}
          b: {when: params.go, run: "tasks:one", inputs: {x: steps.a}}
        """,
        TASKS,
    ).run()
    assert (ran.state("a"), ran.state("b")) == ("skipped", "skipped")
