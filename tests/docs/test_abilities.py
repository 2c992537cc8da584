"""The README says of each executor what the contract's tests hold it to."""

from __future__ import annotations

from tests.docs.abilities import table
from tests.docs.blocks import ROOT


def test_the_table_of_what_executors_can_do_is_the_registrys():
    assert table() in (ROOT / "README.md").read_text(encoding="utf-8")
