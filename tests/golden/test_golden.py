"""Every `NAME.yaml` here goes through the static door; what it says must be `NAME.out`, to the letter.

`YAMLFLOW_UPDATE_GOLDEN=1` writes the `.out` files anew: read the difference
before you commit it. A file or folder whose name begins with `_` is material
for other files, not a case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from yamlflow.schema import nodes
from yamlflow.schema.catalogue import CODES
from yamlflow.schema.decode import decode
from yamlflow.schema.diagnostics import Diagnostic, SourceLookup, render, without_echoes
from yamlflow.schema.loader import check
from yamlflow.schema.source import Source, read

GOLDEN = Path(__file__).parent
CASES = sorted(
    path for path in GOLDEN.rglob("*.yaml") if not any(part.startswith("_") for part in path.relative_to(GOLDEN).parts)
)
DECODED = {"model"}  # folders whose cases are about one file's keys and values: their callables do not exist
WITHOUT_CASE = {
    "unreadable-file",  # there is no file to show it: tests/schema/test_source.py
    "missing-parameter",  # only a run misses a parameter,
    "not-yet-supported",  # and only a run is refused for what is not there yet
}


def door(path: str) -> tuple[Sequence[Diagnostic], SourceLookup]:
    """What the static check of one file finds, and the sources to show it."""
    if Path.cwd().name not in DECODED:
        answer = check(path)
        return answer.diagnostics, answer.source
    source = read(path)
    assert isinstance(source, Source)
    tree, found = nodes.parse(source)
    return without_echoes(found, decode(tree, path)[2]), lambda _: source


def said(path: str) -> str:
    """What is said about a file, as `validate` prints it."""
    diagnostics, lookup = door(path)
    return "".join(render(found, lookup) + "\n\n" for found in diagnostics).removesuffix("\n")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.relative_to(GOLDEN).with_suffix("").as_posix())
def test_a_file_is_answered_as_its_out_file_says(case, monkeypatch):
    monkeypatch.chdir(case.parent)
    expected = case.with_suffix(".out")
    actual = said(case.name)
    if os.environ.get("YAMLFLOW_UPDATE_GOLDEN"):
        expected.write_text(actual, encoding="utf-8")
    assert actual == expected.read_text(encoding="utf-8")


def test_every_out_file_has_its_yaml_file():
    assert [path for path in GOLDEN.rglob("*.out") if path.with_suffix(".yaml") not in CASES] == []


def test_every_code_of_the_catalogue_has_a_case():
    outs = "".join(path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*.out"))
    assert {code for code in CODES if f"[{code}]" not in outs} <= WITHOUT_CASE


def test_every_code_that_a_case_shows_has_a_page():
    outs = "".join(path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*.out"))
    assert set(re.findall(r"^\S+: (?:error|warning)\[([a-z0-9-]+)\]: ", outs, re.MULTILINE)) - set(CODES) == set()


def test_updating_is_off_where_it_counts():
    assert not (os.environ.get("CI") and os.environ.get("YAMLFLOW_UPDATE_GOLDEN"))
