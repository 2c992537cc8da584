"""Every code has a page, and the examples on it are true."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from tests.schema.reading import codes
from yamlflow.schema import codes as pages
from yamlflow.schema.catalogue import CODES, nearest
from yamlflow.schema.codes.text import CODES as TEXT

PACKAGE = Path(__file__).parents[2] / "yamlflow" / "schema"
SHOWN_IN_WORDS = {"unreadable-file", "encoding"}  # no text gives them: the page says how they come about
READER = ("entries", "events", "findings", "limits", "problems", "source", "traps", "tree")


def test_a_code_is_a_word_and_has_a_page():
    for name, page in CODES.items():
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name)
        assert page.title
        assert page.explanation.endswith(".")


def test_no_code_has_two_pages():
    all_pages = [
        page.code
        for found in iter_modules(pages.__path__)
        for page in import_module(f"{pages.__name__}.{found.name}").CODES
    ]
    assert len(all_pages) == len(set(all_pages)) == len(CODES)


@pytest.mark.parametrize("page", [page for page in TEXT if page.code not in SHOWN_IN_WORDS], ids=lambda page: page.code)
def test_the_bad_example_gives_the_code_and_the_good_one_nothing(page):
    assert set(codes(page.bad)) == {page.code}
    assert codes(page.good) == []


def test_every_code_that_the_reader_gives_has_a_page():
    given = set()
    for module in READER:
        for node in ast.walk(ast.parse(next(PACKAGE.rglob(f"{module}.py")).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Diagnostic", "_at_start"}:
                given |= {
                    word.value
                    for word in node.args
                    if isinstance(word, ast.Constant) and re.fullmatch(r"[a-z-]+", str(word.value))
                }
    assert {"limit", "tag", "encoding", "unclosed"} <= given
    assert given - set(CODES) == set()


def test_a_misspelt_code_is_recognized():
    assert nearest("dupliacte-key") == "duplicate-key"
    assert nearest("zzz") is None
