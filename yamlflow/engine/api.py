"""`yamlflow.run` and `yamlflow.load`: runs from Python, and what they made, in a notebook.

Values are read when they are asked for, also those that only their own class
can rebuild: whoever asks here, asks in their own process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from yamlflow.core.errors import UsageError, YamlflowError
from yamlflow.core.fingerprint import shortly
from yamlflow.core.graph import Graph, TaskId
from yamlflow.core.messages import GOOD, State
from yamlflow.core.progress import RunView
from yamlflow.core.standing import FailureGroup
from yamlflow.core.values import Document
from yamlflow.engine.crew import machine_of, make_crew
from yamlflow.engine.run import execute
from yamlflow.engine.runs import history
from yamlflow.engine.runs.folder import StateFolder, find_folder
from yamlflow.engine.runs.opening import RunOptions, open_run
from yamlflow.engine.runs.selection import Selection, to_refresh
from yamlflow.schema.diagnostics import Diagnostic, Severity, render
from yamlflow.schema.files.inheritance import Placement
from yamlflow.schema.loader import Given, Loaded
from yamlflow.schema.loader import load as load_pipeline
from yamlflow.store.selection import select
from yamlflow.worker.codecs import load_value
from yamlflow.worker.storage import LocalStorage


class InvalidPipelineError(YamlflowError):
    """The file has errors; `diagnostics` holds them, the message shows them."""

    exit_code = 2

    def __init__(self, loaded: Loaded, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n\n".join(render(found, loaded.source) for found in self.diagnostics))


class Result:
    """A run as it is now: its state, its outputs, the values of its steps.

    `result["fit"]` is a list for a step with a loop, `result["fit[xgb]"]` one item,
    `result["fit[xgb].auc"]` a field of it. Of a loop in a group, `result["by[eu].fit"]` is
    the list of one of the group's items.
    """

    def __init__(self, folder: StateFolder, run_id: str) -> None:
        self._folder = folder
        self._storage = LocalStorage(folder.store)
        self.run_id = run_id

    def __repr__(self) -> str:
        return f"<yamlflow run {self.run_id}: {self.state}>"

    @property
    def state(self) -> str:
        """running, succeeded, failed, cancelled or interrupted."""
        with self._folder.look() as state:
            return history.state_of(self._folder, state.find_run(self.run_id))

    @property
    def outputs(self) -> dict[str, Any]:
        """The values of the pipeline's `outputs:`, once it has ended."""
        with self._folder.look() as state:
            body = state.find_run(self.run_id).body
        return {name: self._value(document, body) for name, document in body.get("outputs", {}).items()}

    @property
    def view(self) -> RunView:
        """Counts, times and failures."""
        with self._folder.look() as state:
            return history.view_of(state, state.find_run(self.run_id))

    @property
    def failures(self) -> list[FailureGroup]:
        """Each distinct failure once."""
        return self.view.failure_groups()

    def __getitem__(self, name: str) -> Any:
        """The value of a step, an item or a field; KeyError when it has none.

        Of a loop that is running or has failed it is what there is: None for the items without a value.
        """
        with self._folder.look() as state:
            record = state.find_run(self.run_id)
            made, view = history.values_of(state, record), history.view_of(state, record)
            step = made.outline.steps.get(name)
            if step is None or step.parent:
                return self._value(self._part(name, made, view), record.body)
            if step.names is None and view.steps[name].state not in _VALUED:
                raise KeyError(f"`{name}` has no value: it is {view.steps[name].state.value}")
            return self._value(made.values.document(step), record.body)

    def _part(self, name: str, made: history.Made, view: RunView) -> Document:
        pattern, tasks = _chosen(view, name)
        if not tasks:
            raise KeyError(f"no task is called `{name}`; {view.outline.name} has {', '.join(view.steps)}")
        if len(tasks) == 1:
            return _one(made, view, tasks[0], pattern.field)
        if not _in_one_loop(tasks):
            shown = shortly([view.names.display(task) for task in tasks])
            raise KeyError(f"`{name}` means {len(tasks)} values: {shown}; name one of them")
        return [_one(made, view, task, pattern.field) if task in made.outcomes else None for task in tasks]

    def _value(self, document: Document, body: Mapping[str, Any]) -> Any:
        for root in body.get("code_roots", ()):
            if root not in sys.path:
                sys.path.append(root)
        return load_value(document, self._storage)


