"""Values as tagged JSON: what travels in events, jobs and outcomes.

A *document* is JSON in which a leaf may be a reference to something stored
(`{"$artifact": {...}}`) and a value that JSON cannot say exactly carries a tag
(`$tuple`, `$float`, `$date`, ...). The launcher can read every document; it
never opens the bytes behind a reference other than JSON, and never unpickles.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath, PurePosixPath
from typing import Any, Union

from yamlflow.core.dataclass import dataclass

Document = Union[None, bool, int, float, str, list["Document"], dict[str, "Document"]]

INLINE_LIMIT = 4096
"""A document of at most so many bytes of JSON travels inside events; a larger one is stored."""

READABLE_LIMIT = 1 << 20
"""The launcher opens stored JSON of at most so many bytes to evaluate an expression."""


_CLASSES = re.compile(rb'\{"\$(?:object|enum)":\["([^"]+)"|"\$artifact":\{[^{}]*"classes":\[([^\]]*)\]')


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """A stored value: where it is (by content) and what people want to know of it.

    `digest` is the SHA-256 of the content in hex, `format` one of json, npy,
    arrow, pickle, file, dir; `size` in bytes; `name` the base name of a file
    or folder; `type` and `shape` are for display only. `classes` (`module:QualName`)
    are those of the objects in it: whoever reads it runs their code.
    """

    digest: str
    format: str
    size: int
    type: str = ""
    name: str = ""
    shape: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """An object with named fields whose class only the worker can import.

    `kind` is dataclass, namedtuple or pydantic; `type` is `module:QualName`.
    """

    type: str
    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EnumMember:
    """An enum member whose class only the worker can import; equal to its plain value."""

    type: str
    name: str
    value: Any

    def __eq__(self, other: object) -> bool:
        if isinstance(other, EnumMember):
            return (self.type, self.name) == (other.type, other.name)
        return bool(self.value == other)

    def __hash__(self) -> int:
        return hash(self.value)


class UnstorableError(TypeError):
    """A value that tagged JSON cannot say; `path` leads to it inside the whole value."""

    def __init__(self, path: str, value: object) -> None:
        super().__init__(f"{path}: {type(value).__name__} has no exact JSON form")
        self.path = path
        self.value = value


Other = Callable[[str, Any], Document]


def refuse(path: str, value: object) -> Document:
    """The default for what JSON cannot say: an error that names the place."""
    raise UnstorableError(path, value)


def encode(value: Any, *, other: Other = refuse, path: str = "result") -> Document:
    """The document of a value; `other(path, value)` decides about everything JSON cannot say."""
    kind = type(value)
    if value is None or kind is bool or kind is str or kind is int:
        return value  # type: ignore[no-any-return]
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [encode(item, other=other, path=f"{path}[{index}]") for index, item in enumerate(value)]
    if kind is dict:
        return _encode_mapping(value, other, path)
    return _encode_tagged(value, other, path)


def _encode_mapping(value: dict[Any, Any], other: Other, path: str) -> Document:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: encode(item, other=other, path=f"{path}[{key!r}]") for key, item in value.items()}
    pairs: list[Document] = [
        [encode(key, other=other, path=f"{path} key {key!r}"), encode(item, other=other, path=f"{path}[{key!r}]")]
        for key, item in value.items()
    ]
    return {"$map": pairs}


def _encode_tagged(value: Any, other: Other, path: str) -> Document:
    kind = type(value)
    if kind is tuple:
        return {"$tuple": [encode(item, other=other, path=f"{path}[{index}]") for index, item in enumerate(value)]}
    if kind is datetime:
        return {"$datetime": value.isoformat()}
    if kind is date:
        return {"$date": value.isoformat()}
    if kind is timedelta:
        return {"$duration": [value.days, value.seconds, value.microseconds]}
    if kind is Decimal:
        return {"$decimal": str(value)}
    if kind is ArtifactRef:
        return encode_ref(value)
    if kind is Record:
        fields = {name: encode(item, other=other, path=f"{path}.{name}") for name, item in value.fields.items()}
        return {"$object": [value.type, value.kind, fields]}
    if kind is EnumMember:
        return {"$enum": [value.type, value.name, encode(value.value, other=other, path=path)]}
    if kind is PurePosixPath:
        return {"$path": str(value)}
    return other(path, value)


def encode_ref(ref: ArtifactRef) -> Document:
    """`{"$artifact": {...}}`, without the fields that are empty."""
    body: dict[str, Document] = {"digest": ref.digest, "format": ref.format, "size": ref.size}
    if ref.type:
        body["type"] = ref.type
    if ref.name:
        body["name"] = ref.name
    if ref.shape:
        body["shape"] = list(ref.shape)
    if ref.classes:
        body["classes"] = list(ref.classes)
    return {"$artifact": body}


def decode_ref(body: Mapping[str, Any]) -> ArtifactRef:
    """The reference behind `$artifact`."""
    return ArtifactRef(
        digest=body["digest"],
        format=body["format"],
        size=body["size"],
        type=body.get("type", ""),
        name=body.get("name", ""),
        shape=tuple(body.get("shape", ())),
        classes=tuple(body.get("classes", ())),
    )


class Revive:
    """How tags become objects; the worker overrides what only it can build."""

    def artifact(self, ref: ArtifactRef) -> Any:
        return ref

    def record(self, record: Record) -> Any:
        return record

    def enum(self, member: EnumMember) -> Any:
        return member

    def path(self, text: str) -> PurePath:
        return PurePosixPath(text)


_LAUNCHER = Revive()


def decode(document: Any, revive: Revive = _LAUNCHER) -> Any:
    """The value of a document. Without a `revive`, references, records and enum members stay opaque."""
    if isinstance(document, list):
        return [decode(item, revive) for item in document]
    if not isinstance(document, dict):
        return document
    if len(document) == 1:
        (tag,) = document
        if tag.startswith("$"):
            return _decode_tagged(tag, document[tag], revive)
    return {key: decode(item, revive) for key, item in document.items()}


def _decode_tagged(tag: str, body: Any, revive: Revive) -> Any:
    if tag == "$artifact":
        return revive.artifact(decode_ref(body))
    if tag == "$tuple":
        return tuple(decode(item, revive) for item in body)
    if tag == "$map":
        return {decode(key, revive): decode(item, revive) for key, item in body}
    if tag == "$object":
        type_name, kind, fields = body
        return revive.record(Record(type_name, kind, {name: decode(item, revive) for name, item in fields.items()}))
    if tag == "$enum":
        return revive.enum(EnumMember(body[0], body[1], decode(body[2], revive)))
    if tag == "$path":
        return revive.path(body)
    return _SCALARS[tag](body)


_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "$float": float,
    "$date": date.fromisoformat,
    "$datetime": datetime.fromisoformat,
    "$duration": lambda body: timedelta(*body),
    "$decimal": Decimal,
}


def references(document: Any) -> list[ArtifactRef]:
    """Every reference inside a document, in order of appearance."""
    found: list[ArtifactRef] = []
    stack = [document]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            if len(item) == 1 and "$artifact" in item:
                found.append(decode_ref(item["$artifact"]))
            else:
                stack.extend(reversed(list(item.values())))
    return found


def classes_in(body: bytes) -> tuple[str, ...]:
    """The classes of the objects in a document that is compact JSON, in order of their names."""
    found: set[str] = set()
    for own, many in _CLASSES.findall(body):
        found.update([own.decode()] if own else json.loads(b"[" + many + b"]"))
    return tuple(sorted(found))


def renewed(document: Any, replaced: Mapping[str, ArtifactRef]) -> Any:
    """A document that refers to what was made anew where it referred to what was lost."""
    if not replaced:
        return document
    if isinstance(document, list):
        return [renewed(item, replaced) for item in document]
    if not isinstance(document, Mapping):
        return document
    body = document.get("$artifact")
    if len(document) == 1 and isinstance(body, Mapping):
        return encode_ref(replaced[body["digest"]]) if body["digest"] in replaced else document
    return {name: renewed(part, replaced) for name, part in document.items()}
