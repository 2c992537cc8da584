"""The floor: a bare loop that forks a process per task, two at a time.

Does for every task just what the local executor's features need: setsid, a log
file, a scratch folder, a frame with the result, wait4. Nothing is durable.
Usage: forkloop.py COUNT FOLDER
"""

import json
import os
import socket
import sys

WORKERS = 2


def task(number: int) -> int:
    return number


def child(number: int, folder: str, line: socket.socket) -> None:
    os.setsid()
    log = os.open(f"{folder}/log/{number}", os.O_CREAT | os.O_WRONLY, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.mkdir(f"{folder}/scratch/{number}")  # noqa: PTH102 - the floor pays for no Path
    line.send(json.dumps({"task": number, "value": task(number)}).encode())
    os._exit(0)


def main(count: int, folder: str) -> None:
    for name in ("log", "scratch"):
        os.makedirs(f"{folder}/{name}")  # noqa: PTH103
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    total = 0
    running: dict[int, int] = {}
    for number in range(count + WORKERS):
        if number >= WORKERS and running:
            pid, _status, _usage = os.wait4(-1, 0)
            total += json.loads(ours.recv(4096))["value"]
            os.rmdir(f"{folder}/scratch/{running.pop(pid)}")  # noqa: PTH106
        if number < count:
            pid = os.fork()
            if pid == 0:
                child(number, folder, theirs)
            running[pid] = number
    assert total == count * (count - 1) // 2


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
