"""How much memory one process uses, its children left out.

`ru_maxrss` will not do: a child starts with what its parent had when it was forked.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path


def peak_memory(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process; its own peak memory in MB (not its children's), looked up 20 times a second."""
    peak = 0.0
    while True:
        with suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            found = [line for line in status.splitlines() if line.startswith("VmHWM:")]
            peak = max([peak, *(int(line.split()[1]) / 1024 for line in found)])
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            return peak
