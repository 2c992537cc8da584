"""The state folder: where it is, what lies where in it, who may make it.

    .yamlflow/  .gitignore · state.db · locks/NAME.lock · runs/ID/{lock,logs,scratch} · store/ · code/

Found from any folder inside a project. Only commands that run something make
it; those that only look never do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import AccessError, SetupError, StateError, UsageError
from yamlflow.schema.files.project import project_root
from yamlflow.store.state import State, look_at_state, open_state
from yamlflow.worker.disk import DISK, Disk, make_folder, sync, write_all

NAME = ".yamlflow"
VARIABLE = "YAMLFLOW_STATE_DIR"
_SEAL = ".gitignore"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One state folder, there or not yet."""

    path: Path
    disk: Disk = DISK

    @property
    def store(self) -> Path:
        return self.path / "store"

    @property
    def code(self) -> Path:
        return self.path / "code"

    def run(self, run_id: str) -> Path:
        return self.path / "runs" / run_id

    def run_lock(self, run_id: str) -> Path:
        return self.run(run_id) / "lock"

    def pipeline_lock(self, pipeline: str) -> Path:
        return self.path / "locks" / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', pipeline)}.lock"

    def make(self) -> State:
        """The folder and its database, made where they are missing."""
        try:
            if self.path.exists():
                self._check_owner()
            if not (self.path / _SEAL).exists():
                self._found()
        except OSError as error:
            raise _cannot(self.path, error) from error
        return open_state(self.path / "state.db")

    def _check_owner(self) -> None:
        """What lies here is run and unpickled: nobody may have put it there who could not change the project anyway."""
        owner = self.path.stat().st_uid
        if owner not in {0, os.geteuid(), self.path.parent.stat().st_uid}:
            raise AccessError(
                f"{self.path} belongs to another user (uid {owner}): what is kept there could run code as you",
                hint="choose a folder of your own with --state-dir",
            )

    def _found(self) -> None:
        """Make the folder, durable before anything of worth is in it; its last file says that all of it is there."""
        make_folder(str(self.path), self.disk)
        if not self.path.is_dir():
            raise NotADirectoryError
        make_folder(str(self.store), self.disk)
        sync(str(self.path), self.disk)
        sync(str(self.path.parent), self.disk)
        seal = self.disk.open(str(self.path / _SEAL), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            write_all(seal, b"*\n", self.disk)
        finally:
            self.disk.close(seal)

    def tidy(self, run_id: str) -> None:
        """Clears away what processes that were killed had in scratch; a folder that holds files stays.

        Nothing of the run may be going on.
        """
        place = self.run(run_id) / "scratch"
        with suppress(OSError):
            for entry in list(os.scandir(place)):
                with suppress(OSError):
                    (os.rmdir if entry.is_dir(follow_symlinks=False) else os.unlink)(entry.path)
            place.rmdir()

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
