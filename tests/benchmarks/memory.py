"""How much memory one process uses, its children left out.

`ru_maxrss` will not do: a child starts with what its parent had when it was forked.
"""

from __future__ import annotations

import os
import select
import subprocess
from contextlib import suppress
from pathlib import Path


def peak_memory(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process; its own peak memory in MB (not its children's), looked up 20 times a second.

    Comes back the moment the process ends: whoever measures time can wait here.
    """
    peak = 0.0
    end = os.pidfd_open(process.pid)
    try:
        while not select.select([end], [], [], 0.05)[0]:
            peak = max(peak, _peak_so_far(process.pid))
    finally:
        os.close(end)
    process.wait()
    return peak


def _peak_so_far(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
