"""What a task may know of its run, and say to it: the object behind a parameter annotated `yamlflow.Context`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Job
from yamlflow.worker.disk import make_folder
from yamlflow.worker.processes.environment import checkpoint_folder

if TYPE_CHECKING:
    import logging

QUIET = 0.1
"""Seconds between two progress messages; the ones in between are dropped, except one of 1.0."""

Say = Callable[[str, "float | None"], None]


def _mute(_message: str, _fraction: float | None) -> None:
    """Outside of a run nobody listens."""


@dataclass(slots=True)
class Context:
    """One attempt of one task.

    `each` are the loop variables, `params` the run's parameters, `seed` differs for
    every run, task and attempt. In a test of your own: `Context(step="fit")`.
    """

    run_id: str = ""
    step: str = ""
    each: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1
    attempt_id: str = ""
    seed: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    node_rank: int = 0
    num_nodes: int = 1
    tmp: Path = field(default_factory=Path.cwd)
    metrics: dict[str, float] = field(default_factory=dict)
    _checkpoints: str = ""
    _say: Say = _mute
    _spoke: float = 0.0

    @property
    def log(self) -> logging.Logger:
        """A logger that writes to the task's log."""
        import logging  # late: it registers an exit handler, and most tasks need none

        logger = logging.getLogger("yamlflow.task")
        if not logger.handlers:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
        return logger

    def progress(self, fraction: float, message: str = "") -> None:
        """How far the task is, from 0 to 1, and what it does right now."""
        self._speak(message, float(fraction), now=fraction >= 1)

    def metric(self, name: str, value: float) -> None:
        """A number of the result worth comparing between runs; the last value of a name counts."""
        self.metrics[str(name)] = float(value)
        self._speak(f"{name} {float(value):g}", None, now=False)

    def _speak(self, message: str, fraction: float | None, *, now: bool) -> None:
        clock = time.monotonic()
        if now or clock - self._spoke >= QUIET:
            self._spoke = clock
            self._say(str(message), fraction)

    @property
    def checkpoint_dir(self) -> Path:
        """A folder of this task's own that later attempts and a resumed run find again."""
        folder = Path(self._checkpoints or self.tmp / "checkpoints")
        make_folder(str(folder))
        return folder

    def save_checkpoint(self) -> None:
        """Make what is in the checkpoint folder survive this machine; on `local` it is on disk for good now."""
        for folder, _, names in os.walk(self.checkpoint_dir):
            for path in (os.path.join(folder, name) for name in (*names, ".")):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


def context_of(job: Job, read: Callable[[Any], Any], say: Say) -> Context:
    """The context of a job; `read` gives the value of a document."""
    return Context(
        run_id=job.run_id,
        step=job.task.node,
        each={name: read(document) for name, document in job.each.items()},
        attempt=job.attempt,
        attempt_id=job.attempt_id,
        seed=job.seed,
        params={name: read(document) for name, document in job.params.items()},
        node_rank=int(os.environ.get("YAMLFLOW_NODE_RANK", "0")),
        num_nodes=int(os.environ.get("YAMLFLOW_NUM_NODES", "1")),
        tmp=Path(job.scratch),
        _checkpoints=os.environ.get("YAMLFLOW_CHECKPOINT_DIR", "") or checkpoint_folder(job),
        _say=say,
    )
