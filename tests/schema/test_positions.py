"""From an offset in a value to the place where it was written."""

from __future__ import annotations

import pytest

from yamlflow.schema.source import Source
from yamlflow.schema.text.positions import within

CASES = [
    ("plain", "steps.fit.x", "steps.fit.x", "fit", "fit"),
    ("single quotes", "'it''s a == ''b'''", "it's a == 'b'", "'b'", "''b''"),
    ("double quotes", '"a\\"b c\\u0041d"', 'a"b cAd', "Ad", "\\u0041d"),
    ("folded", ">-\n  steps.a\n  + steps.b", "steps.a + steps.b", "steps.b", "steps.b"),
    ("literal", "|\n  steps.a\n  + steps.b\n", "steps.a\n+ steps.b\n", "steps.b", "steps.b"),
    ("block with a comment", ">- # why\n  steps.a", "steps.a", "steps.a", "steps.a"),
    ("several plain lines", "steps.a\n   + steps.b", "steps.a + steps.b", "steps.b", "steps.b"),
    ("a folded double quote", '"x \\\n   y"', "x y", "y", "y"),
    ("an alias", "*anchor", "steps.fit", "fit", "*anchor"),
]


@pytest.mark.parametrize(
    ("written", "value", "part", "found"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_part_of_a_value_is_found_where_it_was_written(written, value, part, found):
    source = Source("p.yaml", "key: " + written)
    start = value.index(part)
    span = within(source, source.span(5, 5 + len(written)), value, start, start + len(part))
    assert source.text[source.index(span.line, span.column) : source.index(span.end_line, span.end_column)] == found


def test_an_offset_past_the_end_is_the_last_character():
    source = Source("p.yaml", "steps.a +")
    span = within(source, source.span(0, 9), "steps.a +", 9, 9)
    assert (span.column, span.end_column) == (9, 10)


def test_without_the_text_the_whole_scalar_is_shown():
    span = Source("p.yaml", "steps.a").span(0, 7)
    assert within(None, span, "steps.a", 2, 3) == span
