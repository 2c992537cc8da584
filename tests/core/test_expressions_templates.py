"""Text with holes."""

# ruff: noqa: PT017 - a property says what holds whether or not there is an error

from datetime import date, datetime
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yamlflow.core.expressions import (
    ExpressionError,
    NeedsWorkerError,
    Template,
    Values,
    fill,
    looks_like_expression,
    parse_template,
    render,
)
from yamlflow.core.values import ArtifactRef

PARAMS = {
    "n": 3,
    "half": 0.5,
    "yes": True,
    "name": "fit",
    "day": date(2026, 1, 31),
    "time": datetime(2026, 1, 31, 6),  # noqa: DTZ001
    "path": PurePosixPath("/data/x"),
    "list": [1, 2],
    "none": None,
    "map": {"a": 1},
    "sneaky": "${{ params.n }}",
    "ref": ArtifactRef("0" * 64, "file", 1, name="x.csv"),
    "np": np.float64(0.25),
}


def rendered(text):
    template = parse_template(text)
    return template if isinstance(template, str) else render(template, Values({"params": PARAMS}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("s3://raw/${{ params.day }}/x", "s3://raw/2026-01-31/x"),
        ("${{ params.n }}${{params.name}}", "3fit"),
        ("n=${{ params.n }}, h=${{ params.half }}, y=${{ params.yes }}", "n=3, h=0.5, y=true"),
        ("${{ params.path }}/y ${{ params.time }}", "/data/x/y 2026-01-31T06:00:00"),
        ("x${{ params.np }}", "x0.25"),
        ("x${{ 1e16 }} ${{ 1 / 3 }}", "x1e+16 0.3333333333333333"),
        ("${{ params.n }}", 3),
        ("${{ params.list }}", [1, 2]),
        ("${{params.none}}", None),
        (" ${{ params.n }}", " 3"),
        ("$${{ params.n }}", "${{ params.n }}"),
        ("$${{ a }} ${{ params.n }} }}", "${{ a }} 3 }}"),
        ("$$${{ a }}", "$${{ a }}"),
        ("${ params.n } $params {{ n }} }}", "${ params.n } $params {{ n }} }}"),
        ("x${{ params.sneaky }}", "x${{ params.n }}"),
        ("${{ '}}' + params.name }}!", "}}fit!"),
        ('${{ to_json({"a": {"b": params.n}}) }}!', '{"a": {"b": 3}}!'),
        ('${{ {"a": {"b": params.n}}}}', {"a": {"b": 3}}),
        ("${{ params.n\n + 1 }} lines", "4 lines"),
        ("é ${{ params.n }} 😀 ${{ params.name }}", "é 3 😀 fit"),
    ],
)
def test_a_template_gives(text, expected):
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("a ${{ params.n", "${{", "$${{ for a literal"),
        ("a ${{ }} b", "${{ }}", "empty"),
        ("é ${{ parms.n }} b", "parms", "`params`"),
        ("é ${{ foo( }} b", "(", "never closed"),
        ("é ${{ it's }} b", "'s ", "never closed"),
        ("é ${{ 1 + }} b", "+", "no expression"),
        ("${{ a && b }}", "&&", "`and`"),
        ("${{ 1 }} ${{ ${{ params.n }} }}", "$", "without ${{"),
    ],
)
def test_a_broken_hole_is_an_error_at_its_place_in_the_text(text, place, word):
    with pytest.raises(ExpressionError) as caught:
        parse_template(text)
    error = caught.value
    assert text[error.start : error.end] == place
    assert word in f"{error.message} {error.hint}"


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("x${{ params.list }}", "${{ params.list }}", "to_json(x)"),
        ("é${{ params.map }}", "${{ params.map }}", "to_json(x)"),
        ("x ${{ params.none }}", "${{ params.none }}", "coalesce"),
        ("é ${{ params.nope }}", "nope", "It has"),
        ("${{ 'a' + 1 }}", "'a' + 1", "do not mix"),
    ],
)
def test_what_does_not_fill_a_hole_is_an_error_at_its_place_in_the_text(text, place, word):
    with pytest.raises(ExpressionError) as caught:
        rendered(text)
    error = caught.value
    assert text[error.start : error.end] == place
    assert word in f"{error.message} {error.hint}"


def test_references_have_their_places_in_the_text():
    text = "é ${{ params.a }} $${{ params.x }} ${{ steps.b.c }}"
    template = parse_template(text)
    assert isinstance(template, Template)
    assert [text[one.start : one.end] for one in template.references] == ["params.a", "steps.b.c"]
    assert [text[hole.start : hole.end] for hole in template.holes] == ["${{ params.a }}", "${{ steps.b.c }}"]


def test_whole_is_the_expression_of_a_template_that_is_one_hole():
    assert parse_template("${{ params.a }}").whole.references[0].path == ("a",)
    assert parse_template("${{ params.a }} ").whole is None
    assert parse_template("${{ params.a }}${{ params.b }}").whole is None


def test_a_hole_that_needs_content_needs_a_worker_unless_it_is_passed_on_whole():
    assert rendered("${{ params.ref }}") == PARAMS["ref"]
    with pytest.raises(NeedsWorkerError):
        rendered("--in=${{ params.ref }}")
    template = parse_template("--in=${{ params.ref }}")
    assert render(template, Values({"params": PARAMS}), lambda ref: PurePosixPath("/s") / ref.name) == "--in=/s/x.csv"


def test_fill_is_for_single_values_too():
    assert [fill(one) for one in (True, 1, 0.5, "a", date(2026, 1, 2))] == ["true", "1", "0.5", "a", "2026-01-02"]
    with pytest.raises(ExpressionError, match="fills no hole"):
        fill([1])


def test_text_that_was_meant_as_an_expression_is_noticed():
    assert looks_like_expression("params.n * 2")
    assert looks_like_expression("steps.fit.auc")
    assert looks_like_expression("run.date")
    for text in (
        "fast",
        "params",
        "see params.n",
        "run.sh",
        "s3://x/params.n",
        "'params.n'",
        "1",
        "",
        "a.b",
        "x" * 3000,
    ):
        assert not looks_like_expression(text), text
    assert not looks_like_expression("params.json", lambda found: found.path[0] == "n")
    assert looks_like_expression("params.n", lambda found: found.path[0] == "n")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="${} }ab'\"\n()é", max_size=40))
def test_any_text_is_a_template_or_an_error_in_its_bounds(text):
    try:
        parse_template(text)
    except ExpressionError as error:
        assert 0 <= error.start <= error.end <= len(text)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="${} }ab'\"\n", max_size=40) | st.text())
def test_escaping_every_hole_gives_the_text_back(text):
    assert parse_template(text.replace("${{", "$${{")) == text
