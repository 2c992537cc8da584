"""How large and how deep a file may be, and what is said when it is not.

The numbers keep reading below half a second whatever the text is, and let
every reader of the tree recurse into it.
"""

from __future__ import annotations

from yamlflow.schema.diagnostics import Diagnostic, Span
from yamlflow.schema.source import MAX_BYTES
from yamlflow.schema.text.events import MAX_DEPTH

__all__ = ["MAX_ALIASES", "MAX_BYTES", "MAX_DEPTH", "MAX_EXPANSION", "MAX_FINDINGS", "MAX_MERGES", "MAX_NODES"]

MAX_NODES = 20_000
MAX_ALIASES = 1_000
MAX_MERGES = 100
MAX_EXPANSION = 10
MAX_FINDINGS = 500

_SPLIT = "split the pipeline with `uses: ./other.yaml`, or read data from a file of its own"


def depth(span: Span) -> Diagnostic:
    return _limit(
        f"nested deeper than {MAX_DEPTH} levels", span, "a bracket may be missing above; else use fewer levels"
    )


def nodes(span: Span) -> Diagnostic:
    return _limit(f"more than {MAX_NODES:,} keys and values, aliases expanded", span, _SPLIT)


def aliases(span: Span) -> Diagnostic:
    return _limit(f"more than {MAX_ALIASES:,} aliases", span, "let `defaults:` or `foreach` do what the aliases do")


def merges(span: Span) -> Diagnostic:
    return _limit(f"more than {MAX_MERGES} merged mappings", span, "let `defaults:` do what the merge keys do")


def expansion(span: Span) -> Diagnostic:
    message = f"with its aliases expanded the file is more than {MAX_EXPANSION} times as large"
    return _limit(message, span, "let `defaults:` or `foreach` do what the aliases do")


def first(found: list[Diagnostic]) -> list[Diagnostic]:
    """The findings that anybody would read, and a word about the rest."""
    if len(found) <= MAX_FINDINGS:
        return found
    kept = found[:MAX_FINDINGS]
    return [
        *kept,
        _limit(f"more than {MAX_FINDINGS} findings", found[MAX_FINDINGS].span, "mend the first ones, then look again"),
    ]


def _limit(message: str, span: Span, help_text: str) -> Diagnostic:
    return Diagnostic("limit", message, span, help=help_text)
