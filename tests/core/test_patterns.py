"""What the patterns of `code: {include, exclude}` fit."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yamlflow.core.patterns import PatternError, parse_pattern, pattern_of
from yamlflow.schema.model.pipeline import _FILES_PATTERN

FITS = [
    ("*.ipynb", "a.ipynb", "deep/er/a.ipynb", "folder.ipynb/x.py"),
    ("notebooks", "notebooks", "notebooks/a.py", "deep/notebooks/b/c.py"),
    ("notebooks/", "notebooks/a.py", "deep/notebooks/b/c.py"),
    ("/data", "data", "data/x.csv"),
    ("./data", "data/x.csv"),
    ("data/raw", "data/raw", "data/raw/x.csv"),
    ("data/*.csv", "data/x.csv"),
    ("**/raw", "raw", "data/raw/x", "a/b/raw"),
    ("data/**/x.csv", "data/x.csv", "data/a/b/x.csv"),
    ("data/**", "data/x", "data/a/b"),
    ("**", "x", "a/b"),
    ("data/**/**", "data/x", "data/a/b"),
    ("**/**/raw", "raw", "a/b/raw"),
    ("*", "x", "a/b"),
    ("?.py", "a.py", "x/b.py"),
    ("a*b*c", "abc", "a1b2c", "axbxbxc"),
    ("*test*_*", "test_x", "my_tests_x"),
    ("a.b", "a.b"),
    ("line\nend", "line\nend"),
]
MISSES = [
    ("*.ipynb", "a.ipynb2", "a_ipynb"),
    ("notebooks", "notebooks2/a", "my_notebooks"),
    ("notebooks/", "notebooks", "deep/notebooks"),
    ("/data", "deep/data", "data2"),
    ("./data", "deep/data"),
    ("data/raw", "deep/data/raw", "data/raws"),
    ("data/*.csv", "data/deep/x.csv", "x/data/a.csv"),
    ("data/**/x.csv", "x.csv", "data/ax.csv", "datax.csv"),
    ("data/**", "data", "deep/data/x"),
    ("?.py", ".py", "ab.py", "a/py"),
    ("a*b*c", "acb", "ab/c"),
    ("a.b", "axb"),
]
REFUSED = ["!a", "a\\b", "[ab]", "{a,b}", "../a", "a/../b", "a**", "**a/b", "/", ".", "./", "//"]


@pytest.mark.parametrize(("text", "names"), [(text, names) for text, *names in FITS], ids=str)
def test_a_pattern_fits_files_and_all_in_folders_it_fits(text, names):
    assert [name for name in names if not parse_pattern(text).fits(name)] == []


@pytest.mark.parametrize(("text", "names"), [(text, names) for text, *names in MISSES], ids=str)
def test_a_pattern_fits_nothing_else(text, names):
    assert [name for name in names if parse_pattern(text).fits(name)] == []


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_dialect_does_not_have_is_refused_with_what_to_write(text):
    with pytest.raises(PatternError) as refused:
        parse_pattern(text)
    assert refused.value.message and refused.value.hint


@given(st.text("ab*?./[{!\\ ", min_size=1, max_size=8).filter(str.strip))
def test_the_json_schema_takes_what_is_a_pattern_and_nothing_else(text):
    try:
        parse_pattern(text)
        taken = True
    except PatternError:
        taken = False
    assert (re.fullmatch(_FILES_PATTERN, text) is not None) == taken


@given(
    st.lists(st.text("abc.*?[{\\é\n", min_size=1, max_size=5).filter(lambda part: part not in (".", "..")), min_size=1)
)
def test_a_name_has_a_pattern_that_fits_it(parts):
    import json

    name = "/".join(parts)
    text = pattern_of(name)
    assert parse_pattern(json.loads(text) if text.startswith('"') else text).fits(name)


def test_many_stars_take_no_longer_than_one():
    pattern = parse_pattern("a*" * 40 + "b")
    started = time.process_time()
    assert not pattern.fits("a" * 250 + "c")
    assert time.process_time() - started < 1  # with backtracking it would be years
