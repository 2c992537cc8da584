"""Durations, sizes and columns read the same everywhere."""

from __future__ import annotations

import pytest

from yamlflow.cli.output.words import columns, command, count, duration, glyph, size
from yamlflow.core.messages import State


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.0421, "42ms"),
        (0.0999, "0.1s"),
        (1.25, "1.2s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (3599.6, "1h00m"),
        (7620, "2h07m"),
        (90_000, "1d1h"),
        (-1, "0ms"),
    ],
)
def test_a_duration_is_short_and_never_shows_sixty_seconds(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count_", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB"), (1 << 50, "1024.0 TiB")]
)
def test_a_size_has_a_unit_of_1024(count_, text):
    assert size(count_) == text


def test_a_count_has_its_plural():
    assert [count(n, "task") for n in (0, 1, 2)] == ["0 tasks", "1 task", "2 tasks"]


def test_a_printed_command_is_quoted_for_the_shell():
    assert command("logs", "last", "fit[model=xgb,fold=2]") == "yamlflow logs last 'fit[model=xgb,fold=2]'"


def test_columns_are_aligned_and_never_end_in_blanks():
    assert columns([["a", "bb", ""], ["ccc", "d", "e"]]) == ["a    bb", "ccc  d   e"]


def test_every_state_has_a_glyph_also_without_unicode():
    for state in State:
        assert len(glyph(state.value)) == 1
        assert glyph(state.value, unicode=False).isascii()
