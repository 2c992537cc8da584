"""Where values stand, by the path of keys that leads to them."""

from __future__ import annotations

from tests.schema.decoding import decoded
from yamlflow.schema.diagnostics import Span

TEXT = """yamlflow: 1
steps:
  fit:
    run: m:f
    inputs: {data: steps.prep}
    with: {uri: "s3://${{ run.date }}"}
    needs: [prep, clean]
"""


def test_a_value_and_its_key_have_places():
    spans = decoded(TEXT)[1]
    assert spans.value(("steps", "fit", "inputs", "data")) == Span("p.yaml", 5, 20, 5, 30)
    assert spans.key(("steps", "fit", "inputs", "data")) == Span("p.yaml", 5, 14, 5, 18)


def test_an_item_of_a_list_is_its_own_key():
    spans = decoded(TEXT)[1]
    assert (
        spans.value(("steps", "fit", "needs", 1))
        == spans.key(("steps", "fit", "needs", 1))
        == Span("p.yaml", 7, 19, 7, 24)
    )


def test_what_is_not_in_the_file_stands_at_the_nearest_key_above():
    spans = decoded(TEXT)[1]
    assert spans.value(("steps", "fit", "retry", "attempts")) == Span("p.yaml", 3, 3, 3, 6)
    assert spans.key(("steps", "fit", "inputs", "other")) == Span("p.yaml", 5, 5, 5, 11)
    assert spans.key(("nothing",)) == Span("p.yaml", 1, 1, 1, 1)


def test_what_is_in_the_file_is_known():
    spans = decoded(TEXT)[1]
    assert spans.has(("steps", "fit", "needs", 0))
    assert not spans.has(("steps", "fit", "needs", 2))
    assert not spans.has(("steps", "fit", "run", "x"))


def test_expressions_and_templates_are_listed_with_their_places():
    texts = decoded(TEXT)[1].texts
    assert [(text.path[2:], text.language, text.text) for text in texts] == [
        (("inputs", "data"), "expression", "steps.prep"),
        (("with", "uri"), "template", "s3://${{ run.date }}"),
    ]
    assert texts[0].scalar.span == Span("p.yaml", 5, 20, 5, 30)
