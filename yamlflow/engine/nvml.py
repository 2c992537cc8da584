"""The GPUs of this machine as NVIDIA's management library tells them. Asks; sets nothing."""

from __future__ import annotations

import ctypes


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def devices() -> dict[str, tuple[str, int]]:
    """Type and bytes of memory by device number; empty where the library is missing or has nothing to say."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return {}
    if nvml.nvmlInit_v2() != 0:
        return {}
    try:
        return _devices(nvml)
    finally:
        nvml.nvmlShutdown()


def _devices(nvml: ctypes.CDLL) -> dict[str, tuple[str, int]]:
    count = ctypes.c_uint()
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return {}
    found: dict[str, tuple[str, int]] = {}
    for index in range(count.value):
        handle = ctypes.c_void_p()
        if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
            found[str(index)] = (_name(nvml, handle), _total(nvml, handle))
    return found


def _name(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> str:
    text = ctypes.create_string_buffer(96)
    if nvml.nvmlDeviceGetName(handle, text, len(text)) != 0:
        return "gpu"
    return text.value.decode(errors="replace")


def _total(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> int:
    memory = _Memory()
    return int(memory.total) if nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0 else 0
