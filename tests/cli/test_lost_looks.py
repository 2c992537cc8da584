"""Looking at a run one of whose stored values is gone: all else is shown, and what brings it back."""

from __future__ import annotations

import json

import pytest

PIPELINE = """yamlflow: 1
steps:
  good: {run: "tasks:text", with: {word: good}}
  bad: {run: "tasks:text", with: {word: bad}}
  pair: {run: "tasks:both", inputs: {a: steps.good, b: steps.bad}}
outputs: {a: steps.good, b: steps.bad}
"""
TASKS = """
import yamlflow

def text(word, ctx: yamlflow.Context):
    (ctx.tmp / f"{word}.txt").write_text(word * 3)
    return ctx.tmp / f"{word}.txt"

def both(a, b):
    return {"words": [a.read_text(), b.read_text()]}
"""


@pytest.fixture
def holed(yamlflow, tmp_path):
    """A run whose file `bad.txt` was deleted from the store; gives the run's id."""
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "tasks.py").write_text(TASKS)
    done = json.loads(yamlflow("run", "--json", "--state-dir", "kept").stdout)
    digest = done["outputs"]["b"]["$artifact"]
    (tmp_path / "kept" / "store" / "objects" / digest[:2] / digest[2:]).unlink()
    return done["run_id"]


def test_the_list_of_values_marks_the_one_that_is_lost_and_says_what_makes_it_again(yamlflow, holed):
    listed = yamlflow("artifacts", "list", "--state-dir", "kept")
    assert listed.returncode == 0, listed.stderr
    good, bad, pair = listed.stdout.splitlines()
    assert (good.split()[0], "lost" in good) == ("good", False)
    assert (bad.split()[0], bad.endswith("lost: missing")) == ("bad", True)
    assert "goodgoodgood" in pair
    assert f"1 value is lost; make it again: yamlflow resume {holed} --state-dir kept" in listed.stderr
    again = yamlflow("resume", holed, "--state-dir", "kept")
    assert again.returncode == 0, again.stderr
    mended = yamlflow("artifacts", "list", "--state-dir", "kept")
    assert (mended.stdout.count("lost"), mended.stderr) == (0, "")


def test_the_list_as_json_has_no_place_for_a_lost_value_and_says_why(yamlflow, holed):
    listed = json.loads(yamlflow("artifacts", "list", "--json", "--state-dir", "kept").stdout)
    values = {entry["task"]: entry["value"] for entry in listed["artifacts"]}
    assert (values["bad"]["path"], values["bad"]["lost"]) == (None, "missing")
    assert "lost" not in values["good"]


@pytest.mark.parametrize("words", [("runs", "show"), ("status", "--json"), ("runs", "show", "--json")], ids=" ".join)
def test_a_run_is_shown_though_one_of_its_outputs_is_lost(yamlflow, holed, words):
    shown = yamlflow(*words, "--state-dir", "kept")
    assert shown.returncode == 0, shown.stderr
    assert "good.txt" in shown.stdout
    assert "missing" in shown.stdout


@pytest.mark.parametrize("words", [("show", "bad"), ("get", "bad", "-o", "copy.txt")], ids=" ".join)
def test_asking_for_the_lost_value_itself_is_an_error_with_the_command_that_makes_it_again(yamlflow, holed, words):
    asked = yamlflow("artifacts", *words, "--state-dir", "kept")
    assert asked.returncode == 74
    assert "is missing" in asked.stderr
    assert f"make it again: yamlflow resume {holed} --state-dir kept" in asked.stderr
