"""The look for what a test left behind finds each kind of it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from tests.leaks import MARK, nothing_left
from yamlflow.store.locks import take

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@contextmanager
def started(**more):
    process = subprocess.Popen(SLEEP, **more)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def descriptor():
    held = os.open(os.devnull, os.O_RDONLY)
    try:
        yield
    finally:
        os.close(held)


@contextmanager
def thread():
    over = threading.Event()
    one = threading.Thread(target=over.wait)
    one.start()
    try:
        yield
    finally:
        over.set()
        one.join()


@contextmanager
def lock(folder):
    held = take(folder / "some.lock", "it", since="now")
    try:
        yield
    finally:
        held.release()


@contextmanager
def file(folder):
    path = folder / "store" / "tmp" / "half"
    path.parent.mkdir(parents=True)
    path.touch()
    yield


def leaks(folder, mark):
    return {
        "processes": lambda: started(env={**os.environ, MARK: mark}),
        "processes in its folder": lambda: started(cwd=folder),
        "locks": lambda: lock(folder),
        "temporary files": lambda: file(folder),
        "threads": thread,
        "descriptors": descriptor,
    }


@pytest.mark.parametrize("what", leaks(None, ""))
def test_what_is_left_is_found(tmp_path, what):
    mark = f"{os.getpid()}-{what}"
    looking = nothing_left(tmp_path, mark, patience=0.1)
    looking.__enter__()
    with leaks(tmp_path, mark)[what](), pytest.raises(AssertionError, match=f"^{what} left: .+"):
        looking.__exit__(None, None, None)


def test_nothing_is_found_where_nothing_is_left(tmp_path, nothing_left):
    subprocess.run([sys.executable, "-c", ""], check=True)
