"""Executor types by name: each with its options and its factory, imported when it is first used.

The one module of this folder that knows all of them. A type is added with one
line in TYPES; nothing else needs to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import SetupError
from yamlflow.executors.base import Executor


@dataclass(frozen=True, slots=True)
class Kind:
    """Where an executor type lives: its module, its options' class, and the class that takes them."""

    module: str
    options: str
    executor: str


TYPES: Mapping[str, Kind] = {
    "fake": Kind("yamlflow.executors.fake", "FakeOptions", "FakeExecutor"),
    "local": Kind("yamlflow.executors.local", "LocalOptions", "LocalExecutor"),
}


def options_type(kind: str) -> type[Any]:
    """The frozen options class of an executor type. Raises SetupError for a type that is not here."""
    found: type[Any] = getattr(import_module(_known(kind).module), _known(kind).options)
    return found


def make(kind: str, options: Mapping[str, Any] | None = None) -> Executor:
    """An executor of a type. Raises SetupError for an unknown type or option."""
    known = _known(kind)
    module = import_module(known.module)
    accepted = {field.name for field in fields(options_type(kind))}
    strangers = sorted(set(options or {}) - accepted)
    if strangers:
        raise SetupError(f"executor type `{kind}` has no option `{strangers[0]}`", hint=f"it has {_listed(accepted)}")
    made: Executor = getattr(module, known.executor)(getattr(module, known.options)(**(options or {})))
    return made


def _known(kind: str) -> Kind:
    if kind in TYPES:
        return TYPES[kind]
    near = get_close_matches(kind, TYPES, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"this version has {_listed(TYPES)}"
    raise SetupError(f"there is no executor type `{kind}`", hint=hint)


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
