"""Failure: what a person sees and what is left when something goes wrong."""

from __future__ import annotations

from pathlib import Path

TASKS = """
    import os, signal, sys

    def deep(x=1):
        return inner(x)
    def inner(x):
        raise ValueError(f"cannot use [red]{x}[/red] \\x1b[31m")
    def ok(x=1):
        note("ok", x)
        return x
    def unstorable():
        return {"a": [1, 2, (lambda: 3)]}
    def generator():
        yield 1
    def returns_one():
        return (x for x in [1])
    def exits():
        sys.exit(0)
    def dies():
        os.kill(os.getpid(), signal.SIGKILL)
    def vanishes():
        os._exit(0)
"""


def test_a_callable_that_raises_shows_its_own_frames_the_log_and_the_next_command(project):
    story = project('steps: {deep: {run: "tasks:deep"}}', TASKS)
    ran = story.call("run", "pipeline.yaml")
    assert ran.code == 1
    assert "ValueError: cannot use [red]1[/red]" in ran.err
    assert "\x1b" not in ran.err
    assert "in inner" in ran.err
    assert "in deep" in ran.err
    assert "yamlflow/worker" not in ran.err
    (log,) = [word for word in ran.err.split() if word.endswith(".log")]
    assert (story.folder / log).exists() or Path(log).exists()
    assert "yamlflow resume" in ran.err


def test_the_same_error_many_times_is_shown_once_with_its_count(project):
    ran = project(
        'steps: {deep: {foreach: {x: "range(20)"}, run: "tasks:deep", inputs: {x: 1}, fail_fast: false}}', TASKS
    ).call("run", "pipeline.yaml")
    assert ran.err.count("ValueError: cannot use") == 1 or "20 of 20" in ran.err
    assert "20 of 20" in ran.err


def test_the_exit_code_is_1_and_the_document_names_the_failure(project):
    ran = project('steps: {deep: {run: "tasks:deep"}, ok: {run: "tasks:ok", inputs: {x: steps.deep}}}', TASKS).run(
        code=1
    )
    document = ran.document
    assert document["state"] == "failed"
    assert document["exit_code"] == 1
    (failure,) = document["failures"]
    assert failure["step"] == "deep"
    assert failure["reason"] == "error"
    assert failure["exception"] == "ValueError"
    assert document["steps"]["ok"]["state"] == "upstream_failed"


def test_a_result_that_cannot_be_stored_names_the_place_inside_it(project):
    ran = project('steps: {bad: {run: "tasks:unstorable"}}', TASKS).run(code=1)
    assert "['a'][2]" in ran.failures[0]["message"].replace('"', "'")


def test_a_generator_is_an_error_that_asks_for_a_list(project):
    assert "return a list" in project('steps: {bad: {run: "tasks:generator"}}', TASKS).refused()
    ran = project('steps: {bad: {run: "tasks:returns_one"}}', TASKS).run(code=1)
    assert "return a list" in ran.failures[0]["message"]


def test_a_task_that_ends_without_a_result_is_never_a_success(project):
    ran = project(
        'steps: {exits: {run: "tasks:exits"}, dies: {run: "tasks:dies", retry: {infra: 0}}, vanishes: {run: "tasks:vanishes"}}',
        TASKS,
    ).run("--keep-going", code=1)
    assert {failure["step"] for failure in ran.failures} == {"exits", "dies", "vanishes"}


def test_a_module_that_cannot_be_imported_is_a_failure_with_its_own_frames(project):
    story = project('steps: {bad: {run: "broken:f"}}', "", broken__py="import nothing_of_this_name\ndef f(): pass\n")
    ran = story.call("run", "pipeline.yaml")
    assert ran.code == 1
    assert "nothing_of_this_name" in ran.err
    assert "broken.py" in ran.err
