"""What the two streams are connected to, and writing that outlives them.

`NO_COLOR`, `TERM=dumb` and `--color` are honoured here and nowhere else. A
reader that goes away (`| head`, a closed terminal, a full disk behind a log)
never ends a run: the stream falls silent instead, and remembers what was lost.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from typing import TextIO

from yamlflow.cli.options import Color
from yamlflow.core.dataclass import dataclass

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


@dataclass(frozen=True, slots=True)
class Pen:
    """Gives text a style where styles are wanted; the text itself must be clean already."""

    styled: bool = False

    def __call__(self, text: str, style: str) -> str:
        if not self.styled or not style or not text:
            return text
        codes = ";".join(_STYLES[word] for word in style.split())
        return f"\x1b[{codes}m{text}\x1b[0m"


PLAIN = Pen()


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream through a terminal that can move its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM", "") != "dumb"
    except ValueError:  # closed
        return False


def pen(stream: TextIO, color: Color) -> Pen:
    """The pen for a stream: a flag beats the environment, the environment beats the terminal."""
    if color is not Color.AUTO:
        return Pen(color is Color.ALWAYS)
    return Pen(is_terminal(stream) and not os.environ.get("NO_COLOR"))


def speaks_unicode(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")


def width() -> int:
    """Columns of the terminal, 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


class Outlet:
    """A stream that may go away at any time: then writing does nothing, for good.

    `lost` is why, unless it is only that nobody reads any more.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.open = True
        self.lost: OSError | None = None

    def line(self, text: str) -> None:
        self.write(text + "\n")

    def write(self, text: str) -> None:
        if not self.open:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as error:
            self.open = False
            if isinstance(error, OSError) and not _has_gone(self._stream, error):
                self.lost = error
            silence(self._stream)


def _has_gone(stream: TextIO, error: OSError) -> bool:
    """Whether nobody reads any more: a pipe's other end is closed, a terminal's window is."""
    if isinstance(error, BrokenPipeError):
        return True
    try:
        return error.errno == errno.EIO and stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def silence(stream: TextIO) -> None:
    """Points the stream at nothing, so that the interpreter's last flush cannot fail."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
    except (OSError, ValueError):
        pass


def hold_streams() -> None:
    """Opens what was closed at the start as nothing, so that no file of ours gets a stream's number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, buffering=1, encoding="utf-8", closefd=False))  # noqa: SIM115


def out() -> Outlet:
    return Outlet(sys.stdout)


def err() -> Outlet:
    return Outlet(sys.stderr)
