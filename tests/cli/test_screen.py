"""What a person sees of a run, from hand-made events: rows, lines, the end block, the live view."""

from __future__ import annotations

import io
import json

import pytest

from yamlflow.cli.options import ShowOutput
from yamlflow.cli.output.terminal import Outlet
from yamlflow.cli.screen.ending import QUIET_LINES, Ending, block
from yamlflow.cli.screen.lines import heartbeat, line
from yamlflow.cli.screen.live import LiveScreen
from yamlflow.cli.screen.plain import JsonScreen, PlainScreen
from yamlflow.cli.screen.rows import Row, failures, fold, rows
from yamlflow.cli.screen.tails import Tails
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Outcome, Usage
from yamlflow.core.messages import (
    CancelRequested,
    Failed,
    ItemsKnown,
    Machine,
    Marked,
    Progressed,
    Restored,
    RunEnded,
    RunStarted,
    Started,
    State,
    Submitted,
    Succeeded,
)
from yamlflow.core.outline import Outline, Step
from yamlflow.core.progress import RunView

STEPS = (
    Step("prep", "prep", "", 0),
    Step("fit", "fit", "", 0, names=("model",)),
    Step("last", "last", "", 0),
    Step("page", "page", "", 0, hook="on_failure"),
)


class Tale:
    """A run told event by event; `at` goes on by one second each."""

    def __init__(self, *screens, steps=STEPS):
        self.view = RunView(Outline("churn", {step.id: step for step in steps}))
        self.screens = screens
        self.at = 99.0
        self.lines = []
        self.tell(RunStarted, machine=Machine(2, 0), executors={})

    def tell(self, kind, *values, **named):
        self.at += 1
        event = kind(self.at, *values, **named)
        self.view.fold(event)
        for screen in self.screens:
            screen.see(event, self.view)
        words = line(event, self.view)
        self.lines += [words] if words is not None else []

    def run(self, node, path=(), *, attempt=1):
        self.tell(Submitted, TaskId(node, path), attempt)
        self.tell(Started, TaskId(node, path), attempt)

    def good(self, node, path=(), seconds=1.5):
        self.run(node, path)
        self.tell(Succeeded, TaskId(node, path), 1, Outcome("succeeded", usage=Usage(seconds)))

    def bad(self, node, path=(), message="no", traceback=""):
        self.run(node, path)
        failure = Failure("error", message, "builtins.ValueError", traceback=traceback)
        self.tell(Failed, TaskId(node, path), 1, Outcome("failed", failure=failure, usage=Usage(0.2)))


def half_way():
    tale = Tale()
    tale.good("prep")
    tale.tell(ItemsKnown, TaskId("fit", ()), 20, tuple(f"m{n}" for n in range(20)))
    for item in range(11):
        tale.good("fit", (item,))
    tale.bad("fit", (11,))
    tale.run("fit", (12,))
    tale.tell(Progressed, TaskId("fit", (12,)), "epoch [bold]4[/bold]/10\x1b[31m", 0.4)
    return tale


# --- rows


def test_a_loop_is_one_row_with_its_counts_and_what_a_task_said_last():
    tale = half_way()
    prep, fit, last = rows(tale.view, tale.at + 3)
    assert prep == Row("prep", "succeeded", seconds=1.0)
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


# --- lines


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
    tale.run("prep", attempt=2)
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


# --- the end block

TRACEBACK = """  File "train.py", line 88, in fit
    model.fit(x)
  File "train.py", line 3, in inner
    raise ValueError
ValueError: no
"""


def ended(tale, state):
    tale.tell(RunEnded, state)
    return Ending("r1", state, tale.view, lambda task, attempt: f"logs/{task.node}.{attempt}.log")


def test_a_good_end_is_state_time_and_the_slowest_steps():
    tale = Tale()
    tale.good("prep")
    tale.good("last")
    assert block(ended(tale, "succeeded")) == [
        "✓ succeeded: run r1 of churn in 7.0s (2 succeeded)",
        "  slowest: prep 1.0s, last 1.0s",
    ]


def test_a_bad_end_shows_each_failure_once_with_frames_log_and_the_next_commands():
    tale = Tale()
    tale.tell(ItemsKnown, TaskId("fit", ()), 20, tuple(f"a b{n}" for n in range(20)))
    for item in range(18):
        tale.bad("fit", (item,), traceback=TRACEBACK)
    assert block(ended(tale, "failed")) == [
        "✗ failed: run r1 of churn in 56s (18 failed)",
        "",
        "  fit: 18 of 20 tasks failed with the same error",
        '      File "train.py", line 88, in fit',
        "        model.fit(x)",
        '      File "train.py", line 3, in inner',
        "        raise ValueError",
        "    ValueError: no",
        "    log: logs/fit.1.log",
        "",
        "  read its log: yamlflow logs r1 'fit[a b0]'",
        "  go on from here: yamlflow resume r1",
    ]


