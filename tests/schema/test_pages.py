"""The examples on the pages of the rules are true."""

from __future__ import annotations

import pytest

from yamlflow.schema.codes.names import CODES as NAMES
from yamlflow.schema.codes.work import CODES as WORK
from yamlflow.schema.loader import check_text

PAGES = [page for page in (*NAMES, *WORK) if not page.bad.startswith("#")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_bad_example_gives_the_code_and_the_good_one_nothing(page):
    bad = check_text(page.bad).diagnostics
    assert {(found.code, found.severity) for found in bad} == {(page.code, page.severity)}
    assert check_text(page.good).diagnostics == ()
