"""numpy arrays as .npy files. numpy is imported when a value needs it, never before."""

from __future__ import annotations

import io
import sys
from mmap import mmap
from typing import Any, Union

HEAD = 10 + (1 << 16)
"""The longest header of a file of version 1.0, in bytes."""


def is_array(value: Any) -> bool:
    """Whether .npy says this value exactly: a plain ndarray of anything but Python objects."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject


def is_scalar(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def dump(array: Any) -> list[bytes | memoryview]:
    """Header and data of a .npy file; a contiguous array is not copied."""
    import numpy as np

    if not (array.flags.c_contiguous or array.flags.f_contiguous) or array.dtype.kind in "mMV" or not array.nbytes:
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        return [file.getvalue()]
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
    flat = array if array.flags.c_contiguous else array.T
    return [head.getvalue(), flat.reshape(-1).data.cast("B")]


def load(content: Union[bytearray, mmap]) -> Any:
    """The array, writable, in the memory of `content`."""
    import numpy as np

    file = io.BytesIO(memoryview(content)[:HEAD])
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        return np.load(io.BytesIO(content), allow_pickle=False)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    count = int(np.prod(shape, dtype=np.int64))
    if not count or dtype.hasobject:
        return np.load(io.BytesIO(content), allow_pickle=False)
    flat = np.frombuffer(content, dtype=dtype, count=count, offset=file.tell())
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
