"""Cache keys from what is given, and the difference of two sets of components in words.

A *component* is a name a person knows (`with.lr`, `train.py: fit()`) and a text:
short JSON as it is, or `#` and a digest of what is longer. Equal components give
an equal key; when keys differ, the components say why. Pure: whoever calls has
read files and values already. Must never see a secret's value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Components = Mapping[str, str]

_encoded = json.JSONEncoder().encode  # made once: `dumps` makes one for each call; order counts, for a task sees it

LONGEST = 60
"""Characters of JSON that stand as they are; what is longer is a digest."""

SAID = 3
"""Differences that a short answer names."""


def text_of(document: Any) -> str:
    """A component of a document: its JSON, or a digest where that is long."""
    text = _encoded(document)
    return text if len(text) <= LONGEST else digest_of(text)


def digest_of(content: str | bytes) -> str:
    """A component that only says whether something is the same."""
    body = content if isinstance(content, bytes) else content.encode(errors="surrogatepass")
    return f"#{hashlib.blake2b(body, digest_size=12).hexdigest()}"


def key_of(*parts: str | Components) -> bytes:
    """16 bytes: equal for equal parts, in whatever order their components came."""
    body = json.dumps([part if isinstance(part, str) else sorted(part.items()) for part in parts])
    return hashlib.blake2b(body.encode(), digest_size=16).digest()


def differences(before: Components, after: Components) -> list[str]:
    """What is not the same, in the order of `after`; what is gone comes last. Empty: nothing differs."""
    found = [_difference(name, before.get(name), text) for name, text in after.items() if before.get(name) != text]
    return found + [f"{name} is gone" for name in before if name not in after]


def _difference(name: str, before: str | None, after: str) -> str:
    if before is None:
        return f"{name} is new" if after.startswith("#") else f"{name} is new: {after}"
    if before.startswith("#") or after.startswith("#"):
        return f"{name} changed"
    return f"{name} {before} -> {after}"


def shortly(words: Sequence[str], most: int = SAID) -> str:
    """`a, b, c and 4 more`."""
    if len(words) <= most:
        return ", ".join(words)
    return f"{', '.join(words[:most])} and {len(words) - most} more"
