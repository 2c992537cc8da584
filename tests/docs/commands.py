"""The command line as data: which commands there are, with which flags, and command lines found in a text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from tests.docs.blocks import Block
from yamlflow.cli.app import app

_SPAN = re.compile(r"(?<!`)`(yamlflow [^`]+)`(?!`)")


def command_lines(text: str) -> Iterator[str]:
    """What is between backticks and starts with `yamlflow `."""
    return (found.replace("\n", " ") for found in _SPAN.findall(text))


def console_lines(block: Block) -> Iterator[str]:
    """The commands of a console block that call yamlflow."""
    for line in block.text.splitlines():
        words = line.partition("#")[0] if " #" in line else line
        if words.startswith("$ yamlflow"):
            yield words[2:].strip()


def parse(line: str) -> list[str]:
    """The words of the command, parsed as the program would, running nothing. Raises what typer raises."""
    group: Any = get_command(app)
    words, path = shlex.split(line)[1:], []
    context = group.make_context("yamlflow", list(words))
    while hasattr(group, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        if not rest:
            break
        name, group, rest = group.resolve_command(context, rest)
        path.append(name)
        context = group.make_context(name, rest, parent=context)
    return path


def flags() -> dict[str, set[str]]:
    """`run`, `artifacts get` … → its flags, in full."""
    return dict(_flags(get_command(app), ""))


def _flags(command: Any, name: str) -> Iterator[tuple[str, set[str]]]:
    names = [opt for param in command.params for opt in (*param.opts, *param.secondary_opts) if opt.startswith("-")]
    yield name, set(names) - {"--help", "-h"}
    if hasattr(command, "list_commands"):
        for inner in command.list_commands(None):
            found = command.get_command(None, inner)
            yield from _flags(found, f"{name} {inner}".strip())
