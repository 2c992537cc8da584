"""Finding a callable: `package.module:name.sub` or `file.py:name`, relative to the import roots.

A file whose folders are identifiers is imported under its dotted name from the
root (`sub/train.py` as `sub.train`), so that its classes are found again in
another process; its own folder is importable beside it, as for a script.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class CallableNotFoundError(Exception):
    """The module is there, the name in it is not; or there is no such file."""


def prepare_path(roots: Sequence[str]) -> None:
    """Put the import roots first on `sys.path`, in order."""
    for root in reversed(roots):
        if root in sys.path:
            sys.path.remove(root)
        sys.path.insert(0, root)


def split_target(target: str) -> tuple[str, str]:
    """Module or file, and the dotted name in it."""
    module, _, name = target.rpartition(":")
    return module, name


def import_target(target: str, roots: Sequence[str]) -> ModuleType:
    """The module of a target. Raises what its code raises."""
    module, _ = split_target(target)
    return _import_file(module, roots) if module.endswith(".py") else importlib.import_module(module)


def find_callable(target: str, roots: Sequence[str]) -> Any:
    """The object a target names. Raises CallableNotFoundError, or what importing raises."""
    return _found(target, tuple(roots))


@lru_cache(maxsize=256)
def _found(target: str, roots: tuple[str, ...]) -> Any:
    found: Any = import_target(target, roots)
    for part in split_target(target)[1].split("."):
        if not hasattr(found, part):
            where = getattr(found, "__file__", None) or getattr(found, "__name__", repr(found))
            raise CallableNotFoundError(f"`{target}`: {where} has no `{part}`")
        found = getattr(found, part)
    if not callable(found):
        raise CallableNotFoundError(f"`{target}` is of type {type(found).__name__}, and cannot be called")
    return found


def _import_file(file: str, roots: Sequence[str]) -> ModuleType:
    for root in roots or (os.getcwd(),):
        path = os.path.normpath(os.path.join(root, file))
        if os.path.isfile(path):
            return _import_path(path, os.path.relpath(path, root))
    raise CallableNotFoundError(f"there is no file {file} in {', '.join(roots) or os.getcwd()}")


def _import_path(path: str, relative: str) -> ModuleType:
    parts = relative[: -len(".py")].split(os.sep)
    name = ".".join(parts) if all(part.isidentifier() for part in parts) else parts[-1].replace("-", "_")
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.append(folder)
    loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded if _is_file(loaded.__spec__, path) else _execute(f"{name}_py", path)
    return importlib.import_module(name) if _is_file(_spec(name), path) else _execute(name, path)


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def _execute(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CallableNotFoundError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _is_file(spec: ModuleSpec | None, path: str) -> bool:
    """Whether a module comes from this file; the standard library may have one of the same name."""
    return spec is not None and spec.origin is not None and os.path.realpath(spec.origin) == os.path.realpath(path)
