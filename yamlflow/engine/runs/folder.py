"""The state folder: where it is, what lies where in it, who may make it.

    .yamlflow/  .gitignore · state.db · locks/NAME.lock · runs/ID/{lock,logs,scratch} · store/

Found from any folder inside a project. Only commands that run something make
it; those that only look never do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from yamlflow.core.errors import AccessError, SetupError, StateError, UsageError
from yamlflow.schema.files.project import project_root
from yamlflow.store.state import State, look_at_state, open_state

NAME = ".yamlflow"
VARIABLE = "YAMLFLOW_STATE_DIR"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One state folder, there or not yet."""

    path: Path

    @property
    def store(self) -> Path:
        return self.path / "store"

    def run(self, run_id: str) -> Path:
        return self.path / "runs" / run_id

    def run_lock(self, run_id: str) -> Path:
        return self.run(run_id) / "lock"

    def pipeline_lock(self, pipeline: str) -> Path:
        return self.path / "locks" / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', pipeline)}.lock"

    def make(self) -> State:
        """The folder and its database, made where they are missing."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = self.path / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise _cannot(self.path, error) from error
        return open_state(self.path / "state.db")

    def look(self) -> State:
        """The database, for who only looks; UsageError when there is none."""
        state = look_at_state(self.path / "state.db")
        if state is None:
            raise UsageError(f"there is no run yet (no state in {self.path})", hint="start one: yamlflow run")
        return state


def find_folder(start: Path, given: Path | None = None, environ: Mapping[str, str] = os.environ) -> StateFolder:
    """--state-dir, else YAMLFLOW_STATE_DIR, else `.yamlflow` in the project that `start` lies in."""
    chosen = given or (Path(environ[VARIABLE]) if environ.get(VARIABLE) else None)
    if chosen is not None:
        return StateFolder(chosen.absolute())
    return StateFolder(project_root(start) / NAME)


def _cannot(path: Path, error: OSError) -> AccessError | SetupError | StateError:
    hint = "choose another folder with --state-dir"
    if isinstance(error, PermissionError):
        return AccessError(f"{path} cannot be made: {error.strerror}", hint=hint)
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        return SetupError(f"{path} is no folder", hint=hint)
    return StateError(f"{path} cannot be made: {error.strerror}", hint=hint)
