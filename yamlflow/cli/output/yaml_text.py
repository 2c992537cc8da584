"""Plain data as YAML text that any YAML reader reads back as the same data.

Block style, keys in the order they are in; a string stands bare only where it
cannot be taken for anything else, and as JSON otherwise, which YAML includes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from yamlflow.cli.output.text import safe_json

_BARE = re.compile(r"[A-Za-z_./][\w./@+-]*(?:[ ,]+[\w./@+()\[\]=*<>'-]+)*")
_AMOUNT = re.compile(r"\d+(?:ms|[smhd]|[KMGT]i)")
_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", "none", "nan", "inf"])


def yaml_text(value: Any) -> str:
    return "\n".join(_block(value, ""))


def _block(value: Any, indent: str) -> Iterator[str]:
    match value:
        case dict() if value:
            for key, item in value.items():
                yield from _entry(f"{indent}{_scalar(str(key))}:", item, indent + "  ")
        case list() if value:
            for item in value:
                yield from _entry(f"{indent}-", item, indent + "  ")
        case _:
            yield indent + _scalar(value)


def _entry(head: str, item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, list) and item and all(not isinstance(part, (dict, list)) for part in item):
        yield f"{head} {safe_json(item)}"
    elif isinstance(item, (dict, list)) and item:
        yield head
        yield from _block(item, indent)
    else:
        yield f"{head} {_scalar(item)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and (_AMOUNT.fullmatch(value) or _is_bare(value)):
        return value
    return safe_json(value)


def _is_bare(text: str) -> bool:
    return _BARE.fullmatch(text) is not None and text.lower() not in _WORDS
