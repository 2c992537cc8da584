"""Data written as YAML is the same data when read again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from yamlflow.cli.output.yaml_text import yaml_text

NASTY = st.sampled_from(
    [
        "",
        " ",
        "no",
        "1e3",
        "0x1",
        "a: b",
        "# no",
        "- x",
        "true",
        "~",
        "[a",
        "{b",
        "a b",
        "s3://x/y",
        "'q'",
        "é",
        "*a",
        "<<",
        "2024-01-01",
        "x #y",
        "a,",
        "=",
        "!t",
    ]
)
TEXT = st.one_of(st.text(max_size=12), NASTY)
DATA = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**62), 2**62), TEXT, st.floats(allow_nan=False, allow_infinity=False)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(TEXT.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(DATA)
def test_any_yaml_reader_reads_the_same_data_back(value):
    assert YAML(typ="safe", pure=True).load(yaml_text(value)) == value


def test_it_looks_like_what_a_person_writes():
    value = {
        "steps": {"fit": {"run": "tasks:fit", "needs": ["a", "b"], "when": "params.x > 0.5", "with": {"on": "no"}}}
    }
    assert yaml_text(value).splitlines() == [
        "steps:",
        "  fit:",
        '    run: "tasks:fit"',
        '    needs: ["a", "b"]',
        "    when: params.x > 0.5",
        "    with:",
        '      "on": "no"',
    ]
