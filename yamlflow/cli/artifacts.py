"""`yamlflow artifacts`: the values that steps made: which there are, what is in them, and out of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from yamlflow.cli.guard import tell
from yamlflow.cli.looking import Look, choose, looking_at, looking_for
from yamlflow.cli.options import JsonOption, RunArgument, StateDirOption
from yamlflow.cli.output.documents import Lost, Place, described, plain, shown
from yamlflow.cli.output.text import one_line, safe_json
from yamlflow.cli.output.words import columns, count
from yamlflow.core.errors import UsageError
from yamlflow.core.graph import TaskId
from yamlflow.core.progress import RunView
from yamlflow.core.values import ArtifactRef, Document
from yamlflow.engine.runs.history import Made, fields_of, value_at, values_of

_SHORT = 80

artifacts = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List, show and fetch the values that steps made.",
)
Words = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN STEP[key].field", help="A value, of the last run where none is named.", show_default=False
    ),
]


@artifacts.command("list")
def list_(run: RunArgument = None, as_json: JsonOption = False, state_dir: StateDirOption = None) -> None:
    """List the values of a run: one line a task."""
    with looking_at(run, state_dir) as look:
        view, made = look.view(), values_of(look.state, look.record)
        found = [(one_line(view.names.display(task)), value_at(made, task)) for task in _in_order(view, made)]
        if as_json:
            entries = [{"task": name, "value": plain(value, look.place_or_loss)} for name, value in found]
            print(safe_json({"schema": 1, "run_id": look.record.id, "artifacts": entries}))
            return
        lost: set[str] = set()
        rows = [[name, _kind(value), one_line(shown(value, _noting(look, lost)), _SHORT)] for name, value in found]
        if rows:
            print("\n".join(columns(rows)))
        if lost:
            tell(f"{count(len(lost), 'value')} {'is' if len(lost) == 1 else 'are'} lost; {look.mending}")


def _noting(look: Look, lost: set[str]) -> Place:
    """Places of values; the digests of those that have none are added to `lost`."""

    def place(ref: ArtifactRef) -> str | Lost:
        found = look.place_or_loss(ref)
        lost.update([ref.digest] if isinstance(found, Lost) else [])
        return found

    return place


@artifacts.command("show")
def show(words: Words, as_json: JsonOption = False, state_dir: StateDirOption = None) -> None:
    """Show a value: JSON as it is, anything else by its type, shape and place."""
    with looking_for(words, state_dir) as (look, step):
        found = _chosen(look, step)
        if as_json:
            values = {name: plain(value, look.place) for name, value in found}
            print(safe_json(next(iter(values.values())) if len(values) == 1 else values))
            return
        for name, value in found:
            print(shown(value, look.place) if len(found) == 1 else f"{name}: {one_line(shown(value, look.place), 500)}")


@artifacts.command("get")
def get(
    words: Words,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="PATH", help="Where to write it.")] = None,
    state_dir: StateDirOption = None,
) -> None:
    """Write a value to a file: a stored file or folder as it is, other values as JSON or in their stored format."""
    from yamlflow.cli.output.exporting import fetch
    from yamlflow.store.local import LocalStore

    with looking_for(words, state_dir) as (look, step):
        found = _chosen(look, step)
        if len(found) != 1:
            names = ", ".join(name for name, _ in found[:5])
            raise UsageError(f"{step} means {len(found)} values: {names}", hint="name one of them")
        with look.asking():
            print(fetch(found[0][1], output, found[0][0], LocalStore(look.folder.store)))


def _in_order(view: RunView, made: Made) -> list[TaskId]:
    places = {step: number for number, step in enumerate(view.steps)}
    return sorted(made.outcomes, key=lambda task: (places[task.node], task.path))


def _chosen(look: Look, step: str | None) -> list[tuple[str, Document]]:
    """Name and value of what a person wrote; UsageError when there is none."""
    if step is None:
        raise UsageError("which value?", hint="name a step: yamlflow artifacts show last fit")
    view, made = look.view(), values_of(look.state, look.record)
    pattern, tasks = choose(view, step)
    found = list(_values(view, made, [task for task in tasks if task in made.outcomes], pattern.field))
    if not found:
        raise UsageError(
            f"{step}: no task of run {look.record.id} has made such a value", hint="yamlflow artifacts list"
        )
    return found


def _values(view: RunView, made: Made, tasks: list[TaskId], fields: tuple[str, ...]) -> Iterator[tuple[str, Document]]:
    for task in tasks:
        try:
            yield ".".join([view.names.display(task), *fields]), value_at(made, task, fields)
        except KeyError as missing:
            raise UsageError(
                f"{view.names.display(task)} has no field {missing.args[0]!r}", hint=_fields_hint(made.values.get(task))
            ) from missing


def _fields_hint(value: Any) -> str:
    fields = fields_of(value)
    return f"it has {', '.join(fields)}" if fields else "it has no fields"


def _kind(value: Document) -> str:
    body = plain(value, lambda _ref: "")
    if isinstance(body, dict) and "$artifact" in body:
        return described({**body, "path": ""}, value).rstrip(": ")
    return type(body).__name__
