"""Every `NAME.yaml` here goes through the static door; what it says must be `NAME.out`, to the letter.

Those in `run/` go through the door of a run instead, which also misses
parameters and refuses what this version does not honour.

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
from yamlflow.schema.loader import check, load
from yamlflow.schema.source import Source, read
from yamlflow.store.selection import select

GOLDEN = Path(__file__).parent
CASES = sorted(
    path for path in GOLDEN.rglob("*.yaml") if not any(part.startswith("_") for part in path.relative_to(GOLDEN).parts)
)
DECODED = {"model"}  # folders whose cases are about one file's keys and values: their callables do not exist
RUN = {"run"}  # folders whose cases are about to run: with the parameters they have, where they are


def door(path: str) -> tuple[Sequence[Diagnostic], SourceLookup]:
    """What is found in one file by the check its folder stands for, and the sources to show it."""
    if Path.cwd().name in RUN:
        ready = load(path, select=select)
        return [*ready.diagnostics, *ready.unsupported], ready.source
    if Path.cwd().name not in DECODED:
        answer = check(path, select=select)
        return answer.diagnostics, answer.source
    source = read(path)
    assert isinstance(source, Source)
    tree, found = nodes.parse(source)
    return without_echoes(found, decode(tree, path)[2]), lambda _: source


def said(path: str) -> str:
    """What is said about a file, as `validate` and `run` print it."""
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
    assert [code for code in CODES if f"[{code}]" not in outs] == []


def test_every_code_that_a_case_shows_has_a_page():
    outs = "".join(path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*.out"))
    assert set(re.findall(r"^\S+: (?:error|warning)\[([a-z0-9-]+)\]: ", outs, re.MULTILINE)) - set(CODES) == set()


def test_updating_is_off_where_it_counts():
    assert not (os.environ.get("CI") and os.environ.get("YAMLFLOW_UPDATE_GOLDEN"))
