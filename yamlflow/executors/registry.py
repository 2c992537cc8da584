"""Executor types by name: each with its options and its factory, imported when it is first used.

The one module of this folder that knows all of them. A type is added with one
line in TYPES, and what it lacks with it; nothing else needs to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import SetupError
from yamlflow.executors.base import Executor


@dataclass(frozen=True, slots=True)
class Kind:
    """Where an executor type lives: its module, its options' class, and the class that takes them.

    `lacks`: what it cannot do of base.ABILITIES, each with the reason, for users.
    """

    module: str
    options: str
    executor: str
    lacks: Mapping[str, str] = field(default_factory=dict)


_NO_PROCESS = "there is no process"
_NO_TIME = "nothing takes time"

TYPES: Mapping[str, Kind] = {
    "docker": Kind(
        "yamlflow.executors.docker.executor",
        "DockerOptions",
        "DockerExecutor",
        {
            "inherit": "a container has its image's environment, and what the step declares",
            "shared": "its items have a process each, one behind the other in one container",
        },
    ),
    "fake": Kind(
        "yamlflow.executors.fake",
        "FakeOptions",
        "FakeExecutor",
        {
            "timeout": _NO_TIME,
            "grace": _NO_TIME,
            "children": _NO_PROCESS,
            "live": _NO_TIME,
            "chains": _NO_PROCESS,
            "shared": _NO_PROCESS,
            "detach": "it has nothing that could outlive it",
        },
    ),
    "local": Kind(
        "yamlflow.executors.local",
        "LocalOptions",
        "LocalExecutor",
        {
            "memory": "a task is only ended when the system runs out of it",
            "detach": "its tasks end with yamlflow, and `resume` starts them again",
        },
    ),
}


LASTING: Mapping[str, str] = {"containers/engine": "yamlflow.executors.docker.leftovers"}
"""For each type whose tasks may outlive a launcher, the file in a run's folder that says so, and who sweeps."""


def options_type(kind: str) -> type[Any]:
    """The frozen options class of an executor type. Raises SetupError for a type that is not here."""
    found: type[Any] = getattr(import_module(_known(kind).module), _known(kind).options)
    return found


def make(kind: str, options: Mapping[str, Any] | None = None) -> Executor:
    """An executor of a type. Raises SetupError for an unknown type or option."""
    known = _known(kind)
    module = import_module(known.module)
    accepted = {option.name for option in fields(options_type(kind))}
    strangers = sorted(set(options or {}) - accepted)
    if strangers:
        raise SetupError(f"executor type `{kind}` has no option `{strangers[0]}`", hint=f"it has {_listed(accepted)}")
    made: Executor = getattr(module, known.executor)(getattr(module, known.options)(**(options or {})))
    return made


def sweep_run(run: Path, *, dry: bool = False) -> Sequence[str]:
    """Ends what executors still have of a run that nobody drives; gives names of it.

    `run` is the run's folder. Raises a YamlflowError where a backend does not answer.
    """
    found: list[str] = []
    for mark, module in LASTING.items():
        if (run / mark).exists():
            found += import_module(module).sweep(run, dry=dry)
    return found


def _known(kind: str) -> Kind:
    if kind in TYPES:
        return TYPES[kind]
    near = get_close_matches(kind, TYPES, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"this version has {_listed(TYPES)}"
    raise SetupError(f"there is no executor type `{kind}`", hint=hint)


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
