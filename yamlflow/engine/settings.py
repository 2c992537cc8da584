"""Settings and where each comes from: flags, then YAMLFLOW_*, project, user, defaults.

The project's are in `yamlflow.toml`, or under [tool.yamlflow] of `pyproject.toml`;
the user's in `yamlflow/config.toml` under XDG_CONFIG_HOME. An unknown key or a
wrong type is an error that names its file. Reads files; writes nothing.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import SetupError, UsageError
from yamlflow.schema.files.project import project_root


@dataclass(frozen=True, slots=True)
class Known:
    """One setting: its type as a word, its default, what it means."""

    kind: str
    default: Any
    meaning: str


SETTINGS: Mapping[str, Known] = {
    "state_dir": Known("path", None, "where runs are kept"),
    "max_workers": Known("int", None, "at most so many tasks at once"),
    "max_items": Known("int", None, "at most so many items in a foreach"),
    "default_executor": Known("str", None, "the profile of steps that name none"),
    "keep_going": Known("bool", False, "after a failure, go on where nothing depends on it"),
    "clamp": Known("bool", False, "cut resources to what the machine has"),
    "overlap": Known("str", "allow", "what to do while the pipeline runs already"),
    "on_interrupt": Known("str", "cancel", "what becomes of running tasks on Ctrl-C"),
    "progress": Known("str", "auto", "how progress is shown"),
    "show_output": Known("str", "auto", "which tasks' output is shown"),
    "color": Known("str", "auto", "colours and styles"),
}
TABLES = frozenset({"executors"})
"""Tables of their own: profiles, which the pipeline file's go before."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and the place it comes from."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, resolved. `executors` are profiles, the project's before the user's, each with its origin."""

    values: Mapping[str, Setting]
    executors: Mapping[str, Setting] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value

    def origin(self, name: str) -> str:
        return self.values[name].origin


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    values: Mapping[str, Any]


def read_settings(
    start: Path, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings for work in the folder `start`; flags that are None were not given."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    files = list(_files(start, environ))
    sources = [_Source("flag", given), _Source("environment", _from_environment(environ)), *files]
    values = {name: _resolved(name, known, sources) for name, known in SETTINGS.items()}
    executors: dict[str, Setting] = {}
    for source in files:
        for name, profile in _table(source, "executors").items():
            executors.setdefault(name, Setting(profile, source.name))
    return Settings(values, executors)


def _resolved(name: str, known: Known, sources: list[_Source]) -> Setting:
    for source in sources:
        if name in source.values:
            return Setting(source.values[name], _origin(source, name))
    return Setting(known.default, "default")


def _origin(source: _Source, name: str) -> str:
    if source.name == "flag":
        return f"--{name.replace('_', '-')}"
    return variable(name) if source.name == "environment" else source.name


def variable(name: str) -> str:
    """`YAMLFLOW_MAX_WORKERS`."""
    return f"YAMLFLOW_{name.upper()}"


PREFIX = "YAMLFLOW_"
_OTHERS = frozenset(
    {"YAMLFLOW_CHAOS", "YAMLFLOW_START_METHOD"}
    | {"YAMLFLOW_RUN_ID", "YAMLFLOW_STEP", "YAMLFLOW_ATTEMPT", "YAMLFLOW_ATTEMPT_ID", "YAMLFLOW_TASK_DIR"}
    | {"YAMLFLOW_CHECKPOINT_DIR", "YAMLFLOW_CPU", "YAMLFLOW_NODE_RANK", "YAMLFLOW_NUM_NODES"}
)
"""Variables that are no settings: those of tests, and those that a task has, which may run yamlflow itself."""
_THEIRS = ("YAMLFLOW_PARAM_", "YAMLFLOW_TEST_")


def strangers(environ: Mapping[str, str]) -> Iterator[str]:
    """What to say about each variable that has our name and that nothing reads."""
    known = {variable(name) for name in SETTINGS} | _OTHERS
    for name in sorted(environ):
        if name.startswith(PREFIX) and not name.startswith(_THEIRS) and name not in known:
            near = get_close_matches(name, sorted(known), 1, 0.8)
            yield f"nothing reads the variable {name}" + (f"; did you mean {near[0]}?" if near else "")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, known in SETTINGS.items():
        text = environ.get(variable(name), "")
        if text:
            try:
                found[name] = _READ[known.kind](text)
            except ValueError:
                raise UsageError(f"{variable(name)}={text}: not {_SAID[known.kind]}") from None
    return found


def _bool(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError
    return words[text.lower()]


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


_READ: Mapping[str, Callable[[str], Any]] = {"int": _number, "str": str, "bool": _bool, "path": Path}
_SAID = {"int": "a whole number above 0", "str": "a text", "bool": "true or false", "path": "a path"}
_TYPES: Mapping[str, type] = {"int": int, "str": str, "bool": bool, "path": str}


def _files(start: Path, environ: Mapping[str, str]) -> Iterator[_Source]:
    root = project_root(start)
    own = _toml(root / "yamlflow.toml")
    if own is not None:
        yield _checked(root / "yamlflow.toml", own, "")
    else:
        project = (_toml(root / "pyproject.toml") or {}).get("tool", {}).get("yamlflow")
        if isinstance(project, dict):
            yield _checked(root / "pyproject.toml", project, "[tool.yamlflow] ")
    user = user_file(environ)
    theirs = _toml(user) if user is not None else None
    if user is not None and theirs is not None:
        yield _checked(user, theirs, "")


def user_file(environ: Mapping[str, str]) -> Path | None:
    """The user's configuration file, there or not; None without a home."""
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    return Path(home) / "yamlflow" / "config.toml" if home else None


def _toml(path: Path) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{path}: {error}", hint="it must be valid TOML") from error


def _checked(path: Path, body: Mapping[str, Any], where: str) -> _Source:
    values: dict[str, Any] = {}
    for key, value in body.items():
        name = key.replace("-", "_")
        if name in TABLES:
            values[name] = value
        elif name in SETTINGS:
            values[name] = _typed(path, where, name, value)
        else:
            near = get_close_matches(name, [*SETTINGS, *TABLES], 1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join([*SETTINGS, *TABLES])}"
            raise SetupError(f"{path}: {where}there is no setting `{key}`", hint=hint)
    return _Source(f"{path.name} {where}".strip() if where else str(path), values)


def _typed(path: Path, where: str, name: str, value: Any) -> Any:
    kind = SETTINGS[name].kind
    if type(value) is not _TYPES[kind] or (isinstance(value, int) and kind == "int" and value < 1):
        raise SetupError(f"{path}: {where}`{name}` is {value!r}, not {_SAID[kind]}")
    return path.parent / str(value) if kind == "path" else value


def _table(source: _Source, name: str) -> Mapping[str, Any]:
    found = source.values.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise SetupError(
            f"{source.name}: `{name}` is a table of tables", hint='write [executors.NAME] and type = "local"'
        )
    return found
