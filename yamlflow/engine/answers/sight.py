"""Documents as expressions see them, and values as documents again, without loss.

References stay unopened, classes unimported. A range or array that a loop
iterates reads as a list and is written back as what it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Any

from yamlflow.core.expressions.contents import plain
from yamlflow.core.expressions.fanned import Fanned, settle
from yamlflow.core.values import Document, Record, Revive, UnstorableError, decode, encode


class Listed(list[Any]):
    """The items of a stored range or array, with the record they came from."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.fields["items"])
        self.record = record


class _Seeing(Revive):
    def record(self, record: Record) -> Any:
        return Listed(record) if record.kind == "sequence" else record


_SEEING = _Seeing()


def see(document: Any) -> Any:
    """The value of a document, references unopened."""
    return decode(document, _SEEING) if isinstance(document, (dict, list)) else document


def write(value: Any) -> Document:
    """The document of a value that an expression gave."""
    return encode(settle(value), other=_other, path="value")


def write_plainly(value: Any) -> Document:
    """As `write`, but a stored range or array is a plain list: for who only reads it."""
    return encode(settle(value), other=_plain_other, path="value")


def _plain_other(path: str, value: Any) -> Document:
    return encode(list(value), other=_plain_other, path=path) if isinstance(value, Listed) else _other(path, value)


def _other(path: str, value: Any) -> Document:
    simple = plain(value)
    if simple is not value and not isinstance(value, Enum):
        return encode(simple, other=_other, path=path)
    match value:
        case Listed():
            return encode(value.record, other=_other, path=path)
        case Fanned():
            return encode(settle(value), other=_other, path=path)
        case PurePath():
            return {"$path": str(value)}
        case Mapping():
            return encode(dict(value), other=_other, path=path)
        case Sequence() if not isinstance(value, (str, bytes)):
            return encode(list(value), other=_other, path=path)
        case _:
            raise UnstorableError(path, value)