def test_a_quiet_end_has_at_most_20_lines_whatever_happened():
    tale = Tale()
    tale.tell(ItemsKnown, TaskId("fit", ()), 30)
    for item in range(30):
        tale.bad("fit", (item,), message=f"no {item}", traceback=TRACEBACK * 9)
    lines = block(ended(tale, "failed"), quiet=True)
    assert len(lines) <= QUIET_LINES
    assert lines[-1] == "  go on from here: yamlflow resume r1"


def test_flags_that_find_the_state_are_part_of_the_next_command():
    tale = Tale()
    tale.bad("prep")
    tale.tell(RunEnded, "failed")
    ending = Ending("r1", "failed", tale.view, lambda *_: "", flags=("--state-dir", "/tmp/my state"))
    assert block(ending)[-1] == "  go on from here: yamlflow resume r1 --state-dir '/tmp/my state'"


# --- the live view


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_the_live_view_draws_nothing_when_nothing_changed_and_seldom_when_much_did():
    stream = Terminal()
    screen = LiveScreen(stream, styled=False, unicode=True)
    tale = half_way()
    screen.tick(tale.view)
    first = stream.tell()
    assert "12/20 ✓11 ✗1" in stream.getvalue()
    for _ in range(1000):
        tale.view.version += 1
        screen.tick(tale.view)
    assert stream.tell() == first
    screen.close()


def test_the_live_view_shows_task_text_as_text():
    stream = Terminal()
    screen = LiveScreen(stream, styled=False, unicode=True)
    screen.say("fit | [bold]not markup[/nonsense] :smile:")
    screen.tick(half_way().view)
    screen.close()
    assert "[bold]not markup[/nonsense] :smile:" in stream.getvalue()
    assert "epoch [bold]4[/bold]/10" in stream.getvalue()
    assert "\x1b[31m" not in stream.getvalue()


class Gone(Terminal):
    def __init__(self):
        super().__init__()
        self.alive = True

    def write(self, text):
        if not self.alive:
            raise OSError(5, "Input/output error")
        return super().write(text)


def test_a_terminal_that_goes_away_ends_the_view_and_nothing_else():
    stream = Gone()
    screen = LiveScreen(stream, styled=True, unicode=True)
    stream.alive = False
    screen.tick(half_way().view)
    screen.say("nobody hears this")
    screen.close()


def test_the_cursor_is_back_after_the_live_view():
    stream = Terminal()
    screen = LiveScreen(stream, styled=True, unicode=True)
    screen.tick(half_way().view)
    screen.close()
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


@pytest.mark.parametrize("kind", [PlainScreen, JsonScreen])
def test_lines_to_a_reader_that_has_gone_are_dropped(kind):
    stream = Gone()
    stream.alive = False
    screen = kind(Outlet(stream), unicode=True) if kind is PlainScreen else kind(Outlet(stream))
    tale = Tale(screen)
    tale.good("prep")
    screen.close()


# --- what tasks print


def tails(tmp_path, choice):
    said = []
    return Tails(choice, lambda task, attempt: str(tmp_path / f"{task.node}.{attempt}.log"), said.append), said


def test_what_a_task_prints_is_shown_line_by_line_with_its_name(tmp_path):
    followed, said = tails(tmp_path, ShowOutput.AUTO)
    tale = Tale(followed)
    log = tmp_path / "prep.1.log"
    tale.run("prep")
    followed.tick()
    log.write_bytes(b"one\ntwo \x1b[31mred\x1b[0m\nhal")
    followed.tick()
    assert said == ["prep | one", "prep | two red"]
    log.write_bytes(log.read_bytes() + b"f\xff\nthe end")
    tale.tell(Succeeded, TaskId("prep", ()), 1, Outcome("succeeded"))
    assert said[2:] == ["prep | half\ufffd", "prep | the end"]


def test_the_output_of_many_tasks_is_left_to_the_logs(tmp_path):
    followed, said = tails(tmp_path, ShowOutput.AUTO)
    tale = Tale(followed)
    tale.tell(ItemsKnown, TaskId("fit", ()), 21)
    (tmp_path / "fit.1.log").write_text("text\n")
    tale.good("fit", (0,))
    assert said == []


@pytest.mark.parametrize(("choice", "shown"), [(ShowOutput.ALL, 2), (ShowOutput.FAILED, 1), (ShowOutput.NONE, 0)])
def test_a_flag_says_whose_output_is_shown(tmp_path, choice, shown):
    followed, said = tails(tmp_path, choice)
    tale = Tale(followed)
    (tmp_path / "prep.1.log").write_text("prep\n")
    (tmp_path / "last.1.log").write_text("last\n")
    tale.good("prep")
    tale.bad("last")
    assert len(said) == shown
    assert shown == 0 or said[-1] == "last | last"


def test_a_flood_is_read_in_pieces(tmp_path):
    followed, said = tails(tmp_path, ShowOutput.ALL)
    tale = Tale(followed)
    (tmp_path / "prep.1.log").write_bytes(b"x" * 100 + b"\n" * 1_000_000)
    tale.run("prep")
    followed.tick()
    assert 0 < len(said) <= 64 * 1024
