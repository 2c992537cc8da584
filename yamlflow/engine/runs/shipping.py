"""The project's code where tasks do not run in the project: packed by content, kept in the store, unpacked once.

What a task finds is what the project was when the launch began, whatever is
edited meanwhile. Must never put anything there that `yamlflow package` does not list.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from yamlflow.core.graph import Graph
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.executors.base import Executor
from yamlflow.store.local import LocalStore
from yamlflow.store.package import roots_inside, store_code
from yamlflow.store.selection import select
from yamlflow.worker.package import unpack


def ship(graph: Graph, folder: StateFolder, executors: Mapping[str, Executor]) -> dict[str, tuple[str, ...]]:
    """For each executor whose tasks find nothing but the code package, the import roots in it.

    Raises SetupError for what makes no package.
    """
    names = [name for name, executor in executors.items() if executor.traits.ships]
    if not names:
        return {}
    code, store = graph.code, LocalStore(folder.store)
    package = store_code(select(Path(code.root), code.include, code.exclude).files, store)
    place = unpack(str(store.path(package)), package.digest, str(folder.code))
    os.utime(place)  # gc goes by it
    return dict.fromkeys(names, roots_inside(graph.code_roots, code.root, place))
