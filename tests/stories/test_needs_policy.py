"""needs_policy: looks at needs and inputs together."""

from __future__ import annotations

TASKS = """
    def ok():
        return 1
    def fail():
        raise ValueError("no")
    def tell(a=None, b=None):
        note("told", a, b)
"""


def test_all_done_waits_for_both_and_sees_none_for_the_failed_one(project):
    story = project(
        """
        steps:
          ok: {run: "tasks:ok"}
          bad: {run: "tasks:fail"}
          tell: {run: "tasks:tell", inputs: {a: steps.ok, b: steps.bad}, needs_policy: all_done}
        """,
        TASKS,
    )
    ran = story.run("--keep-going", code=1)
    assert ran.state("tell") == "succeeded"
    assert story.ledger == ["told 1 None"]


def test_any_failed_runs_only_if_something_it_looks_at_failed(project):
    story = project(
        """
        steps:
          ok: {run: "tasks:ok"}
          bad: {run: "tasks:fail"}
          by_need: {run: "tasks:tell", needs: [bad], inputs: {a: steps.ok}, needs_policy: any_failed}
          by_input: {run: "tasks:tell", inputs: {b: steps.bad}, needs_policy: any_failed}
          calm: {run: "tasks:tell", inputs: {a: steps.ok}, needs_policy: any_failed}
        """,
        TASKS,
    )
    ran = story.run("--keep-going", code=1)
    assert [ran.state(step) for step in ("by_need", "by_input", "calm")] == ["succeeded", "succeeded", "skipped"]


def test_all_success_is_what_one_gets(project):
    story = project('steps: {bad: {run: "tasks:fail"}, tell: {run: "tasks:tell", needs: [bad]}}', TASKS)
    assert story.run("--keep-going", code=1).state("tell") == "upstream_failed"
    assert story.ledger == []
