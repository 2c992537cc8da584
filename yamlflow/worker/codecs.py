"""Values into documents and back: what is inline, what becomes a file, and in which format.

- A record, a mapping of up to 64 text keys and a tuple keep their shape: each
  field is stored apart. So does a list that a loop iterates, item by item.
- JSON only when it gives the value back exactly; then numpy's format, Arrow,
  and pickle at last. A Path becomes the file or folder it leads to.
- A document stays within INLINE_LIMIT: its largest fields move into JSON
  objects of their own until it fits. A stored JSON object may itself hold
  references.

Runs in workers, which may import what a user's value needs; never in the launcher.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, cast

from yamlflow.core.values import (
    INLINE_LIMIT,
    ArtifactRef,
    Document,
    EnumMember,
    Record,
    Revive,
    classes_in,
    decode,
    encode,
    encode_ref,
)
from yamlflow.worker.formats import arrays, pickles, records, tables
from yamlflow.worker.storage import ArtifactLostError, LocalStorage

FIELDS = records.FIELDS
WORTHWHILE = 256
"""A field of fewer bytes is not worth a file of its own: the reference to it is as long."""

_encode = json.JSONEncoder(separators=(",", ":")).encode
_PLAIN = frozenset({type(None), bool, int, str, float})
_SMALL = frozenset({type(None), bool, float})
_LONG = 1 << 64
_TAGGED = frozenset({tuple, date, datetime, timedelta, Decimal})


class UnstorableValueError(Exception):
    """A value that cannot be stored; the message leads to the culprit inside it."""


class _HeavyError(Exception):
    """Not for JSON: an array, a table, an object of an unknown class."""


def store_value(
    value: Any, store: LocalStorage, *, scratch: str = "", iterated: Iterable[str] = (), names: Sequence[str] = ()
) -> Document:
    """The document of a task's value, its large parts stored.

    `scratch` is the folder that files may be moved out of, `iterated` names the fields
    some loop iterates ("" is the whole value), `names` those of a returned tuple's parts.
    """
    kind = type(value)
    if not names and (kind in _SMALL or (kind is int and -_LONG < value < _LONG)):
        return encode(value)
    storing = _Storing(store, scratch, frozenset(iterated))
    try:
        return storing.fitted(storing.whole(_with_names(value, names)))
    except (ValueError, RecursionError):  # integers of thousands of digits, thousands of lists in lists
        return storing.pickled(value, "result")


def _with_names(value: Any, names: Sequence[str]) -> Any:
    if not names:
        return value
    if not isinstance(value, tuple) or len(value) != len(names):
        got = f"a tuple of {len(value)}" if isinstance(value, tuple) else f"a value of type {type(value).__name__}"
        raise UnstorableValueError(f"`outputs` names a tuple of {len(names)} ({', '.join(names)}); got {got}")
    return Record("builtins:tuple", "tuple", dict(zip(names, value, strict=True)))


class _Storing:
    """One value on its way into the store."""

    def __init__(self, store: LocalStorage, scratch: str, iterated: frozenset[str]) -> None:
        self._store = store
        self._scratch = os.path.realpath(scratch) if scratch else ""
        self._iterated = iterated
        self._kept: dict[str, Document] = {}

    # ---------------------------------------------------------------- shape

    def whole(self, value: Any) -> Document:
        """The value at the top: its fields apart, the iterated ones item by item."""
        if "" in self._iterated:
            return self._items(value, "result")
        record = value if isinstance(value, Record) else records.record_of(value)
        if record is not None:
            fields = {name: self._field(part, name, f"result.{name}") for name, part in record.fields.items()}
            return {"$object": [record.type, record.kind, cast("Document", fields)]}
        if _is_mapping(value):
            return {key: self._field(part, key, "result" + pickles.key_text(key)) for key, part in value.items()}
        return self._walk(value, "result")

    def _field(self, value: Any, name: str, path: str) -> Document:
        return self._items(value, path) if name in self._iterated else self._walk(value, path)

    def _items(self, value: Any, path: str) -> Document:
        """A list, tuple, range or array that a loop reads: each item within the limit, or a file."""
        kind = type(value)
        if kind is range:
            return encode(records.sequence_record("builtins:range", list(value), range=_bounds(value)))
        if arrays.is_array(value) and value.ndim == 1 and value.dtype.kind in "biuf":
            return encode(records.sequence_record("numpy:ndarray", value.tolist(), dtype=value.dtype.str))
        if kind is not list and kind is not tuple:
            return self._walk(value, path)
        items = [self._item(item, f"{path}[{index}]") for index, item in enumerate(value)]
        return items if kind is list else {"$tuple": cast("Document", items)}

    def _item(self, item: Any, path: str) -> Document:
        if type(item) in _PLAIN and type(item) is not str:
            return encode(item)
        return self.fitted(self._walk(item, path))

    def _walk(self, value: Any, path: str) -> Document:
        """Inline where JSON is exact, part by part where the value has parts, a file otherwise."""
        before = len(self._kept)
        try:
            return encode(value, other=self._light, path=path)
        except _HeavyError:
            parts = self._parts(value, path, must=len(self._kept) > before)
            return self._file(value, path) if parts is None else parts
        except RecursionError:
            return self._file(value, path)

    def _parts(self, value: Any, path: str, *, must: bool) -> Document | None:
        """Each part for itself; `must`: however many there are, because some are files."""
        kind = type(value)
        record = records.record_of(value)
        if record is not None:
            fields = {name: self._walk(part, f"{path}.{name}") for name, part in record.fields.items()}
            return {"$object": [record.type, record.kind, cast("Document", fields)]}
        if kind is dict and (must or len(value) <= FIELDS) and all(type(key) is str for key in value):
            parts = {key: self._walk(part, path + pickles.key_text(key)) for key, part in value.items()}
            return parts if _is_mapping(value) else {"$map": [[key, part] for key, part in parts.items()]}
        if kind in (list, tuple) and (must or len(value) <= FIELDS):
            items: Document = [self._walk(part, f"{path}[{index}]") for index, part in enumerate(value)]
            return items if kind is list else {"$tuple": items}
        return None

    def _light(self, path: str, value: object) -> Document:
        """What JSON can say with a tag, and paths; anything else is heavy."""
        if arrays.is_scalar(value):
            return self._plain_scalar(path, cast("Any", value).item())
        if isinstance(value, PurePath):
            return self._path(value, path)
        if isinstance(value, Enum):
            return self._enum(path, value)
        record = records.record_of(value)
        if record is None:
            raise _HeavyError
        return encode(record, other=self._light, path=path)

    def _plain_scalar(self, path: str, item: Any) -> Document:
        if type(item) not in _PLAIN and type(item) not in _TAGGED:
            raise _HeavyError
        return encode(item, other=self._light, path=path)

    def _enum(self, path: str, value: Enum) -> Document:
        member = records.enum_member(value)
        if member is None:
            raise _HeavyError
        return encode(member, other=self._heavy, path=path)

    def _heavy(self, _path: str, _value: object) -> Document:
        raise _HeavyError

    # ---------------------------------------------------------------- files

    def _path(self, path: PurePath, place: str) -> Document:
        """The file or folder a path leads to; the same one twice is one."""
        real = os.path.realpath(path)
        key = f"{real}\0{path.name}"
        if key not in self._kept:
            self._kept[key] = encode_ref(self._stored_path(path, real, place))
        return self._kept[key]

    def _stored_path(self, path: PurePath, real: str, place: str) -> ArtifactRef:
        name = path.name or os.path.basename(real)
        if os.path.isdir(real):
            digest, size = self._store.put_tree(real, take_from=self._scratch)
            return ArtifactRef(digest, "dir", size, type="Path", name=name)
        if not os.path.isfile(real):
            said = "is neither a file nor a folder" if os.path.exists(real) else "does not exist"
            raise UnstorableValueError(f"{place}: the path {os.fspath(path)!r} {said}")
        digest, size = self._store.put_file(real, take_from=self._scratch)
        return ArtifactRef(digest, "file", size, type="Path", name=name)

    def _file(self, value: Any, path: str) -> Document:
        """An array, a table, or the pickle of whatever it is."""
        kind = type(value)
        if arrays.is_array(value):
            return self._put(arrays.dump(value), "npy", str(value.dtype), tuple(value.shape))
        table = tables.dump(value)
        if table is not None:
            return self._put(table, "arrow", _type_text(kind), tuple(value.shape))
        return self.pickled(value, path)

    def pickled(self, value: Any, path: str) -> Document:
        """The last resort. Raises UnstorableValueError that leads to the culprit."""
        try:
            blocks, classes = pickles.dump(value, self._inside_pickle)
        except UnstorableValueError:
            raise
        except Exception as error:
            place, cause = pickles.culprit(value, path) or (path, error)
            raise UnstorableValueError(f"{place}: {_said(cause)}") from error
        return self._put(blocks, "pickle", _type_text(type(value)), _shape(value), classes)

    def _inside_pickle(self, path: PurePath) -> Document:
        """A file under scratch would be gone when the pickle is read: it goes into the store."""
        if not (self._scratch and os.path.exists(path)):
            return None
        real = os.path.realpath(path)
        return self._path(path, "result") if real.startswith(self._scratch + os.sep) else None

    def _put(
        self, blocks: Iterable[Any], form: str, kind: str, shape: tuple[int, ...] = (), classes: tuple[str, ...] = ()
    ) -> Document:
        digest, size = self._store.put_bytes(blocks)
        return encode_ref(ArtifactRef(digest, form, size, type=kind, shape=shape, classes=classes))

    # ---------------------------------------------------------------- size

    def fitted(self, document: Document) -> Document:
        """The document within the limit, its largest fields moved out; a value without fields moves as a whole."""
        if len(_dump(document)) <= INLINE_LIMIT:
            return document
        if isinstance(document, dict) and len(document) <= FIELDS:
            (first, body), *_ = document.items()
            match first, body:
                case "$artifact", _:
                    return document
                case "$object", [kind, label, dict() as fields] if label != "sequence":
                    return {"$object": [kind, label, self._lightened(fields)]}
                case "$tuple", list() as items if len(items) <= FIELDS and not self._iterated:
                    by_index = self._lightened({str(index): item for index, item in enumerate(items)})
                    return {"$tuple": list(by_index.values())}
                case str(), _ if not first.startswith("$"):
                    return cast("Document", self._lightened(document))
        return self._json(document)

    def _lightened(self, fields: dict[str, Document]) -> dict[str, Document]:
        sizes = {name: len(_dump(field)) for name, field in fields.items()}
        total, result = sum(sizes.values()) + sum(map(len, fields)), dict(fields)
        for name in sorted(sizes, key=lambda name: -sizes[name]):
            if total <= INLINE_LIMIT - WORTHWHILE or sizes[name] <= WORTHWHILE:
                break
            if not _is_reference(fields[name]):
                result[name] = self._json(fields[name])
                total += len(_dump(result[name])) - sizes[name]
        return result

    def _json(self, document: Document) -> Document:
        items = document if isinstance(document, list) else []
        body, shape = _dump(document).encode(), (len(items),) if items else ()
        return self._put([body], "json", _document_type(document), shape, classes_in(body))


def _is_mapping(value: Any) -> bool:
    return (
        type(value) is dict
        and len(value) <= FIELDS
        and all(type(key) is str and not key.startswith("$") for key in value)
    )


def _is_reference(document: Document) -> bool:
    return isinstance(document, dict) and len(document) == 1 and "$artifact" in document


def _bounds(value: range) -> list[int]:
    return [value.start, value.stop, value.step]


def _dump(document: Document) -> str:
    return _encode(document)


def _document_type(document: Document) -> str:
    if isinstance(document, dict) and len(document) == 1:
        (tag,) = document
        return {"$tuple": "tuple", "$object": "object", "$map": "dict"}.get(tag, "dict")
    return type(document).__name__


def _type_text(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _shape(value: Any) -> tuple[int, ...]:
    shape = getattr(value, "shape", None)
    plain = isinstance(shape, tuple) and all(type(number) is int for number in shape)
    return shape if plain else ()  # type: ignore[return-value]


def _said(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - an exception's own text may fail
        return type(error).__name__


# -------------------------------------------------------------------- reading


class _Reviving(Revive):
    """Tags become objects again; references are read from the store."""

    def __init__(self, store: LocalStorage) -> None:
        self._store = store

    def artifact(self, ref: ArtifactRef) -> Any:
        try:
            return _READERS[ref.format](self._store, ref)
        except ArtifactLostError as lost:
            raise lost.inside(ref)  # noqa: B904 - it is the same

    def record(self, record: Record) -> Any:
        return records.build(record)

    def enum(self, member: EnumMember) -> Any:
        return records.build_enum(member)

    def path(self, text: str) -> Path:
        return Path(text)


def load_value(document: Document, store: LocalStorage) -> Any:
    """The value of a document, everything it refers to included."""
    if type(document) in _PLAIN:
        return document
    return decode(document, _Reviving(store))


def load_items(document: Document, store: LocalStorage) -> LazyItems | None:
    """The items of a list, each read when its turn comes; None when the document is no list."""
    while _is_reference(document):
        ref = decode(document)
        if ref.format != "json":
            return None
        document = json.loads(store.read(ref))
    if isinstance(document, dict) and len(document) == 1 and isinstance(document.get("$tuple"), list):
        document = document["$tuple"]
    return LazyItems(document, store) if isinstance(document, list) else None


class LazyItems:
    """The items of a list, one in memory at a time; can be gone through more than once."""

    def __init__(self, documents: Sequence[Document], store: LocalStorage) -> None:
        self._documents = documents
        self._store = store

    def __len__(self) -> int:
        return len(self._documents)

    def __iter__(self) -> Iterator[Any]:
        return (load_value(document, self._store) for document in self._documents)


def _load_json(store: LocalStorage, ref: ArtifactRef) -> Any:
    return load_value(json.loads(store.read(ref)), store)


def _load_pickle(store: LocalStorage, ref: ArtifactRef) -> Any:
    return pickles.load(store.read(ref), lambda document: load_value(document, store))


_READERS: Mapping[str, Callable[[LocalStorage, ArtifactRef], Any]] = {
    "json": _load_json,
    "npy": lambda store, ref: arrays.load(store.memory(ref)),
    "arrow": lambda store, ref: tables.load(store.read(ref)),
    "pickle": _load_pickle,
    "file": lambda store, ref: store.path(ref),
    "dir": lambda store, ref: store.path(ref),
}
