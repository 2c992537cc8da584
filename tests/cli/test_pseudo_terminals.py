"""`run` on a terminal of its own: rows that change, the cursor back, colours only where they are wanted."""

from __future__ import annotations

import os
import pty
import select
import sys
import time

import pytest

from tests.cli.conftest import clean_environment
from tests.cli.projects import BROKEN, FINE


def on_a_terminal(folder, *words, env):
    """The program with a pseudo terminal as all three streams: what it wrote, and its code."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-m", "yamlflow", *words], {**clean_environment(), **env})
    written = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            written += piece
    _, status = os.waitpid(pid, 0)
    os.close(master)
    return written.decode(errors="replace"), os.waitstatus_to_exitcode(status)


def test_a_ci_page_gets_lines_even_on_a_terminal(place):
    folder = place(FINE)
    text, code = on_a_terminal(folder, "run", env={"CI": "true", "TERM": "xterm"})
    assert code == 0
    assert "▶ a running" in text
    assert "\x1b[?25l" not in text


def test_a_terminal_gets_rows_that_change_and_its_cursor_back(place):
    folder = place(BROKEN)
    text, code = on_a_terminal(folder, "run", env={"TERM": "xterm-256color", "LANG": "C.UTF-8"})
    assert code == 1
    assert "\x1b[?25l" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "a | from a [bold]here[/bold]" in text
    assert "bad [red]input[/red]" in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_a_dumb_terminal_and_no_color_get_no_colour(place, env):
    text, code = on_a_terminal(place(BROKEN), "run", env={**env, "LANG": "C.UTF-8"})
    assert code == 1
    assert "\x1b[31m" not in text
    assert "failed" in text
