"""No key of the format is ignored: leaves.txt names for each the test that shows its effect, or that it is refused."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from yamlflow.schema.export import schema_leaves

ROOT = Path(__file__).parents[2]
LINES = (Path(__file__).with_name("leaves.txt")).read_text().splitlines()
ENTRIES = [tuple(line.split(" | ")) for line in LINES if line and not line.startswith("#")]


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of a file's test functions."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def test_every_key_is_listed_once_and_no_other():
    listed = [leaf for leaf, _ in ENTRIES]
    assert sorted(listed) == sorted(schema_leaves())


@pytest.mark.parametrize("node", sorted({node for _, node in ENTRIES}))
def test_a_named_test_exists(node):
    file, _, name = node.partition("::")
    assert name in names_in(file)
