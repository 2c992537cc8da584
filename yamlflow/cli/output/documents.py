"""Stored values as plain JSON and as text for a person; what is not JSON becomes a reference with a path.

Opens no stored bytes: `place` turns a reference into a local path, or says why there is nothing any more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from yamlflow.cli.output.text import clean, safe_json
from yamlflow.cli.output.words import size
from yamlflow.core.dataclass import dataclass
from yamlflow.core.values import ArtifactRef, Document, EnumMember, Record, Revive, decode


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a path: why there is none, such as `missing`."""

    why: str


Place = Callable[[ArtifactRef], str | Lost]

TEXT_LIMIT = 2000


def plain(document: Document, place: Place) -> Any:
    """A document as JSON that any program reads: dates as text, tuples as lists, the rest as `$artifact`."""
    return _plain(decode(document, _Plain(place)))


class _Plain(Revive):
    """Turns what only a worker could build into plain data."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def artifact(self, ref: ArtifactRef) -> Any:
        shape, place = list(ref.shape) or None, self._place(ref)
        where = {"path": None, "lost": place.why} if isinstance(place, Lost) else {"path": place}
        return {"$artifact": ref.digest, "type": ref.type or ref.format, "shape": shape, **where}

    def record(self, record: Record) -> Any:
        return record.fields.get("items", []) if record.kind == "sequence" else dict(record.fields)

    def enum(self, member: EnumMember) -> Any:
        return member.value

    def path(self, text: str) -> Any:
        return text


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {key if isinstance(key, str) else str(_plain(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)


def shown(document: Document, place: Place) -> str:
    """A value for a person: a text as it stands, a file as its path, anything else as JSON."""
    value = plain(document, place)
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict) and "$artifact" in value:
        return described(value, document)
    return safe_json(value)


def described(value: Mapping[str, Any], document: Document) -> str:
    """`DataFrame (1000, 4), 31.2 KiB: /path`, or `: lost: missing`."""
    stored = document["$artifact"] if isinstance(document, dict) else None
    count = stored.get("size") if isinstance(stored, dict) else None
    shape = f" ({', '.join(map(str, value['shape']))})" if value["shape"] else ""
    bytes_ = f", {size(count)}" if isinstance(count, int) else ""
    where = f"lost: {value['lost']}" if "lost" in value else clean(str(value["path"]))
    return f"{clean(str(value['type']))}{shape}{bytes_}: {where}"


def lines(outputs: Mapping[str, Document], place: Place) -> list[str]:
    """`name: value` for each output; a text of several lines starts on a line of its own."""
    found = []
    for name, document in outputs.items():
        text = shown(document, place)
        text = text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + f"… ({len(text)} characters)"
        found.append(f"{name}:\n{text}" if "\n" in text else f"{name}: {text}")
    return found
