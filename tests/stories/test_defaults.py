"""defaults: laid under every step, deeply; lists replace, null deletes."""

from __future__ import annotations

TASKS = """
    import os

    def see():
        return {k: v for k, v in os.environ.items() if k.startswith("MY_")}
    def flaky():
        if count("try") < 2:
            raise ValueError("no")
        return "third"
"""


def test_mappings_merge_and_the_step_wins(project):
    ran = project(
        """
        defaults: {env: {MY_A: "1", MY_B: "2"}}
        steps:
          plain: {run: "tasks:see"}
          own: {run: "tasks:see", env: {MY_B: "3", MY_C: "4"}}
          less: {run: "tasks:see", env: {MY_A: null}}
          group: {steps: {inner: {run: "tasks:see"}}, outputs: {v: steps.inner}}
        outputs: {plain: steps.plain, own: steps.own, less: steps.less, inner: steps.group.v}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {
        "plain": {"MY_A": "1", "MY_B": "2"},
        "own": {"MY_A": "1", "MY_B": "3", "MY_C": "4"},
        "less": {"MY_B": "2"},
        "inner": {"MY_A": "1", "MY_B": "2"},
    }


def test_retry_and_timeout_are_inherited_and_can_be_deleted(project):
    text = "defaults: {retry: {attempts: 3}, timeout: 1m}\nsteps: {flaky: {run: 'tasks:flaky'EXTRA}}\noutputs: {v: steps.flaky}"
    assert project(text.replace("EXTRA", ""), TASKS).run().outputs == {"v": "third"}
    story = project(text.replace("EXTRA", ", retry: null"), TASKS)
    (story.folder / "ledger.txt").unlink()
    story.run(code=1)
    assert story.ledger == ["try"]


def test_the_resolved_file_shows_them_in_their_place(project):
    story = project("defaults: {timeout: 1m}\nsteps: {see: {run: 'tasks:see'}}", TASKS)
    shown = story.call("config", "show", "--json")
    assert shown.document["steps"]["see"]["timeout"] == "1m"
    assert "timeout: 1m" in story.call("config", "show").out
