"""Whatever the text is: no exception, and every finding has a place inside the text."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from yamlflow.schema.diagnostics import Span, render, to_json
from yamlflow.schema.nodes import Mapping, Node, Scalar, Sequence, parse
from yamlflow.schema.source import Source, decode

GOLDEN = Path(__file__).parents[1] / "golden"
DOCUMENTS = [path.read_bytes().decode("utf-8", "replace") for path in sorted(GOLDEN.rglob("*.yaml"))] + [
    "yamlflow: 1\nparams: {a: 1}\nsteps:\n  a:\n    run: m:f\n    with:\n      t: |\n        b\n      l:\n      - 1\n",
]
PIECES = [
    *"[]{}:,-?&*!|>'\"%@`#\\ \n\t\r$~<=.01",
    ": ",
    "- ",
    "\n  ",
    "\n    ",
    "a",
    "key",
    "&a ",
    "*a",
    "<<: ",
    "!t ",
    "${{ x }}",
    "{{ x }}",
]
PIECES += [
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "|\n",
    ">-\n",
    '"\\',
    "\\ud800",
    "f(1, 2)",
    "1e999",
    "9" * 20,
    "\u2028",
    "\x85",
    "\ufeff",
    "é",
    "数",
    "\0",
]

fragments = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@st.composite
def mutated(draw) -> str:
    """A document of the golden cases with a few stretches cut out, doubled or overwritten."""
    text = draw(st.sampled_from(DOCUMENTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        text = text[:start] + draw(st.one_of(fragments, st.just(text[start:end] * 2), st.just(""))) + text[end:]
    return text


def inside(source: Source, span: Span) -> bool:
    """Whether a span begins and ends within the text, in this order."""
    places = ((span.line, span.column), (span.end_line, span.end_column))
    fits = all(
        1 <= line <= len(source.lines) and 1 <= column <= len(source.lines[line - 1]) + 1 for line, column in places
    )
    return fits and places[0] <= places[1]


def spans(node: Node) -> list[Span]:
    match node:
        case Scalar():
            return [node.span]
        case Sequence():
            return [node.span, *(span for item in node.items for span in spans(item))]
        case Mapping():
            inner = [span for entry in node.entries for span in (entry.key.span, *spans(entry.value))]
            return [node.span, *inner]


def check(text: str) -> None:
    source = Source("p.yaml", text)
    root, found = parse(source)
    assert root is not None or found
    for finding in found:
        assert inside(source, finding.span), finding
        assert all(note.span is None or inside(source, note.span) for note in finding.notes)
        assert to_json(finding)["line"] == finding.span.line
        assert finding.help
        assert all(char.isprintable() or char == "\n" for char in render(finding, lambda _: source))
    if root is not None:
        assert all(inside(source, span) for span in spans(root))


@given(st.text(max_size=80))
@settings(max_examples=150)
def test_any_text_is_answered(text):
    check(text)


@given(fragments)
@example("a: 'x\n---\n")
@example('a: "\\U99999999"')
@example("&a !t *a")
@example("&a\n: &a\n")
@settings(max_examples=400)
def test_any_heap_of_yaml_signs_is_answered(text):
    check(text)


@given(mutated())
@settings(max_examples=300)
def test_any_damaged_document_is_answered(text):
    check(text)


def texts(node: Node) -> object:
    """The tree with every scalar as its text, as ruamel's loader without types has it."""
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [texts(item) for item in node.items]
        case Mapping():
            return {entry.key.text: texts(entry.value) for entry in node.entries}


@given(st.one_of(fragments, mutated()))
@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
def test_what_has_no_findings_is_what_ruamel_itself_loads(text):
    root, found = parse(Source("p.yaml", text))
    assume(not found and root is not None and "<<" not in text)
    assert texts(root) == YAML(typ="base", pure=True).load(text)


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_any_bytes_are_text_or_a_finding(data):
    answer = decode("p.yaml", data)
    if isinstance(answer, Source):
        check(answer.text)
    else:
        assert answer.help
        assert answer.span.line >= 1
