"""Expressions evaluated where stored values may be opened.

An input `{"$expr": {"text", "roots"}}` is replaced by the document of what it
gives, wherever in the input it stands. What an expression reads was put under
`roots` by the launcher, references unopened; this side opens them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yamlflow.core.values import ArtifactRef, Document, Record, Revive, decode, encode, encode_ref
from yamlflow.worker.codecs import load_value, store_value
from yamlflow.worker.storage import LocalStorage


class ExpressionFailedError(Exception):
    """An expression that could not be evaluated here; the message says what to write instead."""


def evaluate(**values: Any) -> dict[str, Any]:
    """A callable whose arguments are the answers: what the launcher runs to have expressions evaluated."""
    return values


class _Seeing(Revive):
    """A range or array that a loop iterates is a list to an expression."""

    def record(self, record: Record) -> Any:
        return list(record.fields["items"]) if record.kind == "sequence" else record


_SEEING = _Seeing()


def resolved(document: Document, store: LocalStorage, scratch: str) -> Document:
    """The document with every expression in it replaced by its value. Raises ExpressionFailedError."""
    if isinstance(document, list):
        nested = any(isinstance(item, (dict, list)) for item in document)
        return [resolved(item, store, scratch) for item in document] if nested else document
    if not isinstance(document, dict):
        return document
    if len(document) == 1:
        (tag,) = document
        if tag == "$expr":
            return _evaluated(document[tag], store, scratch)
        if tag.startswith("$"):
            return document
    return {name: resolved(part, store, scratch) for name, part in document.items()}


def _evaluated(body: Any, store: LocalStorage, scratch: str) -> Document:
    from yamlflow.core.expressions import evaluate as value_of
    from yamlflow.core.expressions import parse

    with said():
        result = value_of(parse(body["text"]), scope(body["roots"], scratch), opener(store))
    return encode(result, other=lambda _path, value: store_value(value, store, scratch=scratch))


@contextmanager
def said() -> Iterator[None]:
    """An ExpressionError inside becomes an error with its hint, and without a place: the text is not the user's."""
    from yamlflow.core.expressions import ExpressionError

    try:
        yield
    except ExpressionError as error:
        raise ExpressionFailedError(f"{error.message}: {error.hint}" if error.hint else error.message) from None


def opener(store: LocalStorage) -> Any:
    """What an expression opens a reference with."""

    def load(ref: ArtifactRef) -> Any:
        return load_value(encode_ref(ref), store)

    return load


def scope(roots: Mapping[str, Any], scratch: str, **ready: Any) -> Any:
    """The scope of an expression or a template: documents seen unopened, beside values that are ready."""
    from yamlflow.core.expressions import Values

    def write_lines(lines: Sequence[str]) -> Path:
        return _write_lines(lines, scratch)

    seen = {name: decode(root, _SEEING) for name, root in roots.items()}
    return Values(roots={**seen, **ready}, host={"write_lines": write_lines})


def _write_lines(lines: Sequence[str], scratch: str) -> Path:
    folder = Path(scratch) / ".lines"
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(os.listdir(folder))}.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
