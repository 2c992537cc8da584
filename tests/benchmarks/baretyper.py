"""The floor of `--help`: a typer program of as many commands, which do nothing. Usage: baretyper.py COUNT --help"""

import sys

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


def nothing() -> None:
    """Does nothing, in one sentence of some length."""


if __name__ == "__main__":
    for number in range(int(sys.argv.pop(1))):
        app.command(f"command-{number}")(nothing)
    app()
