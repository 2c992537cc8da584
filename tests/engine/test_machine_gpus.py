"""GPUs as NVML tells them: a small library of the same name stands in for NVIDIA's, found by the dynamic linker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory_t;
static char a100, h100;
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    if (index == BROKEN) return 15;
    *handle = index == 0 ? &a100 : &h100;
    return index < 2 ? 0 : 2;
}
int nvmlDeviceGetName(void *handle, char *name, unsigned int length) {
    if (length < 64) return 7;
    strcpy(name, handle == &a100 ? "NVIDIA A100-SXM4-40GB" : "NVIDIA H100 PCIe");
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory) {
    memory->total = (handle == &a100 ? 40ULL : 80ULL) << 30;
    memory->free = memory->used = 1;
    return 0;
}
"""
ASK = """
import json, sys
from pathlib import Path
from yamlflow.engine.machine import find_gpus
print(json.dumps(find_gpus(Path(sys.argv[1]))))
"""
A100 = ["NVIDIA A100-SXM4-40GB", 40 << 30]
H100 = ["NVIDIA H100 PCIe", 80 << 30]

Ask = Callable[..., dict[str, list[object]]]


@pytest.fixture
def find(tmp_path: Path) -> Ask:
    """Asks a fresh process what it finds, with the library built as told, or with none."""

    def ask(*, library: bool = True, driver: bool = True, init: int = 0, broken: int = -1, **env: str) -> object:
        control = tmp_path / "nvidiactl"
        if driver:
            control.touch()
        if library:
            build(tmp_path, INIT=init, BROKEN=broken)
        clean = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        clean |= {"LD_LIBRARY_PATH": str(tmp_path), **env}
        command = [sys.executable, "-c", ASK, str(control)]
        done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return json.loads(done.stdout)

    return ask  # type: ignore[return-value]


def build(folder: Path, **defined: int) -> None:
    (folder / "nvml.c").write_text(SOURCE)
    flags = [f"-D{name}=(unsigned)({value})" for name, value in defined.items()]
    command = ["cc", "-shared", "-fPIC", *flags, "-o", str(folder / "libnvidia-ml.so.1"), str(folder / "nvml.c")]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.needs("cc")
def test_each_device_is_found_with_its_name_and_memory(find: Ask) -> None:
    assert find() == {"0": A100, "1": H100}


@pytest.mark.needs("cc")
@pytest.mark.parametrize(
    ("visible", "found"),
    [("1", {"1": H100}), ("1,0", {"1": H100, "0": A100}), ("", {}), ("-1", {}), ("1,-1,0", {"1": H100}), ("7", {})],
)
def test_only_devices_that_this_process_may_see_count(find: Ask, visible: str, found: dict[str, object]) -> None:
    assert find(CUDA_VISIBLE_DEVICES=visible) == found


@pytest.mark.needs("cc")
def test_a_device_that_does_not_answer_is_left_out(find: Ask) -> None:
    assert find(broken=0) == {"1": H100}


@pytest.mark.needs("cc")
def test_a_library_that_cannot_start_means_no_gpus(find: Ask) -> None:
    assert find(init=9) == {}


def test_without_the_library_there_are_no_gpus_and_no_error(find: Ask) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has the library")
    assert find(library=False) == {}


@pytest.mark.needs("cc")
def test_without_the_driver_the_library_is_not_asked(find: Ask) -> None:
    assert find(driver=False) == {}
