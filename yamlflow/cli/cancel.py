"""`yamlflow cancel`: asks the launcher of a run to stop it, from any terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from yamlflow.cli.looking import looking
from yamlflow.cli.options import RunArgument, StateDirOption
from yamlflow.cli.output.words import command
from yamlflow.engine.runs import history


def cancel(
    run: RunArgument = None,
    force: Annotated[bool, typer.Option("--force", help="Do not let running tasks clean up.")] = False,
    state_dir: StateDirOption = None,
) -> None:
    """Stop a run in progress; without RUN the one that is going on, if it is the only one."""
    with looking(state_dir) as (folder, state):
        record = history.cancel(folder, state, run, force=force)
    print(f"Asked run {record.id} to stop. See how it goes: {command('status', record.id)}")
