"""Starts launchers without paying for the interpreter and the imports each time: a fork of this process is one.

Reads a line of JSON from stdin (arguments, folder, streams, the largest file there may be), answers with the exit
code. A fork that takes longer than a minute is killed with all it started, and answers with the signal's number,
negative.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from typing import NoReturn

import yamlflow.cli.app
import yamlflow.cli.resume
import yamlflow.cli.run
import yamlflow.cli.wiring
import yamlflow.engine.api
import yamlflow.executors.local

PATIENCE = 60


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            launch(**order)
        print(ended(pid), flush=True)


def launch(arguments: list[str], folder: str, out: str, err: str, largest: int) -> NoReturn:
    code: object = 70
    try:
        os.setsid()
        os.chdir(folder)
        for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
            os.dup2(os.open(name, flags | os.O_CREAT | os.O_TRUNC, 0o600), number)
        if largest:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        yamlflow.cli.app.main(arguments)
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 70)


def ended(pid: int) -> int:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


main()
