"""`yamlflow run`: one run of a pipeline, from its file to an exit code."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from yamlflow.cli import options as o
from yamlflow.cli.choices import misfit, settle
from yamlflow.cli.reading import Wish, runnable
from yamlflow.core.errors import TemporaryError

if TYPE_CHECKING:
    from yamlflow.cli.launching import Show
    from yamlflow.engine.runs.opening import RunOptions
    from yamlflow.engine.settings import Settings


def run(
    ctx: typer.Context,
    file: o.FileArgument = None,
    param: o.ParamOption = None,
    params_file: o.ParamsFileOption = None,
    overlay: o.OverlayOption = None,
    executor: o.ExecutorOption = None,
    default_executor: o.DefaultExecutorOption = None,
    clamp: o.ClampOption = False,
    max_workers: o.MaxWorkersOption = None,
    max_items: o.MaxItemsOption = None,
    only: o.OnlyOption = None,
    since: o.FromOption = None,
    until: o.UntilOption = None,
    dry_run: o.DryRunOption = False,
    no_cache: o.NoCacheOption = False,
    refresh: o.RefreshOption = None,
    keep_going: o.KeepGoingOption = False,
    name: o.NameOption = "",
    tag: o.TagOption = None,
    max_time: o.MaxTimeOption = None,
    on_interrupt: o.OnInterruptOption = None,
    overlap: o.OverlapOption = "",
    progress: o.ProgressOption = None,
    show_output: o.ShowOutputOption = None,
    output_dir: o.OutputDirOption = None,
    as_json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    color: o.ColorOption = None,
    state_dir: o.StateDirOption = None,
    help_: o.HelpOption = False,
) -> int:
    """Run a pipeline. With FILE, --help lists the parameters that -p sets."""
    wish = Wish(
        file or Path(), overlay or (), param or (), params_file, executor or (), default_executor, {}, max_items
    )
    if help_:
        return _help(ctx, wish)
    wish = wish.of(o.pipeline_file(file))
    if dry_run:
        from yamlflow.cli.plan import Asked, show_plan

        asked_for = Asked(o.selection(only, since, until), refresh or (), not no_cache, state_dir)
        return show_plan(wish, asked_for, clamp=clamp, as_json=as_json)
    work = {"state_dir": state_dir, "max_workers": max_workers, "max_items": max_items, "keep_going": keep_going}
    look = {"progress": progress, "show_output": show_output, "color": color, "on_interrupt": on_interrupt}
    settings = settle(wish.file, clamp=clamp, overlap=overlap, **work, **look)
    from yamlflow.cli.launching import show_of
    from yamlflow.engine.runs.opening import RunOptions

    seconds = o.seconds(max_time, "--max-time") if max_time else None
    facts = {**asked(settings), "max_time": seconds, "cached": not no_cache, "refresh": tuple(refresh or ())}
    wanted = RunOptions(name, o.pairs(tag, "--tag"), o.selection(only, since, until), source=wish.source(), **facts)
    show = show_of(settings, as_json=as_json, quiet=quiet, output_dir=output_dir, state_dir=state_dir)
    return _run(wish, wanted, show, settings)


def asked(settings: Settings) -> dict[str, Any]:
    """The part of RunOptions that settings decide."""
    policy, wait = _overlap(settings)
    return {
        "max_workers": settings["max_workers"],
        "max_items": settings["max_items"],
        "keep_going": settings["keep_going"],
        "overlap": "fail" if policy == "skip" else policy,
        "overlap_wait": wait,
    }


def _run(wish: Wish, wanted: RunOptions, show: Show, settings: Settings) -> int:
    """Reads the file, checks it against this machine, opens the run and launches it."""
    from yamlflow.cli.launching import launch
    from yamlflow.cli.wiring import fitted
    from yamlflow.engine.run import open_run
    from yamlflow.engine.runs.folder import find_folder
    from yamlflow.engine.runs.selection import to_refresh

    graph = fitted(runnable(wish, quiet=show.quiet), clamp=settings["clamp"])
    wanted = replace(wanted, refresh=to_refresh(graph, wanted.selection, wanted.refresh))
    folder = find_folder(wish.file.absolute().parent, settings["state_dir"])
    try:
        opened = open_run(graph, folder, wanted, file=str(wish.file.absolute()))
    except TemporaryError as error:
        if settings["overlap"] != "skip":
            raise
        if not show.quiet:
            print(f"skipped: {error.message}", file=sys.stderr)
        return 0
    return launch(opened, show)


def _overlap(settings: Settings) -> tuple[str, float]:
    """The policy and the seconds it waits."""
    text: str = settings["overlap"]
    policy, colon, time = text.partition(":")
    if policy == "wait" and colon:
        return "wait", o.seconds(time, "--overlap wait:")
    if policy in ("allow", "fail", "skip") and not colon:
        return policy, 0.0
    hint = "write allow, fail, skip, or wait with a time: wait:30m"
    raise misfit(settings, "overlap", f"there is no overlap policy {text!r}", hint)


def _help(ctx: typer.Context, wish: Wish) -> int:
    """The command's own help, then the parameters of the file that was named."""
    from yamlflow.cli.parameters import parameter_help

    print(ctx.get_help())
    if wish.file != Path():
        print("\n" + "\n".join(parameter_help(wish)))
    return 0
