"""Colours only where they are wanted, and writing that survives its reader."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from yamlflow.cli.options import Color
from yamlflow.cli.output.terminal import Outlet, Pen, is_terminal, pen, speaks_unicode


class Tty(io.StringIO):
    encoding = "UTF-8"

    def isatty(self):
        return True


class Gone(io.StringIO):
    def __init__(self):
        super().__init__()
        self.tries = 0

    def write(self, text):
        self.tries += 1
        raise BrokenPipeError


@pytest.mark.parametrize(
    ("color", "environment", "stream", "styled"),
    [
        (Color.AUTO, {}, Tty(), True),
        (Color.AUTO, {}, io.StringIO(), False),
        (Color.AUTO, {"NO_COLOR": "1"}, Tty(), False),
        (Color.AUTO, {"NO_COLOR": ""}, Tty(), True),
        (Color.AUTO, {"TERM": "dumb"}, Tty(), False),
        (Color.ALWAYS, {"NO_COLOR": "1"}, io.StringIO(), True),
        (Color.NEVER, {}, Tty(), False),
    ],
)
def test_the_flag_beats_the_environment_and_the_environment_the_terminal(
    monkeypatch, color, environment, stream, styled
):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert pen(stream, color).styled is styled


def test_a_pen_without_ink_gives_the_text_back():
    assert Pen(styled=False)("x", "red") == "x"
    assert Pen(styled=True)("x", "bold red") == "\x1b[1;31mx\x1b[0m"


def test_a_closed_stream_is_no_terminal():
    stream = io.StringIO()
    stream.close()
    assert not is_terminal(stream)


def test_an_outlet_whose_reader_went_away_falls_silent_for_good():
    gone = Gone()
    outlet = Outlet(gone)
    outlet.line("one")
    outlet.line("two")
    assert gone.tries == 1
    assert not outlet.open


def test_unicode_is_spoken_by_the_encoding_not_by_hope():
    assert speaks_unicode(Tty())
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert not speaks_unicode(latin)


def test_a_pipe_that_closes_does_not_end_a_program_that_writes_through_an_outlet():
    script = (
        "import sys\nfrom yamlflow.cli.output.terminal import out\n"
        "o = out()\nfor _ in range(10**5): o.line('y')\nsys.exit(7)"
    )
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    program.stdout.readline()
    program.stdout.close()
    _, said = program.communicate(timeout=30)
    assert (program.returncode, said) == (7, b"")
