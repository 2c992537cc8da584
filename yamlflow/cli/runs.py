"""`yamlflow runs`: every run of this project, and one of them in full."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from yamlflow.cli.choices import ink
from yamlflow.cli.looking import Look, looking, looking_at
from yamlflow.cli.options import ColorOption, JsonOption, RunArgument, StateDirOption
from yamlflow.cli.output.documents import lines
from yamlflow.cli.output.terminal import speaks_unicode
from yamlflow.cli.output.text import clean, one_line, safe_json
from yamlflow.cli.output.words import columns, duration, instant, moment
from yamlflow.cli.screen.ending import block
from yamlflow.cli.status import ending_of, rows_of, run_document, table
from yamlflow.engine.runs.history import seconds_of

runs = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="List runs, show one in full, compare two."
)


@runs.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most the N newest.")] = 20,
    as_json: JsonOption = False,
    state_dir: StateDirOption = None,
) -> None:
    """List runs, the newest first."""
    with looking(state_dir) as (folder, state):
        looks = [Look(folder, state, record) for record in state.runs(limit=limit)]
        if as_json:
            print(safe_json({"schema": 1, "runs": [_entry(look) for look in looks]}))
            return
        head = ["RUN", "PIPELINE", "STATE", "STARTED", "TOOK", "NAME"]
        print("\n".join(columns([head, *map(_row, looks)])))


@runs.command("show")
def show(
    run: RunArgument = None,
    as_json: JsonOption = False,
    color: ColorOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show one run in full: its file, parameters, steps, outputs and failures."""
    with looking_at(run, state_dir) as look:
        view = look.view()
        if as_json:
            print(safe_json({**_entry(look), **run_document(look, view)}))
            return
        pen, unicode = ink(sys.stdout, color), speaks_unicode(sys.stdout)
        print("\n".join(columns(_facts(look))))
        print("\n" + "\n".join(table(rows_of(look, view, unicode), pen, unicode=unicode)))
        for line in lines(look.record.body.get("outputs", {}), look.place_or_loss):
            print(f"\n{line}")
        print("\n" + "\n".join(block(ending_of(look, view), pen, unicode=unicode)))


@runs.command("diff")
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A run: its id, the start of it, its name, or `last`.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The run to compare it with.")],
    as_json: JsonOption = False,
    state_dir: StateDirOption = None,
) -> None:
    """Compare two runs: parameters, definitions, code, inputs, results, times."""
    from yamlflow.cli.difference import document
    from yamlflow.cli.difference import lines as difference_lines
    from yamlflow.engine.runs.difference import difference

    with looking(state_dir) as (_, state):
        before, after = state.find_run(first), state.find_run(second)
        found = difference(state, before, after)
        if as_json:
            print(safe_json({"schema": 1, "runs": [before.id, after.id], **document(found)}))
            return
        print(f"{before.id} -> {after.id}")
        print("\n".join(f"  {line}" for line in difference_lines(found)))


@runs.command("rm")
def rm(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run: its id, the start of it, its name, or `last`.")],
    state_dir: StateDirOption = None,
) -> None:
    """Forget a run and delete its logs; `gc` frees the values that it alone had."""
    from yamlflow.engine.housekeeping import remove_run

    with looking_at(run, state_dir) as look:
        remove_run(look.folder, look.state, look.record, time.time())
        print(f"forgot run {look.record.id}")


def _entry(look: Look) -> dict[str, Any]:
    record = look.record
    return {
        "run_id": record.id,
        "name": record.name or None,
        "pipeline": record.pipeline,
        "file": record.file,
        "state": look.standing,
        "created": instant(record.created),
        "ended": instant(record.ended) if record.ended is not None else None,
        "launches": record.launches,
        "tags": _tags(look),
    }


def _row(look: Look) -> list[str]:
    record = look.record
    started = moment(record.created)
    return [record.id, one_line(record.pipeline), look.standing, started, _took(look), one_line(record.name)]


def _took(look: Look) -> str:
    """The time of the newest launch, as `status` has it."""
    if look.record.ended is None:
        return ""
    launch = f" (launch {look.record.launches})" if look.record.launches > 1 else ""
    return duration(seconds_of(look.state, look.record)) + launch


def _facts(look: Look) -> list[list[str]]:
    record = look.record
    rows = [
        ["run", record.id],
        ["pipeline", one_line(record.pipeline)],
        ["file", clean(record.file)],
        ["state", look.standing],
    ]
    rows += [["name", one_line(record.name)]] if record.name else []
    rows += [["started", moment(record.created)]]
    rows += [["ended", moment(record.ended)]] if record.ended is not None else []
    rows += [["tag", f"{one_line(key)}={one_line(str(value))}"] for key, value in _tags(look).items()]
    return rows + [["param", f"{name}={safe_json(value)}"] for name, value in record.body.get("params", {}).items()]


def _tags(look: Look) -> dict[str, str]:
    return dict(look.record.body.get("options", {}).get("tags", {}))
