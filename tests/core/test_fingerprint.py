"""Keys and differences of components."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yamlflow.core.fingerprint import LONGEST, differences, digest_of, key_of, shortly, text_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
COMPONENTS = st.dictionaries(st.text(min_size=1, max_size=8), JSON.map(text_of), max_size=6)


@given(COMPONENTS, COMPONENTS)
def test_keys_are_equal_exactly_when_nothing_differs(one, other):
    assert (key_of(one) == key_of(other)) == (differences(one, other) == []) == (one == other)


@given(COMPONENTS)
def test_the_order_of_components_does_not_count(components):
    assert key_of(components) == key_of(dict(reversed(components.items())))


@given(COMPONENTS, st.text(min_size=1, max_size=8))
def test_a_part_between_others_counts(components, word):
    assert key_of(word, components) != key_of(components, word)


@given(JSON)
def test_a_text_is_short_and_the_same_for_the_same(document):
    assert len(text_of(document)) <= LONGEST
    assert text_of(document) == text_of(document)
    assert "\n" not in text_of(document)


@given(JSON, JSON)
def test_different_documents_have_different_texts(one, other):
    import json

    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (text_of(one) == text_of(other)) == same


@given(COMPONENTS, COMPONENTS)
def test_every_difference_is_named_once(before, after):
    different = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert len(differences(before, after)) == len(different)


def test_words_say_what_was_and_what_is():
    before = {"with.lr": "0.01", "train.py: fit()": digest_of("a"), "env.OLD": "1", "inputs.x": text_of("x" * 99)}
    after = {"with.lr": "0.02", "train.py: fit()": digest_of("b"), "with.n": "3", "inputs.x": "1"}
    assert differences(before, after) == [
        "with.lr 0.01 -> 0.02",
        "train.py: fit() changed",
        "with.n is new: 3",
        "inputs.x changed",
        "env.OLD is gone",
    ]


def test_a_long_answer_is_cut():
    assert shortly(["a", "b"]) == "a, b"
    assert shortly(list("abcde")) == "a, b, c and 2 more"


def test_text_that_is_no_unicode_has_a_digest():
    assert digest_of("\ud800").startswith("#")
