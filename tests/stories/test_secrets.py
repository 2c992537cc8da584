"""Secrets: references in the file, values in the task's environment, nowhere else."""

from __future__ import annotations

TASKS = """
    import os

    def use():
        print("the token is", os.environ["TOKEN"])
        return len(os.environ["TOKEN"])
"""
VALUE = "hunter2-and-a-long-tail"


def test_a_value_reaches_the_task_and_no_record(project):
    story = project(
        'steps: {use: {run: "tasks:use", secrets: {TOKEN: "env:MY_TOKEN"}}}\noutputs: {n: steps.use}', TASKS
    )
    ran = story.run(env={"MY_TOKEN": VALUE})
    assert ran.outputs == {"n": len(VALUE)}
    kept = b"".join(path.read_bytes() for path in story.folder.rglob("*") if path.is_file())
    assert VALUE.encode() not in kept
    assert VALUE not in ran.err
    assert "the token is ***" in story.call("logs", "last", "use").out


def test_a_plain_name_is_a_variable_of_the_caller(project):
    story = project('steps: {use: {run: "tasks:use", secrets: [TOKEN]}}\noutputs: {n: steps.use}', TASKS)
    assert story.run(env={"TOKEN": "abcdef"}).outputs == {"n": 6}


def test_a_secret_may_come_from_a_file(project):
    story = project(
        'steps: {use: {run: "tasks:use", secrets: {TOKEN: "file:secret.txt"}}}\noutputs: {n: steps.use}', TASKS
    )
    path = story.write("secret.txt", "from-a-file\n")
    path.chmod(0o600)
    text = (story.folder / "pipeline.yaml").read_text().replace("file:secret.txt", f"file:{path}")
    story.write("pipeline.yaml", text)
    assert story.run().outputs == {"n": len("from-a-file")}


def test_a_secret_that_is_not_there_is_refused_before_the_run(project):
    said = project('steps: {use: {run: "tasks:use", secrets: {TOKEN: "env:NOT_SET_ANYWHERE"}}}', TASKS).refused(code=77)
    assert "NOT_SET_ANYWHERE" in said


def test_a_store_of_a_later_version_is_refused_by_name(project):
    said = project('steps: {use: {run: "tasks:use", secrets: {TOKEN: "aws-sm:prod/x#y"}}}', TASKS).refused()
    assert "not-yet-supported" in said
