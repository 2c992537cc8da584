"""Tables as Arrow files: pandas, polars and pyarrow, when pyarrow is there and the round trip is exact.

The file's metadata names the library, so that a DataFrame comes back as what it
was. A table that Arrow cannot say exactly (mixed objects, attrs, a subclass) is
left to pickle.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

LIBRARY = b"yamlflow.library"
SAMPLE = 64


def dump(value: object) -> list[Any] | None:
    """The blocks of an Arrow file, or None for what is no table or would not come back the same."""
    for name, convert in _CONVERTERS.items():
        library = sys.modules.get(name)
        if library is not None and type(value) is getattr(library, _CLASSES[name], None):
            table = _guarded(convert, value)
            return None if table is None else [_file(table, name)]
    return None


def load(content: bytearray) -> Any:
    """The table, as an object of the library it came from."""
    import pyarrow as pa

    table = pa.ipc.open_file(pa.py_buffer(content)).read_all()
    metadata = dict(table.schema.metadata or {})
    library = metadata.pop(LIBRARY, b"pyarrow").decode()
    table = table.replace_schema_metadata(metadata or None)
    if library == "pandas":
        return table.to_pandas()
    if library == "polars":
        return import_module("polars").from_arrow(table)
    return table


def _guarded(convert: Callable[[Any], Any], value: object) -> Any:
    """The Arrow table, or None: conversions raise many things, and each means `not exactly`."""
    try:
        return convert(value)
    except Exception:  # noqa: BLE001
        return None


def _from_pandas(frame: Any) -> Any:
    import numpy as np
    import pyarrow as pa
    from pandas.testing import assert_frame_equal

    if frame.attrs or not all(_plain_text(frame[name]) for name in frame.columns[frame.dtypes == np.dtype(object)]):
        return None
    head = frame.head(SAMPLE)
    assert_frame_equal(pa.Table.from_pandas(head).to_pandas(), head, check_exact=True)
    return pa.Table.from_pandas(frame)


def _plain_text(column: Any) -> bool:
    return all(value is None or type(value) is str for value in column)


def _from_polars(frame: Any) -> Any:
    table = frame.to_arrow()
    back = import_module("polars").from_arrow(table.slice(0, SAMPLE))
    return table if back.schema == frame.schema and back.equals(frame.head(SAMPLE)) else None


def _file(table: Any, library: str) -> Any:
    import pyarrow as pa

    metadata = {**(table.schema.metadata or {}), LIBRARY: library.encode()}
    table = table.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


_CLASSES = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "Table"}
_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "pandas": _from_pandas,
    "polars": _from_polars,
    "pyarrow": lambda table: table,
}
