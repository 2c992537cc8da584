"""Finding the run a person means, from any folder of its project and without changing anything."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yamlflow.cli.choices import settle
from yamlflow.cli.options import state_flags
from yamlflow.cli.output.documents import Lost
from yamlflow.cli.output.words import command
from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import StateError, UsageError
from yamlflow.core.graph import TaskId
from yamlflow.core.progress import RunView
from yamlflow.core.values import ArtifactRef
from yamlflow.engine.runs.folder import StateFolder, find_folder
from yamlflow.engine.runs.history import attempts_of, state_of, view_of
from yamlflow.engine.runs.history import choose as chosen_by
from yamlflow.schema.files.project import shown
from yamlflow.store.local import LocalStore
from yamlflow.store.state import RunRecord, State
from yamlflow.worker.storage import ArtifactLostError

LAST = "last"


@dataclass(frozen=True, slots=True)
class Look:
    """A run as it stands in the database, and the folder that it lies in."""

    folder: StateFolder
    state: State
    record: RunRecord
    flags: tuple[str, ...] = ()  # what a next command needs to find the run, such as --state-dir

    @property
    def standing(self) -> str:
        """running, succeeded, failed, cancelled, or interrupted."""
        return state_of(self.folder, self.record)

    def now(self) -> float | None:
        """This moment, for a run that is going on."""
        return time.time() if self.standing == "running" else None

    def view(self) -> RunView:
        return view_of(self.state, self.record)

    def log_of(self) -> Callable[[TaskId, int], str]:
        """The log of an attempt by its task, in the newest launch that had it."""
        logs = {(one.task, one.attempt): one.log for one in attempts_of(self.folder, self.state, self.record)}
        return lambda task, attempt: shown(logs[task, attempt]) if (task, attempt) in logs else ""

    def place(self, ref: ArtifactRef) -> str:
        """Where a stored value lies; StateError with the way out when it is lost."""
        with self.asking():
            return str(LocalStore(self.folder.store).path(ref))

    def place_or_loss(self, ref: ArtifactRef) -> str | Lost:
        """The same for who shows other things too."""
        try:
            return str(LocalStore(self.folder.store).path(ref))
        except ArtifactLostError as lost:
            return Lost(lost.why)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Whoever asks for a value that is lost is told the command that makes it again."""
        try:
            yield
        except ArtifactLostError as lost:
            raise StateError(lost.message, hint=self.mending) from lost

    @property
    def mending(self) -> str:
        return f"make it again: {command('resume', self.record.id, *self.flags)}"


@contextmanager
def looking(state_dir: Path | None) -> Iterator[tuple[StateFolder, State]]:
    """The state folder of this project and its database; UsageError when there is none."""
    folder = find_folder(Path.cwd(), settle(Path.cwd(), state_dir=state_dir)["state_dir"])
    state = folder.look()
    try:
        yield folder, state
    finally:
        state.close()


@contextmanager
def looking_at(run: str | None, state_dir: Path | None) -> Iterator[Look]:
    """The run that `run` means; the last one without a word."""
    with looking(state_dir) as (folder, state):
        yield Look(folder, state, state.find_run(run or LAST), state_flags(state_dir))


@contextmanager
def looking_for(words: list[str], state_dir: Path | None) -> Iterator[tuple[Look, str | None]]:
    """`[RUN] [STEP[key]]`: the run and the step, where either may be left out; a step alone is one of the last run."""
    with looking(state_dir) as (folder, state):
        record, step = _run_and_step(state, words)
        yield Look(folder, state, record, state_flags(state_dir)), step


def _run_and_step(state: State, words: list[str]) -> tuple[RunRecord, str | None]:
    match words:
        case []:
            return state.find_run(LAST), None
        case [word]:
            return _either(state, word)
        case [run, step]:
            return state.find_run(run), step
        case _:
            raise UsageError(f"too many words: {' '.join(words[2:])}", hint="write a run, then a step: last fit")


def _either(state: State, word: str) -> tuple[RunRecord, str | None]:
    try:
        return state.find_run(word), None
    except UsageError as error:
        if "several runs" in error.message:
            raise
        return state.find_run(LAST), word


def choose(view: RunView, text: str) -> tuple[Any, list[TaskId]]:
    """The pattern that a person wrote and the tasks it means; a hook may be called by its bare name."""
    try:
        return chosen_by(view, text)
    except UsageError:
        hooks = _hooks(view, text)
        if not hooks:
            raise
        if len(hooks) > 1:
            raise UsageError(f"{text} may be {' or '.join(hooks)}", hint="write one of them in full") from None
        return chosen_by(view, f"{hooks[0].rpartition('.')[0]}.{text}")


def _hooks(view: RunView, text: str) -> list[str]:
    """The hook steps that have the name in front of `text`."""
    name = re.split(r"[^A-Za-z0-9_]", text, maxsplit=1)[0]
    return [step.step.id for step in view.steps.values() if step.step.hook and step.step.id.split(".")[1:] == [name]]
