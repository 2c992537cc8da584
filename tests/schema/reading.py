"""What the tests of the reader share: text in, tree or findings out."""

from __future__ import annotations

from yamlflow.schema.diagnostics import Diagnostic
from yamlflow.schema.nodes import Mapping, Node, Scalar, Sequence, parse
from yamlflow.schema.source import Source


def read(text: str) -> Node:
    """The tree of a text that has nothing wrong with it."""
    root, found = parse(Source("p.yaml", text))
    assert found == []
    assert root is not None
    return root


def findings(text: str) -> list[Diagnostic]:
    return parse(Source("p.yaml", text))[1]


def codes(text: str) -> list[str]:
    return [found.code for found in findings(text)]


def plain(node: Node) -> object:
    """The node as Python's own values."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {entry.key.value: plain(entry.value) for entry in node.entries}


def at(text: str, node: Node) -> str:
    """The stretch of the text that a node claims to be."""
    source, span = Source("p.yaml", text), node.span
    return text[source.index(span.line, span.column) : source.index(span.end_line, span.end_column)]
