"""The floor of W2 and W3: a bare fork for each step, which gets the value of the one before it.

Does for each step what forkloop.py does for a task. Usage: chainloop.py COUNT FOLDER
"""

import json
import operator
import os
import shutil
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

OURS, THEIRS = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def start(name: str, folder: str, work: Callable[[], object]) -> None:
    if os.fork() == 0:
        os.setsid()
        scratch = f"{folder}/scratch/{name}"
        log = os.open(f"{folder}/log/{name}", os.O_CREAT | os.O_WRONLY, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        Path(scratch).mkdir()
        THEIRS.send(json.dumps([scratch, work()]).encode())
        os._exit(0)


def end() -> object:
    os.wait4(-1, 0)
    scratch, value = json.loads(OURS.recv(4096))
    shutil.rmtree(scratch)
    return value


def chain(count: int, folder: str) -> object:
    value: object = 0
    for number in range(count):
        start(str(number), folder, partial(operator.add, value, 1))
        value = end()
    return value


def make_room(folder: str) -> None:
    for name in ("log", "scratch"):
        Path(folder, name).mkdir(parents=True)


if __name__ == "__main__":
    make_room(sys.argv[2])
    assert chain(int(sys.argv[1]), sys.argv[2]) == int(sys.argv[1])