def _one(made: history.Made, view: RunView, task: TaskId, fields: tuple[str, ...]) -> Document:
    name = view.names.display(task)
    if task not in made.outcomes:
        raise KeyError(f"`{name}` has no value: it is {view.steps[task.node].states[task.path].value}")
    try:
        return history.value_at(made, task, fields)
    except KeyError as missing:
        has = ", ".join(history.fields_of(history.value_at(made, task))) or "none"
        raise KeyError(f"`{name}` has no field `{missing.args[0]}`; it has {has}") from None


def _in_one_loop(tasks: Sequence[TaskId]) -> bool:
    """Whether tasks are of one step and differ in one loop alone: then their values are a list."""
    levels = zip(*(task.path for task in tasks), strict=False)
    return len({task.node for task in tasks}) == 1 and sum(len(set(level)) > 1 for level in levels) <= 1


_VALUED = GOOD | {State.SKIPPED}


def _chosen(view: RunView, name: str) -> tuple[Any, list[TaskId]]:
    try:
        return history.choose(view, name)
    except UsageError as error:
        raise KeyError(f"{name}: {error.message}") from error


def load(run: str = "last", *, state_dir: str | os.PathLike[str] | None = None) -> Result:
    """A run of this project: its id, the start of it, its name, or the last one."""
    folder = find_folder(Path.cwd(), Path(state_dir) if state_dir is not None else None)
    with folder.look() as state:
        return Result(folder, state.find_run(run).id)


def run(
    path: str | os.PathLike[str],
    params: Mapping[str, Any] | None = None,
    *,
    name: str = "",
    executor: str | None = None,
    only: Iterable[str] = (),
    max_workers: int | None = None,
    keep_going: bool = False,
    clamp: bool = False,
    no_cache: bool = False,
    refresh: Iterable[str] = (),
    overlap: str = "allow",
    state_dir: str | os.PathLike[str] | None = None,
) -> Result:
    """Runs a pipeline to its end and gives the result, whatever its state.

    Raises InvalidPipelineError for a file with errors and other YamlflowErrors for
    what makes running impossible; a failed task is part of the result.
    """
    if max_workers is not None and max_workers < 1:
        raise UsageError(f"max_workers is {max_workers}", hint="it is at least 1, or None")
    graph = _graph(str(path), params or {}, Placement((executor,) if executor else ()))
    selection = Selection(only=tuple(only))
    options = RunOptions(
        name=name,
        selection=selection,
        cached=not no_cache,
        refresh=to_refresh(graph, selection, tuple(refresh)),
        max_workers=max_workers,
        keep_going=keep_going,
        clamp=clamp,
        overlap=overlap,
    )
    file = Path(path).absolute()
    folder = find_folder(file.parent, Path(state_dir) if state_dir is not None else None)
    opened = open_run(graph, folder, options, file=str(file))
    try:
        execute(opened, make_crew(opened.graph), machine_of(opened.graph))
    finally:
        opened.close()
    return Result(folder, opened.id)


def _graph(path: str, params: Mapping[str, Any], placement: Placement) -> Graph:
    given = Given(values=params, environment=dict(os.environ))
    loaded = load_pipeline(path, given=given, placement=placement, select=select)
    stopping = [found for found in (*loaded.diagnostics, *loaded.unsupported) if found.severity is Severity.ERROR]
    if stopping or loaded.graph is None:
        raise InvalidPipelineError(loaded, stopping)
    return loaded.graph
