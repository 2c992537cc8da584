"""Legal YAML that is never what was meant: a call or a list split at its comma, a colon without a space.

The parts are joined again, so that one mistake is one finding.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, takewhile

from yamlflow.schema.diagnostics import Diagnostic
from yamlflow.schema.nodes import Node, Scalar
from yamlflow.schema.source import Source
from yamlflow.schema.text import extents
from yamlflow.schema.text.entries import Pair

_MOST_PARTS = 50  # items that one value may have been split into


def join_pairs(source: Source, pairs: list[Pair], found: list[Diagnostic]) -> list[Pair]:
    """The pairs of a `{ }` with split values joined."""
    joined: list[Pair] = []
    at = 0
    while at < len(pairs):
        pair, at = pairs[at], at + 1
        parts = _closing(pair.value, (other.key for other in takewhile(_is_bare, islice(pairs, at, None))))
        if parts:
            pair = Pair(pair.key, _joined(source, [pair.value, *parts], found), pair.merge)
            at += len(parts)
        joined.append(pair)
        found.extend(_no_space(pair))
    return joined


def join_items(source: Source, items: list[Node], found: list[Diagnostic]) -> list[Node]:
    """The items of a `[ ]` with split values joined."""
    joined: list[Node] = []
    at = 0
    while at < len(items):
        item, at = items[at], at + 1
        parts = _closing(item, islice(items, at, None))
        joined.append(_joined(source, [item, *parts], found) if parts else item)
        at += len(parts)
    return joined


def _closing(first: Node, rest: Iterable[Node]) -> list[Node]:
    """The nodes after `first` that close the brackets it opens; none when they do not."""
    if not isinstance(first, Scalar) or first.quoted or (depth := extents.unclosed(first.text)) <= 0:
        return []
    parts: list[Node] = []
    for node in islice(rest, _MOST_PARTS):
        if not isinstance(node, Scalar):
            break
        parts.append(node)
        depth += 0 if node.quoted else extents.unclosed(node.text)
        if depth <= 0:
            return parts if depth == 0 else []
    return []


def _is_bare(pair: Pair) -> bool:
    """Whether the key stands without a colon: its absent value begins and ends where the key ends."""
    key, value = pair.key.span, pair.value.span
    return isinstance(pair.value, Scalar) and (value.line, value.column, value.end_line, value.end_column) == (
        *(key.end_line, key.end_column),
        *(key.end_line, key.end_column),
    )


def _joined(source: Source, parts: list[Node], found: list[Diagnostic]) -> Scalar:
    first, last = parts[0].span, parts[-1].span
    start, end = source.index(first.line, first.column), source.index(last.end_line, last.end_column)
    text = source.text[start:end]
    span = source.span(start, end)
    message = "the comma inside { } or [ ] splits this value"
    found.append(Diagnostic("split-value", message, span, help=extents.quote_hint(text)))
    return Scalar(span, text, text)


def _no_space(pair: Pair) -> list[Diagnostic]:
    if not _is_bare(pair) or not isinstance(pair.key, Scalar) or pair.key.quoted:
        return []
    name, colon, value = pair.key.text.partition(":")
    if not colon or not name.replace("_", "").replace("-", "").isalnum():
        return []
    message = f"`{extents.short(pair.key.text)}` is one word: there is no space after the colon"
    return [
        Diagnostic(
            "missing-space", message, pair.key.span, help=f"write `{extents.short(name)}: {extents.short(value)}`"
        )
    ]
