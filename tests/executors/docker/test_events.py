"""The stream of containers that end, on a real engine: it is let go of whenever it is closed."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest

from tests.leaks import until
from yamlflow.executors.docker.engine import Engine, find
from yamlflow.executors.docker.events import Events

pytestmark = pytest.mark.needs("docker")


def sockets() -> set[str]:
    """The sockets of this process."""
    links = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize("after", [0.0, 0.002, 0.01, 0.1])
def test_closing_it_at_any_moment_leaves_no_socket(after):
    before = sockets()
    gc.disable()
    try:
        for _ in range(5):
            engine = Engine(find())
            events = Events(engine, "yamlflow/run", lambda _: None, lambda _: None, lambda: None)
            time.sleep(after)
            events.close()
            engine.close()
        until(lambda: sockets() <= before)
    finally:
        gc.enable()
