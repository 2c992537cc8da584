"""The block at the end of a run: how it went, why it failed, how to go on."""

from __future__ import annotations

from tests.cli.telling import Tale, ended
from yamlflow.cli.screen.ending import QUIET_LINES, Ending, block
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import ItemsKnown, RunEnded

TRACEBACK = """  File "train.py", line 88, in fit
    model.fit(x)
  File "train.py", line 3, in inner
    raise ValueError
ValueError: no
"""


def test_a_good_end_is_state_time_and_the_slowest_steps():
    tale = Tale()
    tale.good("prep")
    tale.good("last")
    assert block(ended(tale, "succeeded")) == [
        "✓ succeeded: run r1 of churn in 7.0s (2 succeeded)",
        "  slowest: prep 1.5s, last 1.5s",
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
