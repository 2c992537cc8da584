"""uses: another file as a step; its parameters are inputs, its value its outputs."""

from __future__ import annotations

TASKS = """
    def add(a, b=0):
        return a + b
"""
SUB = """
    yamlflow: 1
    params: {n: {type: int, default: 1}, k: 10}
    steps:
      one: {run: "tasks:add", inputs: {a: params.n, b: params.k}}
    outputs: {sum: steps.one}
"""


def test_a_file_is_a_step_with_inputs_and_a_value(project):
    ran = project(
        """
        steps:
          start: {run: "tasks:add", with: {a: 5}}
          sub: {uses: ./sub.yaml, inputs: {n: steps.start}, with: {k: 100}}
          again: {uses: ./sub.yaml}
          last: {run: "tasks:add", inputs: {a: steps.sub.sum, b: steps.again.sum}}
        outputs: {last: steps.last}
        """,
        TASKS,
        sub__yaml=SUB,
    ).run()
    assert ran.outputs == {"last": 116}


def test_a_file_in_a_loop(project):
    ran = project(
        """
        steps:
          sub: {foreach: {n: [1, 2, 3]}, uses: ./sub.yaml, inputs: {n: each.n}}
        outputs: {all: steps.sub.sum}
        """,
        TASKS,
        sub__yaml=SUB,
    ).run()
    assert ran.outputs == {"all": [11, 12, 13]}


def test_a_parameter_that_it_has_not_and_a_file_that_is_not_there_are_refused(project):
    story = project("steps: {sub: {uses: ./sub.yaml, with: {m: 1}}}", TASKS, sub__yaml=SUB)
    assert "`m`" in story.refused()
    assert "other.yaml" in project("steps: {sub: {uses: ./other.yaml}}", TASKS).refused()


def test_a_mistake_inside_is_shown_in_its_own_file(project):
    story = project("steps: {sub: {uses: ./sub.yaml}}", TASKS, sub__yaml=SUB.replace("steps.one", "steps.two"))
    assert "sub.yaml:6:" in story.refused()


def test_files_that_use_each_other_are_refused(project):
    story = project(
        "steps: {sub: {uses: ./sub.yaml}}", TASKS, sub__yaml="yamlflow: 1\nsteps: {up: {uses: ./pipeline.yaml}}\n"
    )
    assert "circle" in story.refused() or "cycle" in story.refused()
