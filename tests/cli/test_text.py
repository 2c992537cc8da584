"""No text of a task reaches a terminal as anything but text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yamlflow.cli.output.text import clean, log_line, one_line, safe_json

DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("\x9b31mred", "red"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$tq\x1b\\after", "after"),
        ("\x1b(Btext\x1b7\x1b8\x1bc", "text"),
        ("bell\x07", "bell"),
        ("10%\r50%\r100%", "100%"),
        ("10%\r50%\r", "50%"),
        ("one\r\ntwo", "one\ntwo"),
        ("ab\x08c", "ac"),
        ("abc\u202edef", "abcdef"),
        ("zero\u200bwidth", "zerowidth"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("lone \udc80 surrogate", "lone  surrogate"),
        ("unfinished \x1b[3", "unfinished 3"),
        ("unfinished \x1b]0;title", "unfinished "),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(raw, shown):
    assert clean(raw) == shown


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b[]0m;\x07\x9b\r\x08\u202e")), max_size=60))
def test_nothing_dangerous_is_left_of_any_text(raw):
    assert not DANGEROUS.search(clean(raw))


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b[]0m;\x07\x9b\r\x08\u202e")), max_size=60))
def test_cleaning_twice_is_cleaning_once(raw):
    assert clean(clean(raw)) == clean(raw)


def test_one_line_folds_white_space_and_cuts():
    assert one_line("a\n  b\t c") == "a b c"
    assert one_line("x" * 300, 10) == "x" * 9 + "…"


def test_a_log_line_survives_bytes_that_are_no_text():
    assert log_line(b"caf\xe9 \xff\x1b[1m!\n") == "caf\ufffd \ufffd!"


def test_a_log_line_is_cut_at_4_kib_and_says_so():
    assert log_line(b"x" * 100_000).endswith(" … (line cut)")
    assert len(log_line(b"x" * 100_000)) < 5000


def test_json_for_people_holds_no_raw_control_character_and_says_the_same():
    import json

    value = {"a\u202e": "x\x9b31m\x1b", "é": 1}
    text = safe_json(value)
    assert not DANGEROUS.search(text)
    assert "é" in text
    assert json.loads(text) == value
