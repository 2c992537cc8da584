"""What happens when a command ends otherwise than well: one line, a hint, an exit code.

The codes are the README's table. Only here is an exception turned into words;
a user never sees a traceback, and a bug leaves one in a file that is named.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import platform
import shlex
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

import typer

from yamlflow.cli.output.terminal import silence
from yamlflow.cli.output.text import clean
from yamlflow.core.errors import StateError, YamlflowError

BUG = 70
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # what a disk says that cannot take more
UsageProblem: type[Exception] = typer.BadParameter.__mro__[1]  # the parser's own base for wrong usage


class Signalled(Exception):  # noqa: N818 - not an error: the way a command leaves
    """The command has cleaned up after this signal and now dies of it; `name` is such as SIGINT."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.number = signal.Signals[name]


def guarded(action: Callable[[], object]) -> int:
    """The exit code of `action`: what it returned if that is a code, or the answer to what it raised."""
    try:
        result = action()
        sys.stdout.flush()
    except typer.Exit as ended:
        return ended.exit_code
    except Signalled as signalled:
        die_of(signalled.number)
    except (KeyboardInterrupt, typer.Abort):
        die_of(signal.SIGINT)
    except BrokenPipeError:
        die_of(signal.SIGPIPE)
    except UsageProblem as problem:
        return misused(problem)
    except YamlflowError as error:
        return refused(error)
    except OSError as error:
        return unwritten(error) if error.errno in _FULL else crashed(error)
    except Exception as bug:  # noqa: BLE001 - the last answer there is
        return crashed(bug)
    return result if isinstance(result, int) else 0


def refused(error: YamlflowError) -> int:
    """Says an expected failure on stderr and gives its exit code."""
    lines = [clean(error.message) if "\n" in error.message else f"error: {clean(error.message)}"]
    if error.hint:
        lines.append(f"  help: {clean(error.hint)}")
    tell("\n".join(lines))
    return error.exit_code


def misused(problem: Exception) -> int:
    """Says what is wrong with the command line, the parser's way."""
    with contextlib.suppress(OSError):
        problem.show()  # type: ignore[attr-defined] # typed as Exception: its class has a private home
    return int(getattr(problem, "exit_code", 2))


def unwritten(error: OSError) -> int:
    """Says that what was to be shown is lost; the interpreter's own last flush must not fail over it again.

    An error that knows its file, or is one of the store's, is about that instead.
    """
    if is_of_disk(error):
        return refused(disk_trouble(error))
    silence(sys.stdout)
    return refused(lost_output(error))


def is_of_disk(error: OSError) -> bool:
    """Whether a disk takes no more, rather than the stream that a command prints to."""
    return error.errno in _FULL and (error.filename is not None or type(error) is not OSError)


def disk_trouble(error: OSError) -> StateError:
    return StateError(str(error), hint="free some space or check the disk")


def lost_output(error: OSError) -> StateError:
    """What goes wrong when stdout takes no more."""
    return StateError(f"the output could not be written: {error.strerror or error}")


def crashed(bug: Exception) -> int:
    """Writes the traceback of a bug to a file and names it."""
    place = _crash_file(bug)
    tell(
        f"error: this is a bug in yamlflow: {type(bug).__name__}: {clean(str(bug))[:500]}\n"
        f"  help: please report it with {place}; a run that was going on can be continued with: yamlflow resume"
    )
    return BUG


def _crash_file(bug: Exception) -> str:
    head = f"yamlflow on Python {platform.python_version()}, {platform.platform()}\ncommand: {_command_word()}\n\n"
    try:
        stamp = time.strftime("yamlflow-crash-%Y%m%d-%H%M%S-")
        handle, name = tempfile.mkstemp(prefix=stamp, suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(head + "".join(traceback.format_exception(bug)))
    except OSError as error:
        return f"the traceback (it could not be written: {error})"
    return shlex.quote(name)


def _command_word() -> str:
    """The command without its arguments: they may hold what is secret."""
    return next((word for word in sys.argv[1:] if word.isalpha()), "")


def tell(text: str) -> None:
    """Writes to stderr if somebody still listens."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def leave(code: int) -> NoReturn:
    """Ends the process without taking it apart object by object, which is a tenth of a short command.

    What was registered for the end runs, and the streams are flushed. A thread that still works, a
    profiler or a stream that takes no more are for the interpreter's own way out.
    """
    if threading.active_count() > 1 or sys.getprofile() is not None or sys.gettrace() is not None:
        sys.exit(code)
    atexit._run_exitfuncs()  # noqa: SLF001 - the only way to have them before os._exit
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def die_of(number: signal.Signals) -> NoReturn:
    """Ends this process by the signal itself, so that a shell loop around it stops as well."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container cannot die of a signal
