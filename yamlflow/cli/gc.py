"""`yamlflow gc`: frees what no run and no cached result needs any more."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from yamlflow.cli.looking import looking
from yamlflow.cli.options import JsonOption, StateDirOption, seconds
from yamlflow.cli.output.text import safe_json
from yamlflow.cli.output.words import count, size
from yamlflow.engine.housekeeping import Swept, sweep


def gc(
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="TIME",
            help="Forget runs that ended, and cached results that were used last, longer ago, such as 30d.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: JsonOption = False,
    state_dir: StateDirOption = None,
) -> None:
    """Delete values that no run and no cached result refers to, and what dead launchers left."""
    age = seconds(older_than, "--older-than") if older_than is not None else None
    with looking(state_dir) as (folder, state):
        swept = sweep(folder, state, time.time(), older_than=age, dry=dry_run)
        if as_json:
            print(safe_json(_document(swept)))
            return
        print("\n".join(_lines(swept)))
        if swept.damaged:
            print(f"{count(swept.damaged, 'damaged value')} set aside in {folder.store / 'damaged'}")


def _document(swept: Swept) -> dict[str, Any]:
    return {
        "schema": 1,
        "dry_run": swept.dry,
        "runs": swept.runs,
        "results": swept.results,
        "values": swept.objects,
        "leftovers": swept.leftovers,
        "freed": swept.freed,
        "kept": {"values": swept.kept, "size": swept.kept_size},
        "damaged": swept.damaged,
    }


def _lines(swept: Swept) -> list[str]:
    would = "would forget" if swept.dry else "forgot"
    runs = [f"{would} {count(len(swept.runs), 'run')}: {', '.join(swept.runs)}"] if swept.runs else []
    runs += [f"{would} {count(swept.results, 'cached result')}"] if swept.results else []
    freed = f"{'would free' if swept.dry else 'freed'} {size(swept.freed)}"
    parts = f"{count(swept.objects, 'value')}, {count(swept.leftovers, 'leftover')}"
    return [*runs, f"{freed}: {parts}; kept {count(swept.kept, 'value')}, {size(swept.kept_size)}"]
