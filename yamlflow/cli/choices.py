"""What holds for one command: its flags, then YAMLFLOW_*, the project's configuration, the user's, defaults.

A flag that was not given is None (or False, for a switch). Light to import:
`validate` needs it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from yamlflow.cli.options import Color
from yamlflow.cli.output.terminal import Pen, pen
from yamlflow.core.errors import SetupError, UsageError, YamlflowError
from yamlflow.engine.settings import PREFIX, Settings, read_settings

if TYPE_CHECKING:
    from yamlflow.schema.model import Profile

LOCAL = "local"
Word = TypeVar("Word", bound=StrEnum)


def settle(start: Path, **flags: Any) -> Settings:
    """The settings of a command that works on `start`, a pipeline file or a folder."""
    folder = start if start.is_dir() else start.parent
    return read_settings(folder, {name: value for name, value in flags.items() if value not in (None, False, "")})


def word(settings: Settings, name: str, kind: type[Word]) -> Word:
    """A setting that is one of a few words."""
    value = settings[name]
    try:
        return kind(value)
    except ValueError:
        hint = f"it is one of {', '.join(kind)}"
        raise misfit(settings, name, f"{name} is {value!r}", hint) from None


def misfit(settings: Settings, name: str, said: str, hint: str) -> YamlflowError:
    """A setting that makes no sense: wrong usage, or a wrong configuration where a file says so."""
    origin = settings.origin(name)
    kind = UsageError if origin.startswith(("-", PREFIX)) else SetupError
    return kind(f"{origin}: {said}", hint=hint)


def ink(stream: TextIO, color: Color | None) -> Pen:
    """The pen for a stream, as the flag or else the settings say."""
    return pen(stream, color or word(settle(Path.cwd()), "color", Color))


def profiles(settings: Settings) -> Mapping[str, Profile]:
    """The executors of the configuration; the pipeline file's own go before them. A wrong one is a SetupError."""
    return {name: _profile(name, entry.value, entry.origin) for name, entry in settings.executors.items()}


def _profile(name: str, body: Mapping[str, Any], origin: str) -> Profile:
    from yamlflow.schema import nodes
    from yamlflow.schema.decode import decode_profile
    from yamlflow.schema.source import Source

    whole = {"type": name, **body} if name == LOCAL else body  # its name says its type
    node, _ = nodes.parse(Source(origin, json.dumps(whole, default=str)))  # JSON is YAML
    assert node is not None
    profile, problems = decode_profile(node, origin)
    if profile is None or problems:
        said = "; ".join(found.message for found in problems) or "it is no profile"
        raise SetupError(f"{origin}: executor `{name}`: {said}", hint=f"see [executors.{name}] there")
    return profile
