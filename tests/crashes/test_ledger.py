"""The judge of the crash tests sees each way to break the promise; a judge that cannot complain proves nothing."""

from __future__ import annotations

import pytest

from tests.crashes.ledger import complaints, in_flight

GOOD = ["start a a1 10 5", "end a a1", "start b b1 11 5", "used a a1 b", "end b b1"]


def test_a_story_that_went_well_has_no_complaints():
    assert complaints(GOOD, ["a", "b"]) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["start a a1 10 5"], "lost: a"),
        ([*GOOD, "start c c1 12 5"], "nobody asked for c"),
        (
            ["start a a1 10 5", "end a a1", "start a a2 12 5", *GOOD[1:]],
            "run again: a, although nothing happened to a1",
        ),
        ([*GOOD, "kill x", "start a a2 12 5", "end a a2"], "run again: a, whose result a reader had been given"),
        ([*GOOD, "start c c1 12 5", "used a a2 c", "end c c1"], "kept twice: readers of a"),
        (["start a a1 10 5", *GOOD[2:]], "kept without an end: a a1"),
    ],
)
def test_what_breaks_the_promise_is_seen(lines, words):
    assert any(words in found for found in complaints(lines, ["a", "b"]))


@pytest.mark.parametrize("between", ["fail a a1", "kill submit", "hit 10", "hit 5 6"])
def test_a_failure_a_kill_and_a_hit_explain_a_second_start(between):
    assert complaints(["start a a1 10 5", between, "start a a2 12 5", "end a a2"], ["a"]) == []


@pytest.mark.parametrize("between", ["hit 11", "fail b b1"])
def test_what_happened_to_others_explains_nothing(between):
    lines = ["start b b1 9 8", "start a a1 10 5", between, "start a a2 12 5", "end a a2", "end b b1"]
    assert len(complaints(lines, ["a", "b"])) == 1


def test_what_has_started_and_not_ended_is_in_flight():
    assert in_flight(["start a a1 1 1", "start b b1 2 1", "end a a1"]) == {"b1"}
    assert in_flight(["start a a1 1 1", "fail a a1", "start b b1 2 1", "kill x"]) == set()
