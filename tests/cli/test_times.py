"""Times of a run and of its steps: the same wherever they are shown, and no pause is called work."""

from __future__ import annotations

import json
import re

PIPELINE = """yamlflow: 1
steps:
  quick: {sh: "true"}
  flaky: {sh: "test -e mended", cwd: code, retry: {attempts: 2, delay: 1s, jitter: false}}
"""


def took(yamlflow):
    """What the list of runs, `status` and `runs show` say that the last run took."""
    row = yamlflow("runs", "list").stdout.splitlines()[1]
    ends = [re.findall(r" in (\S+) \(", yamlflow(*words).stdout) for words in (["status"], ["runs", "show"])]
    return row, [end for (end,) in ends]


def test_the_list_of_runs_and_the_status_of_one_say_the_same_time_after_every_launch(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    said = yamlflow("run").stderr
    row, (status, show) = took(yamlflow)
    assert f" in {status} (" in said
    assert (status, row.split()[-1]) == (show, status)
    (tmp_path / "mended").touch()
    said = yamlflow("resume").stderr
    row, (status, show) = took(yamlflow)
    assert f" in {status} (" in said
    assert status == show
    assert row.endswith(f"{status} (launch 2)"), "not the time between the launches"


def test_the_pause_between_two_attempts_makes_no_step_slow(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE.replace("true", "sleep 0.3"))
    yamlflow("run")
    steps = json.loads(yamlflow("status", "--json").stdout)["steps"]
    assert 0 < steps["flaky"]["seconds"] < 1.0, "two attempts of no length, a second apart"
