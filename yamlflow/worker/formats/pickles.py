"""Pickles, protocol 5 with out-of-band buffers: the last resort for a value, loaded in workers only.

    magic "YFP1" · u32 number of buffers · u64 length of the pickle and of each buffer · pickle · buffers

Each block starts at a multiple of 64, and buffers arrive writable: an array
inside an object costs one copy and behaves as it did. A path under the task's
scratch folder is stored as an artifact of its own, wherever in the object it is.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import PurePath
from types import FunctionType
from typing import Any, NoReturn

from yamlflow.core.values import Document

MAGIC = b"YFP1"
ALIGNMENT = 64
DEPTH = 12
PARTS = 200
_OTHERS = sys.stdlib_module_names | {"yamlflow"}
_INSTALLED = frozenset({"site-packages", "dist-packages"})

Keep = Callable[[PurePath], Document]
Fetch = Callable[[Document], Any]


class _Pickler(pickle.Pickler):
    """The C pickler; `reducer_override` is asked about everything but Python's own plain types."""

    def __init__(self, file: io.BytesIO, buffers: list[pickle.PickleBuffer], keep: Keep) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffers.append)
        self._keep = keep
        self.kinds: set[Any] = set()

    def reducer_override(self, value: Any) -> Any:
        self.kinds.add(value if isinstance(value, (type, FunctionType)) else type(value))
        document = self._keep(value) if isinstance(value, PurePath) else None
        return NotImplemented if document is None else (stored_path, (document,))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, buffers: list[memoryview], fetch: Fetch) -> None:
        super().__init__(file, buffers=buffers)
        self._fetch = fetch

    def find_class(self, module: str, name: str) -> Any:
        return self._fetch if (module, name) == (__name__, "stored_path") else super().find_class(module, name)


def stored_path(document: Document) -> NoReturn:
    """Stands in a pickle for a path whose file went into the store; the loader puts the fetcher in its place."""
    raise pickle.UnpicklingError(f"a stored path outside of a worker: {document}")


def dump(value: Any, keep: Keep) -> tuple[list[bytes | memoryview], tuple[str, ...]]:
    """The blocks of a pickle file, and the names of the classes in it. Raises whatever the value's own code raises."""
    file, found = io.BytesIO(), list[pickle.PickleBuffer]()
    pickler = _Pickler(file, found, keep)
    pickler.dump(value)
    blocks = [file.getbuffer(), *(buffer.raw() for buffer in found)]
    head = MAGIC + struct.pack(f"<I{len(blocks)}Q", len(blocks) - 1, *(block.nbytes for block in blocks))
    parts: list[bytes | memoryview] = []
    for block in (memoryview(head), *blocks):
        parts += [block, bytes(-block.nbytes % ALIGNMENT)]
    return parts, tuple(
        sorted({f"{kind.__module__}:{kind.__qualname__}" for kind in pickler.kinds if _is_theirs(kind)})
    )


def _is_theirs(kind: Any) -> bool:
    """Whether a class or function is neither Python's own nor an installed package's."""
    module = str(kind.__module__)
    if module.partition(".")[0] in _OTHERS:
        return False
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return bool(file) and not _INSTALLED & set(file.split(os.sep))


def load(content: bytearray, fetch: Fetch) -> Any:
    """The object; `fetch` turns the document of a stored path into a local path."""
    whole = memoryview(content)
    (number,) = struct.unpack_from("<I", whole, len(MAGIC))
    lengths = struct.unpack_from(f"<{number + 1}Q", whole, len(MAGIC) + 4)
    place = _aligned(len(MAGIC) + 4 + 8 * len(lengths))
    blocks = []
    for length in lengths:
        blocks.append(whole[place : place + length])
        place += _aligned(length)
    return _Unpickler(io.BytesIO(blocks[0]), blocks[1:], fetch).load()


def _aligned(length: int) -> int:
    return length + -length % ALIGNMENT


def culprit(value: Any, path: str) -> tuple[str, Exception] | None:
    """Where inside a value pickling fails, and how; None when it does not."""
    try:
        dump(value, lambda _: None)
    except Exception as error:  # noqa: BLE001 - a user's __reduce__ may raise anything
        return _deeper(value, path, error, DEPTH)
    return None


def _deeper(value: Any, path: str, error: Exception, depth: int) -> tuple[str, Exception]:
    if depth:
        for name, part in _parts(value):
            try:
                dump(part, lambda _: None)
            except Exception as inner:  # noqa: BLE001
                return _deeper(part, path + name, inner, depth - 1)
    return path, error


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value is made of, as far as Python shows it, each with the text that leads there."""
    if isinstance(value, dict):
        yield from ((key_text(key), part) for key, part in list(value.items())[:PARTS])
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"[{index}]", part) for index, part in enumerate(list(value)[:PARTS]))
    state = getattr(value, "__dict__", None)
    if isinstance(state, dict) and not isinstance(value, type):
        yield from ((f".{name}", part) for name, part in list(state.items())[:PARTS])


def key_text(key: object) -> str:
    """How a key is written in the path to a value: `["model"]`, `[3]`."""
    return f"[{json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)}]"
