"""`yamlflow resume`: the same run goes on with today's file; what succeeded and is unchanged does not run again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yamlflow.cli import options as o
from yamlflow.cli.choices import settle
from yamlflow.cli.output.words import command
from yamlflow.cli.reading import Wish, checked, runnable
from yamlflow.cli.run import asked
from yamlflow.core.errors import UsageError
from yamlflow.core.values import decode

if TYPE_CHECKING:
    from yamlflow.store.state import RunRecord


def resume(
    run: o.RunArgument = None,
    executor: o.ExecutorOption = None,
    clamp: o.ClampOption = False,
    max_workers: o.MaxWorkersOption = None,
    max_items: o.MaxItemsOption = None,
    refresh: o.RefreshOption = None,
    keep_going: o.KeepGoingOption = False,
    max_time: o.MaxTimeOption = None,
    on_interrupt: o.OnInterruptOption = None,
    progress: o.ProgressOption = None,
    show_output: o.ShowOutputOption = None,
    output_dir: o.OutputDirOption = None,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    color: o.ColorOption = None,
    state_dir: o.StateDirOption = None,
) -> int:
    """Go on with a run under the same id and parameters; without RUN with the last one."""
    from yamlflow.cli.launching import launch, show_of
    from yamlflow.cli.looking import looking_at
    from yamlflow.cli.wiring import fitted
    from yamlflow.engine.run import RunOptions, reopen_run
    from yamlflow.engine.runs.folder import StateFolder
    from yamlflow.engine.runs.selection import Selection, to_refresh

    with looking_at(run, state_dir) as look:
        folder, record = look.folder, look.record
    if "params" not in record.body:
        raise UsageError(f"run {record.id} never started", hint="start a new one: yamlflow run")
    record = _moved(record, folder.path.parent)
    wish = _wish(record, executor or [], max_items, o.state_flags(state_dir))
    settings = settle(
        wish.file,
        max_workers=max_workers,
        max_items=wish.max_items,
        keep_going=keep_going,
        clamp=clamp,
        on_interrupt=on_interrupt,
        progress=progress,
        show_output=show_output,
        color=color,
    )
    graph = fitted(runnable(wish, quiet=quiet), clamp=settings["clamp"])
    seconds = o.seconds(max_time, "--max-time") if max_time else None
    again = to_refresh(graph, Selection(**record.body.get("selection", {})), refresh or [])
    options = RunOptions(name=record.name, max_time=seconds, refresh=again, **asked(settings))
    show = show_of(settings, as_json=as_json, quiet=quiet, output_dir=output_dir, state_dir=state_dir)
    opened = reopen_run(graph, StateFolder(folder.path), record.id, options, file=record.file)
    return launch(opened, show)


def _moved(record: RunRecord, project: Path) -> RunRecord:
    """A project may have been moved with its state: then the file is looked for beside the state folder."""
    beside = project / Path(record.file).name
    return record if Path(record.file).exists() or not beside.exists() else replace(record, file=str(beside))


def _wish(record: RunRecord, executors: list[str], max_items: int | None, flags: tuple[str, ...]) -> Wish:
    """The file as the run read it: its overlays, its placement, its parameters; secret ones are asked for again."""
    source: dict[str, Any] = record.body.get("options", {}).get("source", {})
    from yamlflow.engine.runs.parameters import kept, withheld

    wish = Wish(
        Path(record.file),
        overlays=[Path(path) for path in source.get("overlays", ())],
        executors=[*source.get("executors", ()), *executors],
        default_executor=source.get("default_executor"),
        max_items=max_items if max_items is not None else source.get("max_items"),
    )
    model = checked(wish).model
    params = model.params if model is not None else {}
    values = {name: decode(value) for name, value in kept(record).items() if name in params}
    hidden = {name: given for name, given in withheld(record).items() if name in params}
    _ask_again(record, [name for name, given in hidden.items() if given or params[name].must_be_given], flags)
    return wish.with_values(values)


def _ask_again(record: RunRecord, secrets: list[str], flags: tuple[str, ...]) -> None:
    """Refuses a resume without them: a default would take the place of a secret value, and nobody would know."""
    from yamlflow.schema.files.parameters import variables

    missing = [name for name in secrets if not any(variable in os.environ for variable in variables(name))]
    if not missing:
        return
    given = " ".join(f"{variables(name)[-1]}=..." for name in missing)
    names = " and ".join(f"`{name}`" for name in missing)
    plural = "parameters" if len(missing) > 1 else "parameter"
    raise UsageError(
        f"run {record.id} was given the secret {plural} {names}, and secret values are not kept",
        hint=f"give {'it' if len(missing) == 1 else 'them'} again: {given} {command('resume', record.id, *flags)}",
    )
