"""Where each value of a decoded file stands, by the path of keys that leads to it.

A path is the keys as they are written, with positions in lists:
`("steps", "fit", "inputs", "data")`, `("steps", "report", "command", 2)`.
"""

from __future__ import annotations

from collections.abc import Iterable

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Span
from yamlflow.schema.model.shapes import Language
from yamlflow.schema.nodes import Entry, Mapping, Node, Scalar, Sequence

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is an expression, or that may have holes (`template`), where it stands."""

    path: Path
    language: Language
    text: str
    scalar: Scalar


class Spans:
    """The places of a file's values. `texts` are all expressions and templates, in file order."""

    def __init__(self, root: Node | None, file: str, refused: Iterable[Path] = (), texts: Iterable[Text] = ()) -> None:
        self.root = root
        self.file = file
        self.texts = tuple(texts)
        self._refused = frozenset(refused)
        self._around = frozenset(path[:length] for path in self._refused for length in range(len(path) + 1))
        self._indexes: dict[int, dict[str, Entry]] = {}

    def value(self, path: Path) -> Span:
        """The place of the value; of the nearest key above it when it is not in the file."""
        found = self.node(path)
        return found.span if found is not None else self.key(path[:-1])

    def key(self, path: Path) -> Span:
        """The place of the key (in a list: of the item); of the nearest one above when it is not in the file."""
        while path:
            if (span := self._key(path)) is not None:
                return span
            path = path[:-1]
        return Span(self.file, 1, 1, 1, 1)

    def node(self, path: Path) -> Node | None:
        """The YAML node at a path, as far as the file has it."""
        node = self.root
        for step in path:
            node = self._child(node, step)
        return node

    def has(self, path: Path) -> bool:
        return self.node(path) is not None

    def refused(self, path: Path) -> bool:
        """Whether the value, one around it or something in it was refused: it already has its diagnostic."""
        return path in self._around or any(path[:length] in self._refused for length in range(len(path)))

    def _key(self, path: Path) -> Span | None:
        parent = self.node(path[:-1])
        if isinstance(parent, Mapping) and isinstance(path[-1], str):
            entry = self._index(parent).get(path[-1])
            return entry.key.span if entry else None
        item = self._child(parent, path[-1])
        return item.span if item is not None else None

    def _child(self, node: Node | None, step: str | int) -> Node | None:
        match node:
            case Mapping() if isinstance(step, str):
                entry = self._index(node).get(step)
                return entry.value if entry else None
            case Sequence() if isinstance(step, int) and 0 <= step < len(node.items):
                return node.items[step]
        return None

    def _index(self, mapping: Mapping) -> dict[str, Entry]:
        index = self._indexes.get(id(mapping))
        if index is None:
            index = {str(entry.key.value): entry for entry in reversed(mapping.entries)}
            self._indexes[id(mapping)] = index
        return index


def plain(node: Node) -> object:
    """A node as plain Python data."""
    match node:
        case Mapping():
            return {str(entry.key.value): plain(entry.value) for entry in node.entries}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value


def described(node: Node) -> str:
    """A node in a message: `the number `3``, `the list `[a, b]``."""
    match node:
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool()):
            return f"`{node.text}`"
        case Scalar(value=str(written)):
            return f"the text `{_short(node)}`" if written.strip() else "empty text"
        case Scalar():
            return f"the number `{node.text}`"
        case Sequence():
            return f"the list `{_short(node)}`" if node.items else "an empty list"
        case Mapping():
            return f"the mapping `{_short(node)}`" if node.entries else "an empty mapping"


def _short(node: Node, room: int = 40) -> str:
    written = _written(node)
    return written if len(written) <= room else written[: room - 1] + "…"


def _written(node: Node, depth: int = 3) -> str:
    """One line of YAML, close to what was written."""
    if depth == 0 and not isinstance(node, Scalar):
        return "…"
    match node:
        case Mapping():
            return "{" + ", ".join(f"{e.key.value}: {_written(e.value, depth - 1)}" for e in node.entries[:9]) + "}"
        case Sequence():
            return "[" + ", ".join(_written(item, depth - 1) for item in node.items[:9]) + "]"
        case Scalar():
            return " ".join((node.value if isinstance(node.value, str) else node.text).split())
