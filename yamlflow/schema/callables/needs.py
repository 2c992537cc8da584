"""Which of a project's files a callable cannot do without, on a machine that has only what is sent there.

Of all that its code reaches (see sources) the module itself and what is imported
in earnest: an import that may fail, inside `try: … except ImportError`, or that
only a type checker sees, is no need. A name put together at run time is not seen.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yamlflow.schema.callables.sources import Sources

_FOREIGN = frozenset({"site-packages", "dist-packages"})
_YAMLFLOW = Path(__file__).parents[2]
_MISSING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


class Needs:
    """The files that callables under these roots need; every file read once."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)
        self._sources = Sources(roots)
        self._words: dict[Path, frozenset[str]] = {}

    def of(self, reference: str) -> list[Path]:
        """The files of the project, the callable's own first."""
        reached = [file for file in self._sources.of(reference).files if self._is_ours(file)]
        words = frozenset[str]().union(*map(self._imported, reached))
        return [file for at, file in enumerate(reached) if at == 0 or _called(file) in words]

    def _is_ours(self, file: Path) -> bool:
        """Under the roots, not installed there, and no part of yamlflow, which sends itself."""
        ours = any(file.is_relative_to(root) for root in self._roots)
        return ours and not _FOREIGN & set(file.parts) and not file.is_relative_to(_YAMLFLOW)

    def _imported(self, file: Path) -> frozenset[str]:
        """The words of every import of a file that must not fail."""
        if file not in self._words:
            reader = _Imports()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    reader.visit(ast.parse(file.read_bytes()))
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                pass  # others say so, where it matters
            self._words[file] = frozenset(reader.words)
        return self._words[file]


def _called(file: Path) -> str:
    """What an import calls a file: its name, or its folder's."""
    return file.parent.name if file.stem == "__init__" else file.stem.partition(".")[0]


class _Imports(ast.NodeVisitor):
    """Gathers the words of imports; `visit_*` are the visitor's own names."""

    def __init__(self) -> None:
        self.words: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        self.words.update(word for alias in node.names for word in alias.name.split("."))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.words.update((node.module or "").split("."), (alias.name for alias in node.names))

    def visit_Try(self, node: ast.Try) -> None:
        caught = any(_catches_absence(handler.type) for handler in node.handlers)
        self._each(*([] if caught else node.body), *node.handlers, *node.orelse, *node.finalbody)

    def visit_If(self, node: ast.If) -> None:
        only_types = _name(node.test) == "TYPE_CHECKING"
        self._each(*([] if only_types else node.body), *node.orelse)

    def _each(self, *nodes: Any) -> None:
        for node in nodes:
            self.visit(node)


def _catches_absence(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(one is None or _name(one) in _MISSING for one in kinds)


def _name(node: ast.expr) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))
