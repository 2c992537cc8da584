"""The name of one task: a node of the graph, and where in its loops."""

from __future__ import annotations

from typing import NamedTuple

Path = tuple[int, ...]


class TaskId(NamedTuple):
    """One task, or one item of a group: the node and an index for each loop level."""

    node: str
    path: Path
