"""A program on a pseudo terminal of its own, as a person has it before them: keys in, text out."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

PATIENCE = 60.0
CTRL_C = b"\x03"
CTRL_Z = b"\x1a"


class Terminal:
    """Runs a command in a session of its own, whose terminal this is; close it in the end."""

    def __init__(self, words: list[str], folder: Path, env: dict[str, str], *, ignore: tuple[int, ...] = ()) -> None:
        self.text = ""
        self._status: int | None = None
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                for number in ignore:
                    signal.signal(number, signal.SIG_IGN)
                os.execvpe(words[0], words, {"TERM": "xterm", "LANG": "C.UTF-8", **env})
            finally:
                os._exit(99)

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def hang_up(self) -> None:
        """The window is closed."""
        os.close(self._master)
        self._master = -1

    def read(self, seconds: float = 0.05) -> None:
        """Takes in what is there."""
        if self._master < 0 or not select.select([self._master], [], [], seconds)[0]:
            return
        try:
            self.text += os.read(self._master, 65536).decode(errors="replace")
        except OSError:  # nobody is at the other end any more
            time.sleep(seconds)

    def until(self, words: str) -> None:
        """Waits until the text has these words."""
        end = time.monotonic() + PATIENCE
        while words not in self.text:
            assert time.monotonic() < end, f"{words!r} was never shown: {self.text}"
            self.read()

    def stopped(self) -> None:
        """Waits until the program is stopped."""
        self._wait(os.WUNTRACED, os.WIFSTOPPED)
        self._status = None

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> int:
        """Waits for the end of the program; its code, negative for a signal."""
        status = self._wait(0, lambda status: os.WIFEXITED(status) or os.WIFSIGNALED(status))
        self.read()
        return os.waitstatus_to_exitcode(status)

    def _wait(self, options: int, wanted) -> int:
        end = time.monotonic() + PATIENCE
        while True:
            self.read()
            if self._status is None:
                pid, status = os.waitpid(self.pid, options | os.WNOHANG)
                self._status = status if pid else None
            if self._status is not None and wanted(self._status):
                return self._status
            assert time.monotonic() < end, f"still running: {self.text}"

    def close(self) -> None:
        if self._status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        if self._master >= 0:
            os.close(self._master)


def ours(*words: str) -> list[str]:
    """The argv of `yamlflow WORDS`."""
    return [sys.executable, "-m", "yamlflow", *words]
