"""Trees: every node knows exactly where it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.schema.reading import at, codes, findings, plain, read
from yamlflow.schema.nodes import Mapping, Node, Scalar, Sequence, parse
from yamlflow.schema.source import Source


def child(node: Node, *path: str | int) -> Node:
    for part in path:
        if isinstance(part, int):
            assert isinstance(node, Sequence)
            node = node.items[part]
        else:
            assert isinstance(node, Mapping)
            found = node.get(part)
            assert found is not None
            node = found
    return node


# ------------------------------------------------------------------ spans


@pytest.mark.parametrize(
    ("text", "path", "stretch"),
    [
        ("a: b\n", ("a",), "b"),
        ("a:   b c   # d\n", ("a",), "b c"),
        ("a: 'it''s'\n", ("a",), "'it''s'"),
        ('a: "x\\ny"  \n', ("a",), '"x\\ny"'),
        ("a: {b: [1, 2]}\n", ("a",), "{b: [1, 2]}"),
        ("a: {b: [1, 2]}\n", ("a", "b"), "[1, 2]"),
        ("a: {b: [1, 2]}\n", ("a", "b", 1), "2"),
        ("a:\n  - x\n  - y: z\n\nb: 1\n", ("a",), "- x\n  - y: z"),
        ("a:\n- x\n- y\nb: 1\n", ("a",), "- x\n- y"),
        ("a:\n  b: 1\n  c: 2\n\n# end\nd: 3\n", ("a",), "b: 1\n  c: 2"),
        ("a: b\n   c\nd: 1\n", ("a",), "b\n   c"),
        ("a: |\n  x\n  y\n\n\nb: 1\n", ("a",), "|\n  x\n  y"),
        ("a: |\n  x\n# comment\nb: 1\n", ("a",), "|\n  x"),
        ("a: >-\n  x\n\n  y\n", ("a",), ">-\n  x\n\n  y"),
        ("a: |+\n\nb: 1\n", ("a",), "|+"),
        ("- - x\n  - y\n", (0, 1), "y"),
        ("a: &x b\n", ("a",), "b"),
        ("a: &x {b: 1}\n", ("a",), "{b: 1}"),
        ("a: &x # why\n  b: 1\n", ("a",), "b: 1"),
        ("a: &x\n- 1\n", ("a",), "- 1"),
        ("é: ü\n", ("é",), "ü"),
        ("a: 1\r\nb: 2\r\n", ("b",), "2"),
        ("a: \U0001f600 x\n", ("a",), "\U0001f600 x"),
    ],
)
def test_a_node_spans_what_was_written(text, path, stretch):
    assert at(text, child(read(text), *path)) == stretch


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a:\nb: 1\n", ("a",), (1, 3)),
        ("a: # nothing\n\n\nb: 1\n", ("a",), (1, 3)),
        ("b: 1\na:", ("a",), (2, 3)),
        ("{a: , b: 1}\n", ("a",), (1, 4)),
        ("{a, b}\n", ("a",), (1, 3)),
        ("- # a - b\n- x\n", (0,), (1, 2)),
        ("- x\n-\n", (1,), (2, 2)),
        ("a:\n- \n- x\n", ("a", 0), (2, 2)),
        ("a: &x\nb: *x\n", ("a",), (1, 6)),
    ],
)
def test_an_absent_value_stands_behind_its_sign(text, path, place):
    node = child(read(text), *path)
    assert isinstance(node, Scalar)
    assert node.value is None
    assert (node.span.line, node.span.column) == (node.span.end_line, node.span.end_column) == place


def test_keys_have_spans_too():
    text = 'one: 1\n"two": {three: 3}\n'
    root = read(text)
    assert isinstance(root, Mapping)
    assert [at(text, entry.key) for entry in root.entries] == ["one", '"two"']


def test_the_root_may_be_a_list_or_a_word():
    assert plain(read("- 1\n- 2\n")) == [1, 2]
    assert plain(read("word")) == "word"


def test_an_explicit_start_and_end_are_one_document():
    assert plain(read("---\na: 1\n...\n")) == {"a": 1}


# ------------------------------------------------------------------ aliases and merges


def test_an_alias_has_its_own_place_and_its_anchor_s_inside():
    text = "base: &b {cpu: 4}\nuse: *b\n"
    use = child(read(text), "use")
    assert at(text, use) == "*b"
    assert plain(use) == {"cpu": 4}
    assert child(use, "cpu").span.line == 1


def test_an_aliased_scalar_has_the_place_of_its_use():
    text = "a: &x 010\nb: [*x]\n"
    use = child(read(text), "b", 0)
    assert isinstance(use, Scalar)
    assert (use.value, use.text, at(text, use)) == (10, "010", "*x")


def test_an_alias_may_be_a_key():
    assert plain(read("a: &k name\n*k : 1\n")) == {"a": "name", "name": 1}


def test_own_keys_win_over_merged_ones_wherever_the_merge_stands():
    text = "x: &x {p: 1, q: 1}\na: {<<: *x, p: 2}\nb: {p: 2, <<: *x}\n"
    assert plain(child(read(text), "a")) == {"p": 2, "q": 1}
    assert plain(child(read(text), "b")) == {"p": 2, "q": 1}


def test_the_first_of_several_merged_mappings_wins():
    text = "x: &x {p: 1}\ny: &y {p: 2, q: 2}\na:\n  <<: [*x, *y]\n  r: 3\n"
    assert plain(child(read(text), "a")) == {"p": 1, "q": 2, "r": 3}


def test_a_merged_mapping_may_itself_be_merged():
    text = "x: &x {p: 1}\ny: &y\n  <<: *x\n  q: 2\nz: {<<: *y}\n"
    assert plain(child(read(text), "z")) == {"p": 1, "q": 2}


def test_a_mapping_may_be_merged_where_it_is_written():
    assert plain(read("<<: {p: 1, q: 1}\np: 2\n")) == {"p": 2, "q": 1}


def test_merged_entries_keep_the_place_where_they_were_written():
    assert child(read("x: &x {p: 1}\na:\n  <<: *x\n"), "a", "p").span.line == 1


def test_a_quoted_merge_key_is_a_plain_key():
    assert plain(read('"<<": 1\n')) == {"<<": 1}


# ------------------------------------------------------------------ findings


def test_a_duplicate_key_is_an_error_with_both_places():
    (found,) = findings("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")
    assert (found.code, found.span.line, found.span.column) == ("duplicate-key", 5, 3)
    assert found.notes[0].span is not None
    assert found.notes[0].span.line == 3


def test_the_same_key_in_two_mappings_is_no_duplicate():
    assert codes("a: {k: 1}\nb: {k: 1}\n") == []


def test_a_quoted_and_a_plain_key_of_the_same_name_are_duplicates():
    assert codes("a: 1\n'a': 2\n") == ["duplicate-key"]


def test_every_mistake_is_found_and_they_come_in_file_order():
    text = "a: !t 1\nb: [x[0], 2]\nc: 1\nc: 2\nd: {{ x }}\ne: *none\nf: @g\n"
    assert codes(text) == ["tag", "needs-quotes", "duplicate-key", "double-braces", "unknown-anchor", "needs-quotes"]
    assert [found.span.line for found in findings(text)] == [1, 2, 4, 5, 6, 7]


def test_what_could_be_read_is_still_a_tree_beside_the_findings():
    root, found = parse(Source("p.yaml", "a: 1\nb: {c: x[0]}\nd: 2\n"))
    assert len(found) == 1
    assert root is not None
    assert plain(root) == {"a": 1, "b": {"c": "x[0]"}, "d": 2}


def test_a_split_call_is_put_together_again():
    root, _ = parse(Source("p.yaml", "a: {n: f(1, g(2, 3)), m: 4}\n"))
    assert root is not None
    assert plain(root) == {"a": {"n": "f(1, g(2, 3))", "m": 4}}


@pytest.mark.parametrize("text", ["a: {b: (x, y: 1}\n", "a: {b: f(x, c: 1}\n", "a: [f(x, y]\n", "a: {b: x), c}\n"])
def test_parentheses_that_never_close_are_left_as_they_are(text):
    assert "split-value" not in codes(text)


@pytest.mark.parametrize(
    "text",
    ["when: !x\n", "when: !x.y and z\n", "{when: !x}", "- !x\n", "!x a: 1\n", "!!map {a: 1}\n", "! a\n", "!<tag:x> a"],
)
def test_a_tag_is_refused_where_it_stands(text):
    (found,) = findings(text)
    assert found.code == "tag"
    assert text.splitlines()[found.span.line - 1][found.span.column - 1] == "!"


def test_a_negation_is_explained():
    assert findings("when: !params.deploy\n")[0].help == "use `not params.deploy`"
    assert findings("when: !x and y\n")[0].help == "use `not x and y`"


def test_a_template_is_asked_whether_a_hole_was_meant():
    (found,) = findings("a: {{ x }}\n")
    assert found.help == "did you mean `${{ x }}`?"


def test_nothing_is_nested_in_a_template_s_findings():
    assert codes("a: {{ f(1, 1) }}\n") == ["double-braces"]


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n", "---\n", "--- # x\n"])
def test_a_file_without_content_says_so(text):
    root, found = parse(Source("p.yaml", text))
    assert root is None
    assert [one.code for one in found] == ["empty-file"]


def test_an_alias_cycle_is_refused():
    assert codes("a: &a [*a]\n") == ["alias-cycle"]
    assert codes("a: &a\n  b: &b {c: *a}\n") == ["alias-cycle"]


def test_a_byte_order_mark_before_the_text_is_no_finding():
    assert plain(read("\ufeffa: 1\n")) == {"a": 1}


def test_the_reference_example_is_read_without_a_finding():
    root = read((Path(__file__).parents[1] / "reference" / "pipeline.yaml").read_text(encoding="utf-8"))
    steps = child(root, "steps")
    assert isinstance(steps, Mapping)
    assert [entry.key.text for entry in steps.entries][:3] == ["extract", "clean", "regions"]


def test_a_reader_of_nodes_does_not_bring_ruamel():
    code = "import sys, yamlflow.schema.nodes, yamlflow.schema.source; print('ruamel.yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
