"""Every command line in the documentation parses, and every command and flag there is stands in the README."""

from __future__ import annotations

import re

import pytest
import typer

from tests.docs.commands import command_lines, console_lines, flags, parse
from tests.docs.test_blocks import BLOCKS, DOCUMENTS, ROOT
from yamlflow.cli.app import COMMANDS

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = sorted(
    {line for block in BLOCKS for line in console_lines(block)}
    | {line for file in DOCUMENTS for line in command_lines(file.read_text(encoding="utf-8"))}
)
PLACEHOLDERS = re.compile(r"\[[A-Z]+\]")
ALONE = ("yamlflow --version",)
FLAGS = flags()


def written(line: str) -> str:
    """The line with its optional placeholders, `[RUN]`, filled in."""
    return PLACEHOLDERS.sub(lambda found: found[0][1:-1], line)


@pytest.mark.parametrize("line", sorted(set(LINES) - set(ALONE)))
def test_a_command_line_parses(line):
    assert parse(written(line))


@pytest.mark.parametrize("line", ALONE)
def test_a_question_to_the_program_itself_is_answered(line):
    with pytest.raises(typer.Exit):
        parse(line)


@pytest.mark.parametrize("name", sorted(name for name in FLAGS if name))
def test_a_command_stands_in_the_readme(name):
    assert re.search(rf"yamlflow {re.escape(name)}\b", README) or f"`{name.split()[-1]}`" in README


@pytest.mark.parametrize(("name", "flag"), sorted({(name, flag) for name, found in FLAGS.items() for flag in found}))
def test_a_flag_stands_in_the_readme(name, flag):
    assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", README), f"{name} {flag}"


def test_every_flag_in_the_readme_exists():
    known = {flag for found in FLAGS.values() for flag in found} | {"--help", "-h", "-m"}  # python -m
    section = README[README.index("## The command line") : README.index("## The Python API")]
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+|-[a-z])(?![\w-])", section))
    assert named - known == set()


def test_a_flag_that_does_not_exist_is_noticed():
    with pytest.raises(Exception, match="no-such-flag"):
        parse("yamlflow validate --no-such-flag")


def test_a_command_that_does_not_exist_is_noticed():
    with pytest.raises(Exception, match="explode"):
        parse("yamlflow explode")


def test_the_command_lines_are_found():
    assert len(LINES) > 20
    assert {line.split()[1] for line in LINES if " " in line} >= {name for group in COMMANDS.values() for name in group}
