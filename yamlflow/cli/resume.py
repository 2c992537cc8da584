"""`yamlflow resume`: the same run goes on with today's file; what succeeded and is unchanged does not run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yamlflow.cli import options as o
from yamlflow.cli.launching import Show, launch
from yamlflow.cli.looking import looking_at
from yamlflow.cli.options import Color, Progress, ShowOutput
from yamlflow.cli.reading import Wish, checked, runnable
from yamlflow.cli.wiring import fitted
from yamlflow.core.errors import UsageError
from yamlflow.core.values import decode
from yamlflow.engine.folder import StateFolder
from yamlflow.engine.opening import RunOptions
from yamlflow.engine.run import reopen_run
from yamlflow.store.state import RunRecord


def resume(
    run: o.RunArgument = None,
    executor: o.ExecutorOption = None,
    clamp: o.ClampOption = False,
    max_workers: o.MaxWorkersOption = None,
    max_items: o.MaxItemsOption = None,
    keep_going: o.KeepGoingOption = False,
    max_time: o.MaxTimeOption = None,
    progress: o.ProgressOption = Progress.AUTO,
    show_output: o.ShowOutputOption = ShowOutput.AUTO,
    output_dir: o.OutputDirOption = None,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    color: o.ColorOption = Color.AUTO,
    state_dir: o.StateDirOption = None,
) -> int:
    """Go on with a run under the same id and parameters; without RUN with the last one."""
    with looking_at(run, state_dir) as look:
        folder, record = look.folder, look.record
    if "params" not in record.body:
        raise UsageError(f"run {record.id} never started", hint="start a new one: yamlflow run")
    graph = fitted(runnable(_wish(record, executor or [])), clamp=clamp)
    options = RunOptions(
        name=record.name,
        max_workers=max_workers,
        max_items=max_items,
        keep_going=keep_going,
        max_time=o.seconds(max_time, "--max-time") if max_time else None,
    )
    flags = ("--state-dir", str(state_dir)) if state_dir else ()
    show = Show(progress, show_output, as_json, quiet, color, output_dir, flags)
    return launch(reopen_run(graph, StateFolder(folder.path), record.id, options), show)


def _wish(record: RunRecord, executors: list[str]) -> Wish:
    """The file as the run read it: its overlays, its placement, its parameters; secret ones are asked for again."""
    source: dict[str, Any] = record.body.get("options", {}).get("source", {})
    wish = Wish(
        Path(record.file),
        overlays=[Path(path) for path in source.get("overlays", ())],
        executors=[*source.get("executors", ()), *executors],
        default_executor=source.get("default_executor"),
        max_items=source.get("max_items"),
    )
    return wish.with_values(_values(wish, record))


def _values(wish: Wish, record: RunRecord) -> dict[str, object]:
    """The parameters of the run that the file still has."""
    model = checked(wish).model
    params = model.params if model is not None else {}
    kept = {name: value for name, value in record.body["params"].items() if name in params and not params[name].secret}
    return {name: decode(value) for name, value in kept.items()}
