"""A change of state is a line, for a pipe and for a CI page; or an object of JSON."""

from __future__ import annotations

import io
import json

from tests.cli.telling import Tale, ended
from yamlflow.cli.output.terminal import Outlet
from yamlflow.cli.screen.ending import Ending, block
from yamlflow.cli.screen.lines import heartbeat
from yamlflow.cli.screen.plain import JsonScreen, PlainScreen
from yamlflow.cli.screen.rows import failures
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Outcome
from yamlflow.core.messages import (
    CancelRequested,
    Evaluated,
    Failed,
    ItemsKnown,
    Marked,
    Restored,
    State,
    Succeeded,
)


def test_each_change_of_state_is_one_line():
    tale = Tale()
    tale.good("prep")
    tale.tell(ItemsKnown, TaskId("fit", ()), 2, ("xgb", "mlp"))
    tale.good("fit", (0,), seconds=0.25)
    tale.bad("fit", (1,), message="cannot [red]use[/red] \x1b]0;x\x07it")
    tale.tell(Marked, TaskId("last", ()), State.UPSTREAM_FAILED, "fit failed")
    tale.tell(CancelRequested, "interrupt")
    assert tale.lines == [
        "▶ prep running",
        "✓ prep succeeded: 1.5s",
        "  fit: 2 items",
        "▶ fit[xgb] running",
        "✓ fit[xgb] succeeded: 0.2s",
        "▶ fit[mlp] running",
        "✗ fit[mlp] failed: 0.2s: ValueError: cannot [red]use[/red] it",
        "✗ last upstream failed: fit failed",
    ]


def test_a_later_attempt_says_so():
    tale = Tale()
    tale.run("prep", attempt=2)
    assert tale.lines == ["▶ prep running: attempt 2"]


def test_what_catch_runs_is_called_catch_and_is_no_retry():
    tale = Tale()
    tale.bad("prep")
    tale.run("prep", attempt=2, rescue=True)
    assert tale.lines[-1] == "▶ prep running: catch"
    assert tale.view.steps["prep"].retries == 0


def test_a_task_that_skips_itself_is_said_once():
    tale = Tale()
    tale.run("prep")
    tale.tell(Succeeded, TaskId("prep", ()), 1, Outcome("skipped"))
    tale.tell(Marked, TaskId("prep", ()), State.SKIPPED)
    assert tale.lines == ["▶ prep running", "- prep skipped"]


def test_a_cancelled_task_is_cancelled_once_and_no_failure():
    tale = Tale()
    tale.run("prep")
    failure = Failure("cancelled", "was cancelled")
    tale.tell(Failed, TaskId("prep", ()), 1, Outcome("failed", failure=failure))
    tale.tell(Marked, TaskId("prep", ()), State.CANCELLED)
    assert tale.lines == ["▶ prep running", "■ prep cancelled"]
    assert failures(tale.view) == []
    assert not any("failed" in text for text in block(ended(tale, "cancelled")))


def test_one_more_failure_is_not_several():
    tale = Tale()
    tale.tell(ItemsKnown, TaskId("fit", ()), 6)
    for item in range(6):
        tale.bad("fit", (item,), message=f"no {item}")
    assert "and 3 other failures" in failures(tale.view)
    assert "and 1 other failure" in failures(tale.view, 5)
    assert "  and 1 other failure: yamlflow status r1" in block(ended(tale, "failed"))


def test_the_time_of_a_run_that_goes_on_counts_to_now():
    tale = Tale()
    tale.run("prep")
    ending = Ending("r1", "running", tale.view, lambda *_: "", now=tale.view.started + 60)
    assert "in 1m00s" in block(ending)[0]


def test_a_key_with_escapes_cannot_reach_the_terminal():
    tale = Tale()
    tale.tell(ItemsKnown, TaskId("fit", ()), 1, ("\x1b[2Jx\u202e\ny",))
    tale.good("fit", (0,))
    assert tale.lines[-1] == "✓ fit[x y] succeeded: 1.5s"


def test_results_kept_by_a_resume_are_counted_in_one_line():
    out = io.StringIO()
    screen = PlainScreen(Outlet(out), unicode=True)
    tale = Tale(screen)
    tale.tell(ItemsKnown, TaskId("fit", ()), 500)
    for item in range(500):
        tale.tell(Restored, TaskId("fit", (item,)))
    tale.good("last")
    assert out.getvalue().splitlines() == [
        "  fit: 500 items",
        "  kept from before: 500 results",
        "▶ last running",
        "✓ last succeeded: 1.5s",
    ]


def test_results_that_are_kept_step_after_step_are_still_one_line_until_something_runs():
    out = io.StringIO()
    screen = PlainScreen(Outlet(out), unicode=True)
    tale = Tale(screen)
    tale.tell(Restored, TaskId("prep", ()))
    tale.tell(Evaluated, TaskId("fit", ()), "foreach", [1, 2])
    tale.tell(ItemsKnown, TaskId("fit", ()), 2)
    tale.tell(Restored, TaskId("fit", (0,)))
    tale.good("fit", (1,))
    tale.tell(Restored, TaskId("last", ()))
    screen.close()
    assert [line for line in out.getvalue().splitlines() if "kept" in line] == [
        "  kept from before: 2 results",
        "  more kept from before: 1 result",
    ]


def test_a_ci_page_gets_a_heartbeat_a_minute_while_nothing_else_is_said():
    out, now = io.StringIO(), [0.0]
    screen = PlainScreen(Outlet(out), unicode=True, beat=True, clock=lambda: now[0])
    tale = Tale(screen)
    tale.run("prep")
    for second in range(1, 150):
        now[0] = second
        screen.tick(tale.view)
    assert out.getvalue().count("still running") == 2
    assert "0 of 2 tasks done, 1 running" in heartbeat(tale.view)


def test_json_progress_is_one_object_a_line_with_names_for_tasks():
    out = io.StringIO()
    tale = Tale(JsonScreen(Outlet(out)))
    tale.tell(ItemsKnown, TaskId("fit", ()), 1, ("xgb",))
    tale.bad("fit", (0,))
    records = [json.loads(text) for text in out.getvalue().splitlines()]
    assert [record["event"] for record in records] == ["RunStarted", "ItemsKnown", "Submitted", "Started", "Failed"]
    assert records[-1]["task"] == "fit[xgb]"
    assert records[-1]["step"] == "fit"
    assert records[-1]["outcome"]["failure"]["message"] == "no"
