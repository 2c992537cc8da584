"""The door: finds the command's file, runs it, and answers for whatever goes wrong.

A command is the file of its name in this folder; it is imported when it is
asked for, so that `--help` and `validate` never pay for the engine. `COMMANDS`
is the whole table: what `--help` shows, and the only place a command is listed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from yamlflow.cli.guard import Signalled, guarded, leave, tell
from yamlflow.cli.output.terminal import hold_streams
from yamlflow.cli.output.text import clean

COMMANDS: dict[str, dict[str, str]] = {
    "Author": {
        "init": "Start a project: a pipeline that runs, and its Python module.",
        "validate": "Check pipeline files and show every problem at once.",
        "schema": "Print the JSON Schema of pipeline files, for editors.",
        "config": "Show the file as it is after defaults, overlays and parameters.",
    },
    "Plan": {
        "plan": "Show what would run, where, and how many tasks.",
        "graph": "Draw the steps and what they depend on.",
    },
    "Run": {
        "run": "Run a pipeline.",
        "resume": "Go on with a run; what succeeded does not run again.",
        "cancel": "Stop a run in progress.",
    },
    "Look": {
        "status": "Show how a run is doing, or how it went.",
        "logs": "Show what tasks printed.",
        "runs": "List runs, show one in full, compare two, forget one.",
        "artifacts": "List, show and fetch the values that steps made.",
    },
    "Keep": {
        "cache": "List, explain and forget results that later runs may use.",
        "gc": "Free what no run and no cached result needs any more.",
        "package": "Show which files travel to other machines, and which do not.",
    },
}
_SILENT = {"-q", "--quiet", "-h", "--help", "--version"}
_MODULES = {name: f"yamlflow.cli.{name}" for group in COMMANDS.values() for name in group}


class CommandGroup(TyperGroup):
    """The commands of `COMMANDS`, each built from its file when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        return _command(cmd_name) if cmd_name in _MODULES else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.commands = self.commands or cast("Any", dict.fromkeys(_MODULES))  # read for did-you-mean only
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's signature
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_max=12)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command; an interrupt leaves as ours, before typer makes it a plain exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise Signalled("SIGINT") from interrupt
        except BrokenPipeError as closed:
            raise Signalled("SIGPIPE") from closed


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(asked: bool) -> None:
    if asked:
        from yamlflow import __version__

        print(f"yamlflow {__version__}")
        raise typer.Exit


@app.callback()
def yamlflow(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run pipelines of Python functions and commands from one validated YAML file."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command line and ends the process with its exit code."""
    hold_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what the terminal cannot show is shown as an escape
            stream.reconfigure(errors="backslashreplace")
    _warn_of_strangers(sys.argv[1:] if arguments is None else arguments)
    command = get_command(app)
    leave(guarded(lambda: command.main(args=arguments, prog_name="yamlflow", standalone_mode=False)))


def _warn_of_strangers(words: Sequence[str]) -> None:
    """A variable that is misspelt has no effect: that is said, but where silence or help alone was asked for."""
    if any(name.startswith("YAMLFLOW_") for name in os.environ) and not _SILENT & set(words):
        from yamlflow.engine.settings import strangers

        for line in strangers(os.environ):
            tell(f"warning: {clean(line)}")


@cache
def _command(name: str) -> Any:
    """The command of a file: its function of the same name, or its Typer where it has sub-commands."""
    made: Callable[..., Any] | typer.Typer = getattr(import_module(_MODULES[name]), name)
    if isinstance(made, typer.Typer):
        return get_command(made)
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name, add_help_option=name != "run")(made)  # its --help reads the file
    return get_command(single)
