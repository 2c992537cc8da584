"""Findings as text, as one line and as data."""

from __future__ import annotations

import json

import pytest

from yamlflow.schema.diagnostics import (
    Diagnostic,
    Note,
    Severity,
    Span,
    file_order,
    render,
    render_concise,
    to_json,
    without_echoes,
)
from yamlflow.schema.source import Source


def span(line=1, column=1, end_column=None, end_line=None, path="p.yaml") -> Span:
    return Span(path, line, column, end_line or line, end_column or column + 1)


def shown(text: str, where: Span, **more) -> list[str]:
    found = Diagnostic("a-code", "the message", where, **more)
    return render(found, lambda path: Source(path, text)).split("\n")


def test_the_full_form_is_that_of_the_manual():
    text = "\n" * 46 + "        inputs: {daat: steps.split, model: each.model}\n"
    found = Diagnostic(
        "unknown-argument",
        "`churn.train:fit` has no parameter `daat`",
        Span("pipeline.yaml", 47, 18, 47, 22),
        notes=(
            Note(
                "def fit(data: Path, model: str, fold: int, lr: float = 0.1)", Span("src/churn/train.py", 88, 1, 88, 4)
            ),
        ),
        help="did you mean `data`?",
    )
    assert (
        render(found, lambda path: Source(path, text))
        == """\
pipeline.yaml:47:18: error[unknown-argument]: `churn.train:fit` has no parameter `daat`
   |
47 |         inputs: {daat: steps.split, model: each.model}
   |                  ^^^^
   = note: def fit(data: Path, model: str, fold: int, lr: float = 0.1)   src/churn/train.py:88
   = help: did you mean `data`?"""
    )


def test_the_short_form_is_one_line():
    found = Diagnostic("a-code", "two\nlines", span(3, 4), Severity.WARNING, help="help")
    assert render_concise(found) == "p.yaml:3:4: warning[a-code]: two\\x0alines"


def test_without_the_source_the_excerpt_is_left_out():
    found = Diagnostic("a-code", "the message", span(3, 4), help="help")
    assert render(found, lambda _: None).split("\n") == ["p.yaml:3:4: error[a-code]: the message", "  = help: help"]


def test_a_line_that_the_source_does_not_have_is_left_out():
    assert len(shown("one line\n", span(9, 1))) == 1


def test_a_span_without_width_has_one_caret():
    assert shown("key:\n", Span("p.yaml", 1, 5, 1, 5))[2:] == ["1 | key:", "  |     ^"]


def test_a_span_of_several_lines_is_marked_to_the_end_of_its_first():
    assert shown("a: b c  \n  d\n", Span("p.yaml", 1, 4, 2, 4))[3] == "  |    ^^^"


def test_wide_characters_take_two_cells():
    assert shown("数据: x\n", span(1, 5, 6))[3] == "  |       ^"
    assert shown("数据: x\n", span(1, 1, 3))[3] == "  | ^^^^"


def test_combining_characters_take_none():
    assert shown("e\u0301: x\n", span(1, 5, 6))[3] == "  |    ^"


def test_tabs_become_spaces():
    assert shown("a\tb: x\n", span(1, 3, 4))[2:] == ["1 | a   b: x", "  |     ^"]


@pytest.mark.parametrize(
    ("char", "escape"),
    [("\x1b", "\\x1b"), ("\u202e", "\\u202e"), ("\u200b", "\\u200b"), ("\ud800", "\\ud800"), ("\x9b", "\\x9b")],
)
def test_no_control_character_reaches_the_terminal(char, escape):
    found = Diagnostic("a-code", f"m{char}", span(1, 4, 5, path=f"p{char}"), notes=(Note(f"n{char}"),), help=f"h{char}")
    text = render(found, lambda path: Source(path, f"a: {char}x\n"))
    assert char not in text
    assert text.count(escape) == 5
    assert f"  |    {'^' * len(escape)}" in text.split("\n")


@pytest.mark.parametrize("column", [1, 30, 500, 4_990, 5_001])
def test_a_long_line_is_cut_around_the_caret(column):
    line = "".join(f"{number:05}" for number in range(1000))
    _, _, text, carets = shown(line, span(1, column, column + 1))
    assert len(text) < 130
    if column <= len(line):
        assert text[carets.index("^")] == line[column - 1]
    assert ("…" in text) is True


def test_a_long_span_is_cut_too():
    _, _, text, carets = shown("a: " + "x" * 9_000, span(1, 4, 9_004))
    assert len(text) < 130
    assert len(carets) <= len(text)


def test_a_help_of_several_lines_is_aligned():
    assert shown("a\n", span(), help="one:\n  two")[-2:] == ["  = help: one:", "            two"]


def test_a_note_shows_its_place_with_the_column_when_it_is_not_the_first():
    notes = (Note("first here", span(2, 7)), Note("there", span(3, 1)), Note("no place"))
    assert shown("a\n", span(), notes=notes)[-3:] == [
        "  = note: first here   p.yaml:2:7",
        "  = note: there   p.yaml:3",
        "  = note: no place",
    ]


def test_the_data_has_every_key_and_is_json():
    found = Diagnostic("a-code", "m", span(1, 2, 3), notes=(Note("n", span(4, 5, 6)), Note("o")))
    assert json.loads(json.dumps(to_json(found))) == {
        "code": "a-code",
        "severity": "error",
        "message": "m",
        "path": "p.yaml",
        "line": 1,
        "column": 2,
        "end_line": 1,
        "end_column": 3,
        "notes": [
            {"text": "n", "span": {"path": "p.yaml", "line": 4, "column": 5, "end_line": 4, "end_column": 6}},
            {"text": "o", "span": None},
        ],
        "help": None,
    }


def test_findings_are_put_in_file_order_and_repeats_dropped():
    one, two, three = (Diagnostic("c", "m", span(*place)) for place in [(2, 1), (1, 9), (1, 10)])
    assert file_order([one, three, two, one]) == [two, three, one]


def test_a_later_finding_about_a_known_mistake_is_an_echo():
    known = Diagnostic("syntax", "m", span(2, 5, 12))
    echo = Diagnostic("wrong-type", "m", span(2, 5, 12))
    inner = Diagnostic("wrong-type", "m", span(2, 6, 8))
    parent = Diagnostic("missing-key", "m", Span("p.yaml", 1, 1, 3, 1))
    other = Diagnostic("wrong-type", "m", span(3, 5, 12))
    assert without_echoes([known], [echo, inner, parent, other]) == [parent, known, other]


def test_a_warning_hides_nothing():
    warning = Diagnostic("w", "m", span(2, 5, 12), Severity.WARNING)
    error = Diagnostic("e", "m", span(2, 5, 12))
    assert set(without_echoes([warning], [error])) == {warning, error}
