"""What yamlflow raises when something outside it is wrong.

A user's mistake in YAML is a Diagnostic, never one of these. A failed task is
an event. Any other exception than these is a bug in yamlflow (exit 70).
"""

from __future__ import annotations

from typing import NoReturn

WINDOWS = "yamlflow does not run on Windows itself: run it in WSL, the Windows Subsystem for Linux (`wsl --install`)"


def unreachable(value: NoReturn) -> AssertionError:
    """Closes a `match`: a type checker sees the case that was forgotten (3.10 has no `assert_never`)."""
    return AssertionError(value)


class YamlflowError(Exception):
    """An expected failure, said to a person: what is wrong, and what to do next.

    `exit_code` is the code of the command line's table (README, "Exit codes").
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(YamlflowError):
    """The command or its arguments make no sense; nothing was started."""

    exit_code = 2


class StateError(YamlflowError):
    """State is not durable or cannot be trusted: disk full, I/O error, damage."""

    exit_code = 74


class TemporaryError(YamlflowError):
    """Try again as it is: a lock is held, a backend cannot be reached."""

    exit_code = 75


class AccessError(YamlflowError):
    """Credentials or permissions are missing."""

    exit_code = 77


class SetupError(YamlflowError):
    """This machine or its configuration cannot do what was asked."""

    exit_code = 78


class Skip(Exception):  # noqa: N818 - a word a user writes: raise Skip("no data")
    """Raised by a task to end as skipped: it has no value, and that is fine."""


class NoRetry(Exception):  # noqa: N818 - a word a user writes: raise NoRetry(error)
    """Raised by a task to fail for good, whatever `retry` says.

    Wraps the error that is shown: `raise NoRetry(error)` or `raise NoRetry("why")`.
    """
