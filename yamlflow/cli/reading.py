"""From flags to a loaded pipeline, or its diagnostics on a stream.

The one place where the command line and `schema` meet. Importing this module
imports nothing of `schema`; calling it does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from yamlflow.cli.choices import profiles, settle
from yamlflow.cli.guard import tell
from yamlflow.cli.output.terminal import Pen
from yamlflow.cli.output.words import count
from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import YamlflowError

if TYPE_CHECKING:
    from yamlflow.core.graph import Graph
    from yamlflow.engine.settings import Settings
    from yamlflow.schema.diagnostics import Diagnostic
    from yamlflow.schema.files.inheritance import Placement
    from yamlflow.schema.loader import Given, Loaded
    from yamlflow.store.selection import Selection


@dataclass(frozen=True, slots=True)
class Wish:
    """What one command asks of a pipeline file: overlays, parameters, where steps are to run."""

    file: Path
    overlays: Sequence[Path] = ()
    params: Sequence[str] = ()
    params_file: Path | None = None
    executors: Sequence[str] = ()
    default_executor: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    max_items: int | None = None

    def with_values(self, values: Mapping[str, object]) -> Wish:
        """The same wish with these parameters, as Python values."""
        return replace(self, values=values)

    def of(self, file: Path) -> Wish:
        """The same wish for this file."""
        return replace(self, file=file)

    def source(self) -> dict[str, object]:
        """What a resume must know to read the file in the same way."""
        return {
            "overlays": [str(path.absolute()) for path in self.overlays],
            "executors": list(self.executors),
            "default_executor": self.default_executor,
            "max_items": self.max_items,
        }

    def settings(self) -> Settings:
        """What holds for this file: the flags, then the configuration around it."""
        return settle(self.file, default_executor=self.default_executor, max_items=self.max_items)

    def placement(self, settings: Settings) -> Placement:
        """Where steps are sent, whatever the file says."""
        from yamlflow.schema.files.inheritance import Placement

        return Placement(tuple(self.executors), settings["default_executor"])

    def given(self) -> Given:
        from yamlflow.schema.loader import Given

        file = str(self.params_file) if self.params_file else None
        return Given(tuple(self.params), self.values, file, dict(os.environ))


class InvalidPipelineError(YamlflowError):
    """The file has errors: its message is the diagnostics as they are shown, several lines."""

    exit_code = 2

    def __init__(self, blocks: Sequence[str], counted: str) -> None:
        super().__init__("\n\n".join([*blocks, f"{counted}: nothing was started"]))


def checked(wish: Wish, stdin: bytes | None = None) -> Loaded:
    """Everything that is wrong with the file, whatever the parameters."""
    from yamlflow.schema.loader import check

    settings = wish.settings()
    return check(
        str(wish.file),
        overlays=[str(path) for path in wish.overlays],
        placement=wish.placement(settings),
        profiles=profiles(settings),
        stdin=stdin,
        select=_select,
    )


def loaded(wish: Wish) -> Loaded:
    """The graph and the findings of one run's file and parameters."""
    from yamlflow.schema.loader import load

    settings = wish.settings()
    return load(
        str(wish.file),
        overlays=[str(path) for path in wish.overlays],
        given=wish.given(),
        placement=wish.placement(settings),
        profiles=profiles(settings),
        max_items=settings["max_items"],
        select=_select,
    )


def _select(root: Path, include: Sequence[str], exclude: Sequence[str]) -> Selection:
    """Asked only for files whose steps run elsewhere: `validate` seldom pays for it."""
    from yamlflow.store.selection import select

    return select(root, include, exclude)


def usable(wish: Wish) -> Loaded:
    """The same, or an InvalidPipelineError that shows everything wrong."""
    result = loaded(wish)
    if not result.ok:
        refuse(result, result.diagnostics)
    return result


def graph_of(wish: Wish) -> Graph:
    """The graph of a file that has no error."""
    result = usable(wish)
    assert result.graph is not None
    return result.graph


def runnable(wish: Wish, *, quiet: bool = False) -> Graph:
    """The graph of a file that has no error and asks for nothing this version cannot do; says what has no effect."""
    result = usable(wish)
    refuse_unsupported(result)
    if not quiet:
        for block in shown(result, result.unsupported, "concise"):
            tell(block)
    assert result.graph is not None
    return result.graph


def refuse_unsupported(result: Loaded) -> None:
    """An InvalidPipelineError for keys that the file may have and this version does not honour."""
    findings = [found for found in result.unsupported if found.severity.value == "error"]
    if findings:
        refuse(result, findings)


def refuse(result: Loaded, findings: Sequence[Diagnostic]) -> NoReturn:
    raise InvalidPipelineError(shown(result, findings), summary(findings))


def shown(result: Loaded, findings: Iterable[Diagnostic], form: str = "full", ink: Pen | None = None) -> list[str]:
    """Diagnostics as blocks of text, one each."""
    from yamlflow.schema.diagnostics import render, render_concise

    blocks = [render_concise(found) if form == "concise" else render(found, result.source) for found in findings]
    return [painted(block, ink) for block in blocks] if ink is not None else blocks


def painted(block: str, ink: Pen) -> str:
    """A rendered diagnostic with its severity in colour and its carets marked."""
    first, newline, rest = block.partition("\n")
    for word, style in (("error[", "bold red"), ("warning[", "bold yellow")):
        place, found, tail = first.partition(f": {word}")
        if found:
            code, bracket, message = tail.partition("]")
            first = f"{place}: {ink(f'{word}{code}{bracket}', style)}{message}"
            break
    return first + newline + "\n".join(_caret_line(line, ink) for line in rest.split("\n"))


def _caret_line(line: str, ink: Pen) -> str:
    head, bar, tail = line.partition(" | ")
    return head + bar + ink(tail, "bold red") if bar and tail and not tail.strip(" ^") else line


def summary(findings: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`; empty when there is nothing."""
    errors = sum(found.severity.value == "error" for found in findings)
    warnings = len(findings) - errors
    words = [count(errors, "error")] if errors else []
    return ", ".join(words + ([count(warnings, "warning")] if warnings else []))
