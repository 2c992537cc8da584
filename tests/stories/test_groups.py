"""Groups: a sub-graph with its own scope, once, conditionally, or once per item."""

from __future__ import annotations

TASKS = """
    def add(a, b=0):
        note("add", a, b)
        return a + b
    def fail(a):
        raise ValueError("no")
"""


def test_a_plain_group_sees_the_outer_scope_and_shows_its_outputs_only(project):
    ran = project(
        """
        steps:
          one: {run: "tasks:add", with: {a: 1}}
          group:
            steps:
              two: {run: "tasks:add", inputs: {a: steps.one, b: 1}}
              three: {run: "tasks:add", inputs: {a: steps.two, b: 1}}
            outputs: {sum: steps.two + steps.three}
          last: {run: "tasks:add", inputs: {a: steps.group.sum}}
        outputs: {last: steps.last, group: steps.group}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"last": 5, "group": {"sum": 5}}
    assert ran.state("group.two") == "succeeded"


def test_a_reference_into_a_group_is_refused_with_the_way_out(project):
    said = project(
        """
        steps:
          group: {steps: {two: {run: "tasks:add", with: {a: 1}}}}
          last: {run: "tasks:add", inputs: {a: steps.group.two}}
        """,
        TASKS,
    ).refused()
    assert "outputs" in said


def test_a_group_once_per_item_joins_inside_and_outside(project):
    ran = project(
        """
        steps:
          region:
            foreach: {r: [10, 20]}
            steps:
              fit: {foreach: {k: [1, 2]}, run: "tasks:add", inputs: {a: each.r, b: each.k}}
              best: {run: "tasks:add", inputs: {a: max(steps.fit)}}
            outputs: {best: steps.best, all: steps.fit}
        outputs: {best: steps.region.best, all: steps.region.all, r: steps.region.each.r}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"best": [12, 22], "all": [[11, 12], [21, 22]], "r": [10, 20]}
    assert ran.counts("region.fit") == {"succeeded": 4}


def test_a_group_that_is_skipped_skips_all_of_it(project):
    story = project(
        """
        params: {go: false}
        steps:
          group:
            when: params.go
            steps: {two: {run: "tasks:add", with: {a: 1}}, three: {run: "tasks:add", inputs: {a: steps.two}}}
            outputs: {sum: steps.three}
          last: {run: "tasks:add", inputs: {a: "coalesce(steps.group.sum, 7)"}}
        outputs: {last: steps.last}
        """,
        TASKS,
    )
    ran = story.run()
    assert ran.outputs == {"last": 7}
    assert ran.state("group") == "skipped"
    assert ran.state("group.three") == "skipped"
    assert story.run("-p", "go=true").outputs == {"last": 1}


def test_a_failure_inside_fails_the_group_and_its_readers(project):
    ran = project(
        """
        steps:
          group: {steps: {two: {run: "tasks:fail", with: {a: 1}}}, outputs: {sum: steps.two}}
          last: {run: "tasks:add", inputs: {a: steps.group.sum}}
        """,
        TASKS,
    ).run(code=1)
    assert ran.state("group") == "failed"
    assert ran.state("last") == "upstream_failed"


def test_an_inner_id_may_not_hide_an_outer_one(project):
    said = project(
        """
        steps:
          one: {run: "tasks:add", with: {a: 1}}
          group: {steps: {one: {run: "tasks:add", with: {a: 1}}}}
        """,
        TASKS,
    ).refused()
    assert "one" in said


def test_what_belongs_to_its_steps_is_refused_on_a_group(project):
    said = project("steps: {group: {env: {A: b}, steps: {one: {run: 'tasks:add', with: {a: 1}}}}}", TASKS).refused()
    assert "env" in said
