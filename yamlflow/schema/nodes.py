"""YAML text as a tree in which every key and value knows its exact place.

The tree is plain data: aliases and merge keys are already expanded, keys are
strings. An aliased node has the span of its use; what lies inside it keeps the
place where it was written. `parse` is the one way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Diagnostic, Span
from yamlflow.schema.text.scalars import Plain

if TYPE_CHECKING:
    from yamlflow.schema.source import Source

__all__ = ["Entry", "Mapping", "Node", "Plain", "Scalar", "Sequence", "parse"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf. `text` is the source text of a plain scalar (`010`, `1e5`), `value` what YAML 1.2 makes of it."""

    span: Span
    value: Plain
    text: str
    quoted: bool = False  # single, double or block style: always a string


@dataclass(frozen=True, slots=True)
class Sequence:
    span: Span
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    span: Span
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None."""
        return next((entry.value for entry in self.entries if entry.key.value == key), None)


Node = Union[Scalar, Sequence, Mapping]


def parse(source: Source) -> tuple[Node | None, list[Diagnostic]]:
    """The tree of `source`, and everything wrong with it as YAML, in file order.

    The tree is None when nothing could be read; beside findings it may be a
    partial one: what is wrong was left out or kept as text. Never raises.
    """
    from yamlflow.schema.text.tree import read_tree  # brings ruamel, which a reader of nodes need not have

    return read_tree(source)
