"""What the README promises, each sentence with the tests that hold it: they exist, under these names."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.blocks import ROOT
from tests.docs.test_completeness import section

PROMISE = section("## What is promised")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PROMISE)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_a_test_that_holds_a_promise_exists(file, name):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert len(found) == 1
    assert not any("skip" in ast.unparse(mark) or "xfail" in ast.unparse(mark) for mark in found[0].decorator_list)


def test_every_paragraph_of_the_promise_names_a_test():
    paragraphs = [text for text in PROMISE.split("\n\n")[2:] if text.strip()]
    assert len(paragraphs) >= 10
    assert [text for text in paragraphs if not re.search(r"^<br>`tests/", text, re.MULTILINE)] == []
