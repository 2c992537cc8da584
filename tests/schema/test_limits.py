"""Large, deep and hostile text: refused with a place, and soon."""

from __future__ import annotations

import time

import pytest

from tests.schema.reading import codes, findings, plain, read
from yamlflow.schema.diagnostics import render
from yamlflow.schema.nodes import parse
from yamlflow.schema.source import MAX_BYTES, Source

FULL = MAX_BYTES - 64
SOON = 5.0  # seconds: ten times what the slowest takes on an idle machine


def laughs(width: int, depth: int) -> str:
    lines = ["x0: &x0 [" + ", ".join(["lol"] * width) + "]"]
    lines += [f"x{i}: &x{i} [" + ", ".join([f"*x{i - 1}"] * width) + "]" for i in range(1, depth)]
    return "\n".join(lines) + "\n"


def test_text_of_256_kib_is_read_and_more_is_not():
    assert codes("a: 1\n" + "#" * (MAX_BYTES - 5)) == []
    assert codes("a: 1\n" + "#" * (MAX_BYTES - 4)) == ["limit"]
    assert codes("a: " + "é" * (MAX_BYTES // 2)) == ["limit"]


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ("{a: ", "}")])
def test_64_levels_are_read_and_65_are_not(opened, closed):
    assert codes(opened * 64 + closed * 64) == []
    assert codes(opened * 65 + closed * 65) == ["limit"]


def test_64_levels_of_indentation_are_read_and_65_are_not():
    assert codes("".join(" " * level + "a:\n" for level in range(64))) == []
    (found,) = findings("".join(" " * level + "a:\n" for level in range(65)))
    assert (found.code, found.span.line) == ("limit", 65)


def test_levels_are_counted_through_aliases():
    inner = "a: &a " + "[" * 40 + "]" * 40 + "\n"
    assert codes(inner + "b: " + "[" * 23 + "*a" + "]" * 23 + "\n") == []
    assert codes(inner + "b: " + "[" * 24 + "*a" + "]" * 24 + "\n") == ["limit"]


def test_levels_are_counted_through_aliases_of_aliases():
    lines = ["a0: &a0 []"] + [f"a{i}: &a{i} [[[[*a{i - 1}]]]]" for i in range(1, 20)]
    assert codes("\n".join(lines) + "\n") == ["limit"]


def test_20000_nodes_are_read_and_one_more_is_not():
    assert codes("[" + "a," * 19_999 + "]") == []
    assert codes("[" + "a," * 20_000 + "]") == ["limit"]


def test_nodes_are_counted_as_often_as_they_are_used():
    base = "a: &a [" + "a," * 5_000 + "]\n"
    assert codes(base + "b: [*a, *a]\n") == []
    assert codes(base + "b: [*a, *a, *a]\n") == ["limit"]


def test_1000_aliases_are_read_and_one_more_is_not():
    assert codes("a: &a 1\nb: [" + "*a, " * 1_000 + "]\n") == []
    assert codes("a: &a 1\nb: [" + "*a, " * 1_001 + "]\n") == ["limit"]


def test_100_merges_are_read_and_one_more_is_not():
    def merges(count: int) -> str:
        return "a: &a {x: 1}\n" + "".join(f"k{i}: {{<<: *a}}\n" for i in range(count))

    assert codes(merges(100)) == []
    assert codes(merges(101)) == ["limit"]
    assert codes("a: &a {x: 1}\nb: {<<: [" + "*a, " * 101 + "]}\n") == ["limit"]


def test_a_text_may_be_ten_times_as_large_with_its_aliases_and_no_larger():
    base = "a: &a " + "x" * 1_000 + "\n"
    assert codes(base + "b: [" + ", ".join(["*a"] * 8) + "]\n") == []
    assert codes(base + "b: [" + ", ".join(["*a"] * 11) + "]\n") == ["limit"]


@pytest.mark.parametrize(("width", "depth"), [(9, 9), (2, 40), (50, 5)])
def test_a_billion_laughs_are_refused_where_they_become_too_many(width, depth):
    (found,) = findings(laughs(width, depth))
    assert found.code == "limit"
    assert laughs(width, depth).splitlines()[found.span.line - 1][found.span.column - 1] == "*"


HOSTILE = {
    "brackets": "[" * 5_000,
    "braces": "{" * 5_000,
    "brackets and braces": "[{" * 5_000,
    "brackets, one a line": "[\n" * 5_000,
    "question marks": "? " * 5_000,
    "keys of keys": "[? a : b," * 5_000,
    "dashes": "- " * 5_000,
    "colons": ": " * (FULL // 2),
    "colons without blanks": ":" * FULL,
    "pairs": "a: b\n" * (FULL // 5),
    "the same key": "a: 1\n" * 9_000,
    "items": "[" + "a," * (FULL // 2 - 1) + "]",
    "an open list": "[" + "a," * (FULL // 2),
    "an open mapping": "{" + "a: b,\n" * (FULL // 7),
    "open calls": "[" + "f(," * 9_000 + "]",
    "open calls in braces": "{a: f(" + ",f(" * 9_000 + "}",
    "bare keys": "{" + "a," * 9_000 + "}",
    "an open quote": '"' + "x" * FULL,
    "an open quote of many lines": '"' + "x\n" * (FULL // 2),
    "quotes": "'" * FULL,
    "escapes": '"' + "\\n" * (FULL // 2),
    "words": "x " * (FULL // 2),
    "lines": "x\n" * (FULL // 2),
    "blank lines": "\n" * FULL,
    "comments": "#\n" * (FULL // 2),
    "tags": "!" * FULL,
    "many tags": "! " * (FULL // 2),
    "tagged items": "- !x\n" * 9_000,
    "directives": "%a\n" * (FULL // 3),
    "documents": "---\n" * (FULL // 4),
    "anchors": "&a " * (FULL // 3),
    "one long anchor": "&" + "a" * FULL,
    "aliases": "*a " * (FULL // 3),
    "unquoted indexes": "a: {b: x[0]}\n" * 18_000,
    "unquoted signs": "- @a\n" * 50_000,
    "tabs": "a:\t1\n" * 40_000,
    "holes": "a: [b, " + "${{ " * 60_000,
    "control characters": "\x01" * FULL,
    "a block": "a: |\n" + "  x\n" * (FULL // 4),
    "a block of growing blanks": "a: |\n" + "".join(" " * width + "\n" for width in range(700)),
    "laughs": laughs(9, 20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_answered_soon(name):
    source = Source("p.yaml", HOSTILE[name])
    began = time.process_time()
    root, found = parse(source)
    answers = [render(one, lambda _: source) for one in found]
    assert time.process_time() - began < SOON
    assert root is not None or answers
    assert len(answers) < 1_000
    assert all(len(line) < 1_000 for answer in answers for line in answer.splitlines())


@pytest.mark.parametrize("name", ["brackets", "braces", "brackets and braces", "keys of keys", "question marks"])
def test_deep_text_is_refused_in_less_than_half_a_second(name):
    began = time.process_time()
    assert codes(HOSTILE[name]) == ["limit"]
    assert time.process_time() - began < 0.5


def test_a_pipeline_of_fifty_steps_is_read_quickly():
    text = "yamlflow: 1\nsteps:\n" + "".join(
        f"  step_{i}:\n    run: pkg.mod:f{i}\n    inputs: {{data: steps.s{i}, model: each.m}}\n    with: {{x: 1}}\n"
        for i in range(50)
    )
    plain(read(text))  # what is read once may be read by a warm program
    began = time.process_time()
    plain(read(text))
    assert time.process_time() - began < 0.1
