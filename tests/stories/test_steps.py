"""Steps: one function or command each; the smallest file runs."""

from __future__ import annotations

TASKS = """
    import asyncio

    def prep():
        return {"rows": 3}
    def fit(data):
        return data["rows"] + 1
    async def later(x):
        await asyncio.sleep(0)
        return x
    def first(a, b, /, c):
        return [a, b, c]
    def nothing():
        pass
"""


def test_the_smallest_useful_file(project):
    ran = project(
        'steps:\n  prep: {run: "tasks:prep"}\n  fit: {run: "tasks:fit", inputs: {data: steps.prep}}\n', TASKS
    ).run()
    assert ran.code == 0
    assert ran.document["state"] == "succeeded"
    assert ran.outputs == {"fit": 4}


def test_a_coroutine_is_awaited_and_positional_parameters_are_filled_in_order(project):
    ran = project(
        """
        steps:
          later: {run: "tasks:later", with: {x: 5}}
          first: {run: "tasks:first", with: {c: 3, b: 2, a: 1}}
          nothing: {run: "tasks:nothing"}
        outputs: {later: steps.later, first: steps.first, nothing: steps.nothing}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"later": 5, "first": [1, 2, 3], "nothing": None}


def test_the_document_of_a_run_has_all_it_promises(project):
    document = project('steps: {prep: {run: "tasks:prep"}}', TASKS).run().document
    assert document["schema"] == 1
    assert {"run_id", "state", "exit_code", "started", "ended", "params", "outputs", "steps", "failures"} <= set(
        document
    )
    assert document["exit_code"] == 0
    assert document["steps"]["prep"]["state"] == "succeeded"
    assert document["steps"]["prep"]["seconds"] >= 0


def test_stdout_has_the_results_and_stderr_the_progress(project):
    ran = project(
        'steps: {prep: {run: "tasks:prep"}, fit: {run: "tasks:fit", inputs: {data: steps.prep}}}', TASKS
    ).call("run")
    assert ran.out == "fit: 4\n"
    assert "prep" in ran.err
    quiet = project.call("run", "-q")
    assert (quiet.out, quiet.err, quiet.code) == ("", "", 0)


def test_a_dry_run_starts_nothing_and_leaves_nothing(project):
    story = project('steps: {one: {run: "tasks:noted"}}', "def noted():\n        note('ran')")
    ran = story.call("run", "--dry-run")
    assert ran.code == 0
    assert "one" in ran.out
    assert story.ledger == []
    assert not (story.folder / ".yamlflow").exists()
    assert story.call("plan").out == ran.out
