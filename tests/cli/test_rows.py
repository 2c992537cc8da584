"""A step is a row: its state, its counts, its time; too many rows fold."""

from __future__ import annotations

from tests.cli.telling import Tale, half_way
from yamlflow.cli.screen.rows import Row, failures, fold, rows
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import ItemsKnown
from yamlflow.core.outline import Step


def test_a_loop_is_one_row_with_its_counts_and_what_a_task_said_last():
    tale = half_way()
    prep, fit, last = rows(tale.view, tale.at + 3)
    assert prep == Row("prep", "succeeded", seconds=1.5)
    assert (fit.state, fit.counts) == ("running", "12/20 ✓11 ✗1")
    assert fit.note == "40% epoch [bold]4[/bold]/10"
    assert fit.bar == "█" * 7 + "░" * 5
    assert fit.active
    assert last == Row("last", "pending")


def test_rows_are_ascii_where_the_terminal_is():
    for row in rows(half_way().view, 0, unicode=False):
        assert (row.name + row.bar + row.counts).isascii()


def test_what_ran_when_its_launcher_went_away_is_interrupted():
    fit = rows(half_way().view, 0, interrupted=True)[1]
    assert (fit.state, fit.active) == ("interrupted", False)


def test_a_hook_has_a_row_only_once_it_has_begun():
    tale = half_way()
    assert [row.name for row in rows(tale.view, 0)] == ["prep", "fit", "last"]
    tale.run("page")
    assert [row.name for row in rows(tale.view, 0)] == ["prep", "fit", "last", "page"]


def test_a_loop_of_which_nothing_runs_waits_and_its_time_stands_still():
    tale = Tale()
    tale.tell(ItemsKnown, TaskId("fit", ()), 3)
    tale.good("fit", (0,))
    fit = rows(tale.view, tale.at + 100)[1]
    assert (fit.state, fit.counts, fit.seconds, fit.active) == ("waiting", "1/3 ✓1", 1.5, False)
    assert rows(tale.view, tale.at, interrupted=True)[1].state == "interrupted"
    assert fold([fit, *[Row(f"s{n}", "succeeded") for n in range(20)]], 3)[0][0] == fit, "it goes before what is done"


def test_steps_of_a_group_are_indented_under_it():
    steps = (Step("g", "g", "", 0, group=True, names=("r",)), Step("g.a", "a", "g", 1), Step("g.b", "b", "g", 1))
    tale = Tale(steps=steps)
    tale.tell(ItemsKnown, TaskId("g", ()), 2, ("eu", "us"))
    tale.good("g.a", (0,))
    shown = rows(tale.view, 0)
    assert [row.name for row in shown] == ["g", "  a", "  b"]
    assert shown[1].counts == "1/2 ✓1"
    assert shown[2].counts == "0/2"


def test_too_many_rows_keep_what_fails_and_runs_and_count_the_rest():
    many = [
        Row(f"s{n}", state, active=state == "running")
        for n, state in enumerate(["succeeded"] * 30 + ["running", "failed"] + ["pending"] * 30)
    ]
    kept, rest = fold(many, 10)
    assert len(kept) == 9
    assert {"s30", "s31"} <= {row.name for row in kept}
    assert [row.name for row in kept] == sorted((row.name for row in kept), key=lambda name: int(name[1:]))
    assert rest == "and 53 more steps: 30 done, 23 to come"
    assert fold(many[:5], 10) == (many[:5], "")


def test_the_same_failure_of_many_tasks_is_one_line():
    tale = Tale()
    tale.tell(ItemsKnown, TaskId("fit", ()), 20)
    for item in range(18):
        tale.bad("fit", (item,))
    tale.bad("fit", (18,), message="other")
    assert failures(tale.view) == ["fit: 18 of 20 tasks: ValueError: no", "fit[18]: ValueError: other"]
