"""The flags that several commands share, once each, and what their text means.

A flag's name, default and help stand here or in its one command; parsing a
flag's text never reads a file. A wrong flag is a UsageError with a hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yamlflow.core.errors import UsageError

if TYPE_CHECKING:
    from yamlflow.engine.runs.selection import Selection

DEFAULT_FILES = ("pipeline.yaml", "yamlflow.yaml")


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Progress(StrEnum):
    AUTO = "auto"
    TTY = "tty"
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


class ShowOutput(StrEnum):
    AUTO = "auto"
    ALL = "all"
    FAILED = "failed"
    NONE = "none"


class OnInterrupt(StrEnum):
    CANCEL = "cancel"
    DRAIN = "drain"
    DETACH = "detach"


FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE", help="The pipeline file; without it pipeline.yaml or yamlflow.yaml.", show_default=False
    ),
]
RunArgument = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="A run: its id, the start of it, its name, or `last`.", show_default=False),
]
ParamOption = Annotated[
    list[str] | None,
    typer.Option("-p", "--param", metavar="NAME=VALUE", help="Set a parameter of the file; repeatable."),
]
ParamsFileOption = Annotated[
    Path | None,
    typer.Option("--params-file", metavar="FILE", help="Parameters from a YAML or JSON file.", show_default=False),
]
OverlayOption = Annotated[
    list[Path] | None,
    typer.Option(
        "-f", "--overlay", metavar="OVERLAY", help="A YAML file laid over FILE; repeatable, the last one wins."
    ),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        help="Where runs are kept, instead of .yamlflow in the project.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
ColorOption = Annotated[Color | None, typer.Option("--color", help="Colours and styles (auto).", show_default=False)]
ExecutorOption = Annotated[
    list[str] | None,
    typer.Option("--executor", metavar="[STEP=]NAME", help="Run every step, or the steps that match, on this profile."),
]
DefaultExecutorOption = Annotated[
    str | None,
    typer.Option("--default-executor", metavar="NAME", help="The profile of steps that name none.", show_default=False),
]
ClampOption = Annotated[bool, typer.Option("--clamp", help="Cut resources that no machine here has to what is there.")]
MaxWorkersOption = Annotated[
    int | None, typer.Option("--max-workers", metavar="N", min=1, help="At most N tasks at once.", show_default=False)
]
MaxItemsOption = Annotated[
    int | None,
    typer.Option("--max-items", metavar="N", min=1, help="At most N items in a foreach (10000).", show_default=False),
]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", metavar="STEP", help="Only these steps; `*` matches any text.")
]
FromOption = Annotated[
    list[str] | None, typer.Option("--from", metavar="STEP", help="These steps and all that read them.")
]
UntilOption = Annotated[
    list[str] | None, typer.Option("--until", metavar="STEP", help="These steps and all they read.")
]

RefreshOption = Annotated[
    list[str] | None,
    typer.Option("--refresh", metavar="STEP", help="Run these steps again, even if unchanged; `*` matches any text."),
]
NoCacheOption = Annotated[
    bool, typer.Option("--no-cache", help="Use no result of an earlier run, and keep none for a later one.")
]
KeepGoingOption = Annotated[
    bool, typer.Option("--keep-going", help="After a failure, go on with what does not depend on it.")
]
MaxTimeOption = Annotated[
    str | None,
    typer.Option("--max-time", metavar="TIME", help="End the run after this long, such as 2h.", show_default=False),
]
OnInterruptOption = Annotated[
    OnInterrupt | None,
    typer.Option(
        "--on-interrupt",
        help="On Ctrl-C: cancel what runs (the default), drain, or detach from jobs elsewhere.",
        show_default=False,
    ),
]
ProgressOption = Annotated[
    Progress | None, typer.Option("--progress", help="How the run is shown on stderr (auto).", show_default=False)
]
ShowOutputOption = Annotated[
    ShowOutput | None,
    typer.Option("--show-output", help="Whose output is shown (auto); logs have it all.", show_default=False),
]
OutputDirOption = Annotated[
    Path | None,
    typer.Option(
        "--output-dir",
        metavar="DIR",
        help="Write outputs as files there; files of the same name are replaced.",
        show_default=False,
    ),
]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing on success.")]

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would run, as `plan` does.")]
NameOption = Annotated[str, typer.Option("--name", metavar="NAME", help="A name to find the run by.")]
TagOption = Annotated[
    list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="A note about the run; repeatable.")
]
OverlapOption = Annotated[
    str,
    typer.Option(
        "--overlap",
        metavar="POLICY",
        help="While it runs already: allow (the default), fail, skip, or wait:30m.",
    ),
]
HelpOption = Annotated[
    bool, typer.Option("--help", "-h", help="Show this message, with FILE its parameters too.", show_default=False)
]


def pairs(texts: Iterable[str] | None, flag: str) -> dict[str, str]:
    """`name=value` texts as a mapping; the last one of a name wins."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                f"{flag} {text}: not of the form name=value", hint=f"write {flag} {name.strip() or 'name'}=value"
            )
        found[name.strip()] = value
    return found


def pipeline_file(given: Path | None) -> Path:
    """The file a command works on: the given one, or the first default name in this folder."""
    if given is not None:
        return given
    for name in DEFAULT_FILES:
        if Path(name).is_file():
            return Path(name)
    raise UsageError(
        f"no {' or '.join(DEFAULT_FILES)} in this folder",
        hint="name a file, or make a first pipeline with: yamlflow init",
    )


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str, flag: str) -> float:
    """`90s`, `1h30m`, `2d` in seconds."""
    if not text or _DURATION.sub("", text):
        raise UsageError(
            f"{flag} {text}: not a duration", hint="write a number with ms, s, m, h or d, such as 90s or 1h30m"
        )
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))


def state_flags(state_dir: Path | None) -> tuple[str, ...]:
    """What a next command needs to find the same runs."""
    return ("--state-dir", str(state_dir)) if state_dir else ()


def selection(only: Iterable[str] | None, since: Iterable[str] | None, until: Iterable[str] | None) -> Selection:
    """`--only`, `--from` and `--until` together."""
    from yamlflow.engine.runs.selection import Selection

    return Selection(tuple(only or ()), tuple(since or ()), tuple(until or ()))
