"""The sizes and shapes that keep the house readable."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).parents[2] / "yamlflow"
FILES = sorted(PACKAGE.rglob("*.py"))
LONG_FILES: dict[str, str] = {}  # files over 400 lines, each with its reason


def functions(text: str) -> list[tuple[int, str]]:
    """Lines and name of every function."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    return [((node.end_lineno or node.lineno) - node.lineno + 1, f"{node.name}:{node.lineno}") for node in found]


def name(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def test_functions_are_short():
    sizes = [size for file in FILES for size, _ in functions(file.read_text())]
    assert median(sizes) <= 10


def test_no_function_has_more_than_60_lines():
    assert [
        f"{name(file)} {function}: {size}"
        for file in FILES
        for size, function in functions(file.read_text())
        if size > 60
    ] == []


def test_a_file_over_400_lines_has_a_reason():
    long = {name(file) for file in FILES if len(file.read_text().splitlines()) > 400}
    assert long == set(LONG_FILES)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_module_opens_with_what_it_is(file):
    assert ast.get_docstring(ast.parse(file.read_text()))


def test_the_code_map_names_every_layer():
    text = (PACKAGE / "README.md").read_text()
    layers = {folder.name for folder in PACKAGE.iterdir() if folder.is_dir() and folder.name != "__pycache__"}
    assert {layer for layer in layers if f"| `{layer}/` |" not in text} == set()
