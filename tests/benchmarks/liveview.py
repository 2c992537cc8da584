"""How much of a core the live view takes while COUNT tasks run; prints the share, 0.01 is one per cent.

The tasks are real to the engine and held by the fake executor. The view draws
on a pseudo-terminal as often as it wants to, with news at every turn.
Usage: liveview.py COUNT FOLDER
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tests.benchmarks.growth import open_loop
from yamlflow.cli.screen.live import LiveScreen
from yamlflow.core.messages import Event, ExecutorTraits, Machine, State
from yamlflow.core.progress import RunView
from yamlflow.engine.run import execute
from yamlflow.executors.fake import FakeExecutor, FakeOptions

SECONDS = 3.0
TURNS = 50  # a second


def main(count: int, folder: Path) -> None:
    run = open_loop(count, folder)
    executor = FakeExecutor(FakeOptions(held=frozenset({"fan"})), remember=False)

    def watch(view: RunView, _events: Sequence[Event]) -> None:
        if view.steps["fan"].counts.get(State.RUNNING, 0) >= count:
            print(share(view), flush=True)
            leave()

    execute(run, {"local": (executor, ExecutorTraits(machine=True))}, Machine(float(count), 1 << 50), watch)


def share(view: RunView) -> float:
    """CPU seconds of drawing in a second of watching."""
    outer, inner = os.openpty()
    threading.Thread(target=drain, args=(outer,), daemon=True).start()
    screen = LiveScreen(os.fdopen(inner, "w"), styled=True, unicode=True)
    spent, began = 0.0, time.monotonic()
    while time.monotonic() - began < SECONDS:
        view.version += 1  # something has changed
        before = time.thread_time()
        screen.tick(view)
        spent += time.thread_time() - before
        time.sleep(1 / TURNS)
    screen.close()
    return spent / SECONDS


def drain(terminal: int) -> None:
    """Read until the other end is closed, which Linux reports as an error."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


def leave() -> NoReturn:
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
