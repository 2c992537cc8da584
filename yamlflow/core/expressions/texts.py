"""Values as text: what fills a hole, and the functions over text, paths and JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePath
from typing import Any

from yamlflow.core.expressions.access import field_names
from yamlflow.core.expressions.contents import Load, describe, listed, opened, plain
from yamlflow.core.expressions.faults import VALUE, Fault
from yamlflow.core.expressions.operators import MAX_JOINED, check_size
from yamlflow.core.values import ArtifactRef, Record, UnstorableError, encode


def fill(value: Any) -> str:
    """The text of a value in a hole, an argument or a variable: str, int, float, bool, date and path only."""
    value = plain(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    raise Fault(f"{describe(value)} is not text", hint=_fill_hint(value))


def _fill_hint(value: Any) -> str:
    if value is None:
        return 'null stands for a skipped or missing value: write coalesce(x, "")'
    if isinstance(value, (list, tuple, range)):
        return 'write to_json(x), or join(" ", x)'
    return "write to_json(x)"


def join(sep: Any, list: Any) -> str:  # noqa: A002 - the name users write
    if not isinstance(plain(sep), str):
        raise Fault("join takes the separator first", hint='write join(", ", list)')
    parts = [fill(item) for item in listed(list, "join")]
    check_size(sum(len(part) for part in parts) + len(sep) * len(parts), MAX_JOINED)
    return str(plain(sep)).join(parts)


def split(text: Any, sep: Any = None) -> list[str]:
    text, sep = plain(text), plain(sep)
    if not isinstance(text, str):
        raise Fault(f"split takes text, not {describe(text)}")
    if sep is not None and not isinstance(sep, str):
        raise Fault(f"split takes a separator, not {describe(sep)}", hint='write split(text, ",")')
    if sep == "":
        raise Fault("split: the separator is empty", hint="leave it out to split at spaces", code=VALUE)
    return text.split(sep)


def path_or_name(value: Any, load: Load) -> Any:
    """A stored file's name is known without opening it; anything else is opened."""
    if type(value) is ArtifactRef and value.name and value.format in ("file", "dir"):
        return value.name
    return opened(value, load)


def basename(path: Any) -> str:
    return _path(path, "basename").rstrip("/").rpartition("/")[2]


def stem(path: Any) -> str:
    name = basename(_path(path, "stem"))
    return PurePath(name).stem


def _path(value: Any, function: str) -> str:
    value = plain(value)
    if isinstance(value, (str, PurePath)):
        return str(value)
    raise Fault(f"{function} takes a path, not {describe(value)}")


def to_json(value: Any) -> str:
    return json.dumps(_jsonable(value), ensure_ascii=False)


def _jsonable(value: Any) -> Any:
    """Plain JSON data: dates and paths as text, enums as their values, objects as mappings of their fields."""
    value = plain(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (date, PurePath)):
        return fill(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (Mapping, Record)):
        pairs = value.fields if isinstance(value, Record) else value
        return {fill(key): _jsonable(item) for key, item in pairs.items()}
    return _jsonable_items(value)


def _jsonable_items(value: Any) -> Any:
    names = field_names(value)
    if names:
        return {name: _jsonable(getattr(value, name)) for name in names}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_jsonable(item) for item in value]
    if hasattr(value, "shape") and hasattr(value, "tolist"):
        return _jsonable(value.tolist())
    raise Fault(f"to_json: {describe(value)} has no JSON form", hint="let a step turn it into numbers, text or lists")


def from_json(text: Any) -> Any:
    text = plain(text)
    if not isinstance(text, str):
        raise Fault(f"from_json takes text, not {describe(text)}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Fault(f"from_json: {error}", code=VALUE) from None


def digest(value: Any) -> str:
    """SHA-256 in hex of a value's canonical JSON; a stored value counts by the digest of its content."""
    if type(value) is ArtifactRef:
        return value.digest
    try:
        document = encode(value, other=_digestable)
    except UnstorableError as error:
        raise Fault(f"hash: {error}") from None
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _digestable(path: str, value: Any) -> Any:
    """numpy scalars, ranges, paths and real enum members count as the documents they become."""
    simple = plain(value)
    if simple is not value:
        return encode(simple, other=_digestable, path=path)
    if isinstance(value, PurePath):
        return {"$path": value.as_posix()}
    if isinstance(value, range):
        return list(value)
    if isinstance(value, Mapping):
        return encode(dict(value), other=_digestable, path=path)
    raise UnstorableError(path, value)
