"""A declarative pipeline runner for Python: one validated YAML file, any callable, real parallelism.

The public API, and nothing else: every name is imported when it is first used,
because each worker and each `--help` imports this module.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yamlflow.core.errors import NoRetry, Skip
    from yamlflow.engine.api import load, run
    from yamlflow.worker.context import Context
    from yamlflow.worker.parallel import parallel_map

__version__ = "0.1.0"
__all__ = ["Context", "NoRetry", "Skip", "__version__", "load", "parallel_map", "run"]

_HOMES = {
    "Context": "yamlflow.worker.context",
    "NoRetry": "yamlflow.core.errors",
    "Skip": "yamlflow.core.errors",
    "load": "yamlflow.engine.api",
    "parallel_map": "yamlflow.worker.parallel",
    "run": "yamlflow.engine.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'yamlflow' has no attribute {name!r}")
    if sys.platform == "win32" and name in ("run", "load"):
        from yamlflow.core import errors

        raise errors.SetupError(errors.WINDOWS)
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
