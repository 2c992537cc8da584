"""Plain scalars by YAML 1.2's core schema."""

from __future__ import annotations

import math

import pytest

from tests.schema.reading import codes, read
from yamlflow.schema.nodes import Mapping, Scalar


def value(text: str) -> Scalar:
    root = read(f"a: {text}\n")
    assert isinstance(root, Mapping)
    node = root.get("a")
    assert isinstance(node, Scalar)
    return node


@pytest.mark.parametrize(
    "text",
    [
        "NO",
        "no",
        "yes",
        "on",
        "Off",
        "y",
        "2024-01-31",
        "12:30",
        "1_000",
        "0b11",
        "0o8",
        "0xg",
        "1e",
        "--1",
        "=",
        ".",
        "1.2.3",
        "tRue",
    ],
)
def test_words_that_other_readers_convert_are_strings(text):
    assert value(text).value == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *[(text, None) for text in ("~", "null", "Null", "NULL", "")],
        *[("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)],
        *[("0", 0), ("-0", 0), ("+7", 7), ("010", 10), ("0o17", 15), ("0x1F", 31), ("9223372036854775807", 2**63 - 1)],
        *[
            ("3.10", 3.1),
            ("1e5", 1e5),
            ("-.5", -0.5),
            ("1.", 1.0),
            ("+1.5E-3", 0.0015),
            ("-.inf", -math.inf),
            (".Inf", math.inf),
        ],
    ],
)
def test_plain_scalars_have_their_type(text, meant):
    got = value(text).value
    assert got == meant
    assert type(got) is type(meant)


def test_not_a_number_is_read():
    number = value(".nan").value
    assert isinstance(number, float)
    assert math.isnan(number)


@pytest.mark.parametrize("text", ["010", "1e5", "3.10", "0x1F", "True", "~"])
def test_the_source_text_is_kept(text):
    assert value(text).text == text


@pytest.mark.parametrize("text", ["'1'", '"true"', "'null'", '""'])
def test_a_quoted_scalar_is_a_string(text):
    node = value(text)
    assert node.quoted
    assert node.value == node.text == text[1:-1]


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "-9223372036854775809", "0x8000000000000000", "9" * 5000, "1e400", "-1e400"]
)
def test_a_number_that_64_bits_cannot_hold_is_an_error(text):
    assert codes(f"a: {text}\n") == ["number-range"]


def test_a_pair_of_escaped_surrogates_is_one_character():
    assert value('"\\ud83d\\ude00"').value == "\U0001f600"


def test_a_block_scalar_is_a_string():
    assert value("|\n  12\n").value == "12\n"
