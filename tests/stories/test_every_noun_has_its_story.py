"""The list of nouns and the files of this folder are the same list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LINES = (HERE / "nouns.txt").read_text().splitlines()
NOUNS = [line for line in LINES if line and not line.startswith("#")]
BOLD = 20  # the bold words of pipeline-file.md, "Meaning"


def file_of(noun: str) -> str:
    return f"test_{noun.lower().replace(' ', '_')}.py"


def test_every_noun_has_its_story_and_every_story_its_noun():
    stories = {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name}
    assert stories == {file_of(noun) for noun in NOUNS}


def test_the_bold_words_come_first_and_none_is_missing():
    second_heading = [number for number, line in enumerate(LINES) if line.startswith("#")][1]
    assert second_heading - 1 == BOLD
    assert len(set(NOUNS)) == len(NOUNS)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_story_starts_real_processes(noun):
    tree = ast.parse((HERE / file_of(noun)).read_text())
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    asked = {argument.arg for test in tests for argument in test.args.args}
    assert asked & {"project", "ran", "tmp_path"}
