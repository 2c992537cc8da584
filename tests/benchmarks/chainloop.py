"""The floor of W2, W3 and W4: a bare fork for each step, in a row or two at a time.

Does what forkloop.py does for each task. Nothing is durable.
Usage: chainloop.py COUNT FOLDER          each step gets the value of the one before it
       chainloop.py COUNT FOLDER arrays   arrays of 20 MB, saved by two at a time, joined by one more
"""

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

OURS, THEIRS = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def start(name: str, folder: str, work: Callable[[], object]) -> None:
    scratch = f"{folder}/scratch/{name}"
    if os.fork() == 0:
        os.setsid()
        log = os.open(f"{folder}/log/{name}", os.O_CREAT | os.O_WRONLY, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        Path(scratch).mkdir()
        THEIRS.send(json.dumps({"scratch": scratch, "value": work()}).encode())
        os._exit(0)


def end() -> object:
    os.wait4(-1, 0)
    said = json.loads(OURS.recv(4096))
    shutil.rmtree(said["scratch"])
    return said["value"]


def chain(count: int, folder: str) -> object:
    value: object = 0
    for number in range(count):
        start(str(number), folder, lambda x=value: x + 1)  # type: ignore[misc]
        value = end()
    return value


def arrays(count: int, folder: str) -> object:
    import numpy as np  # the chain needs none

    files = [f"{folder}/{number}.npy" for number in range(count)]
    for number, file in enumerate(files):
        start(str(number), folder, lambda n=number, file=file: np.save(file, np.full(2_500_000, float(n))))  # type: ignore[misc]
        if number > 0:
            end()
    end()
    start("join", folder, lambda: float(sum(np.load(file)[0] for file in files)))
    return end()


if __name__ == "__main__":
    for made in ("log", "scratch"):
        Path(sys.argv[2], made).mkdir(parents=True)
    N = int(sys.argv[1])
    assert (arrays if sys.argv[3:] else chain)(N, sys.argv[2]) == (N * (N - 1) / 2 if sys.argv[3:] else N)
