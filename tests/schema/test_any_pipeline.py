"""Whatever is done to a pipeline: the door answers with a graph or with findings that have a place."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schema.test_any_text import DOCUMENTS, inside
from yamlflow.schema.diagnostics import render
from yamlflow.schema.loader import check_text

WORDS = ["null", "1", "[]", "{}", "true", "''", "steps.a", "params.x", "each.x", '"${{ x }}"', "1h", "-1", "{a: [b]}"]
WORDS += [
    "3.10",
    "run.id",
    "99999999999",
    "1e300",
    "range(3)",
    "[[1, 2], [3]]",
    "steps",
    "foreach",
    "when",
    "é",
    '"\\e"',
]
WORD = re.compile(r"[\w.]+|\[[^\]\n]*\]|\{[^}\n]*\}|\"[^\"\n]*\"")


@st.composite
def reworded(draw) -> str:
    """A document of the golden cases with a few of its words replaced by others, or its lines moved."""
    text = draw(st.sampled_from(DOCUMENTS))
    for _ in range(draw(st.integers(1, 4))):
        words = [found.span() for found in WORD.finditer(text)]
        if words:
            start, end = draw(st.sampled_from(words))
            other = draw(st.one_of(st.sampled_from(WORDS), st.sampled_from(words)))
            text = text[:start] + (other if isinstance(other, str) else text[slice(*other)]) + text[end:]
    return text


@given(reworded())
@settings(max_examples=200)
def test_any_reworded_pipeline_is_answered(text):
    loaded = check_text(text)
    for finding in loaded.diagnostics:
        source = loaded.source(finding.span.path)
        assert source is None or inside(source, finding.span), finding
        assert render(finding, loaded.source)
