"""`yamlflow cache`: the results that later runs may use, why steps ran all the same, and forgetting them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yamlflow.cli.looking import looking, looking_for
from yamlflow.cli.options import JsonOption, StateDirOption
from yamlflow.cli.output.text import one_line, safe_json
from yamlflow.cli.output.words import columns, count, instant, moment
from yamlflow.core.errors import UsageError
from yamlflow.core.messages import CacheMissed, CodeChanged, Event, State
from yamlflow.core.naming import glob

if TYPE_CHECKING:
    from yamlflow.cli.looking import Look
    from yamlflow.store.results import Cached, Results

cache = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List results that later runs may use, say why a step ran, and forget results.",
)

StepsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[STEP]", help="Only results of these steps; `*` matches any text.", show_default=False),
]
WhyArgument = Annotated[
    list[str], typer.Argument(metavar="[RUN] STEP", help="A step; of the last run, or of the one named before it.")
]


@cache.command("list")
def list_(step: StepsArgument = None, as_json: JsonOption = False, state_dir: StateDirOption = None) -> None:
    """List the results in the cache, the newest first."""
    with looking(state_dir) as (_, state):
        wanted = set(_named(state.results, step)) if step else None
        rows = [row for row in state.results.all() if wanted is None or row.step in wanted]
    if as_json:
        print(safe_json({"schema": 1, "results": [_entry(row) for row in rows]}))
        return
    head = ["TASK", "MADE", "BY RUN", "FROM"]
    print("\n".join(columns([head, *(_row(row) for row in rows)])))


@cache.command("why")
def why(words: WhyArgument, as_json: JsonOption = False, state_dir: StateDirOption = None) -> None:
    """Say why a step ran in a run though it has a cache, or what stood in for it."""
    with looking_for(words, state_dir) as (look, step):
        if step is None:
            raise UsageError("name a step", hint=f"its steps are {', '.join(look.view().steps)}")
        view = look.view()
        if step not in view.steps:
            raise UsageError(f"run {look.record.id} has no step {step}", hint=f"its steps are {', '.join(view.steps)}")
        said = _said(look, step)
        cached = view.steps[step].count(State.CACHED)
        if as_json:
            body = {"run_id": look.record.id, "step": step, "cached": cached, "tasks": view.steps[step].total}
            print(safe_json({"schema": 1, **body, "why": said}))
            return
        print(f"{step} in run {look.record.id}: {cached} of {count(view.steps[step].total, 'task')} from the cache")
        for line in said or ([] if cached else ["it has no cache, or the run had --no-cache, or did not reach it"]):
            print(f"  {one_line(line)}")


@cache.command("clear")
def clear(step: StepsArgument = None, state_dir: StateDirOption = None) -> None:
    """Forget the results of these steps, or of all; the values themselves go with `gc`."""
    with looking(state_dir) as (_, state):
        named = _named(state.results, step) if step else [None]
        number = sum(state.results.clear(name) for name in named)
        print(f"{count(number, 'result')} forgotten")


def _named(results: Results, patterns: list[str]) -> list[str | None]:
    """The steps with results that are meant; UsageError for a pattern that means none."""
    known = list(dict.fromkeys(row.step for row in results.all()))
    for pattern in patterns:
        if not any(glob(pattern, name) for name in known):
            hint = f"there are results of {', '.join(known)}" if known else "the cache is empty"
            raise UsageError(f"the cache has no result of {pattern}", hint=hint)
    return [name for name in known if any(glob(pattern, name) for pattern in patterns)]


def _said(look: Look, step: str) -> list[str]:
    """The reasons as they were given in the newest launch."""
    found: list[str] = []
    for stored in look.state.events(look.record.id, kinds=("RunStarted", "CacheMissed", "CodeChanged")):
        if stored.row.kind == "RunStarted":
            found = []
        else:
            found += _reasons(stored.event, step)
    return list(dict.fromkeys(found))


def _reasons(event: Event, step: str) -> Iterator[str]:
    match event:
        case CacheMissed(tasks=(task, *more), reason=reason) if task.node == step:
            yield f"{count(len(more) + 1, 'task')} ran: {reason}"
        case CodeChanged(step=changed, parts=parts, kept=None) if changed == step:
            yield f"it was edited during the run: {', '.join(parts)}"
        case _:
            pass


def _row(row: Cached) -> list[str]:
    given = ", ".join(f"{name}={text}" for name, text in row.given.items() if not text.startswith("#"))
    return [one_line(row.name), moment(row.created), row.run, one_line(given, 60)]


def _entry(row: Cached) -> dict[str, Any]:
    return {
        "task": row.name,
        "step": row.step,
        "run_id": row.run,
        "created": instant(row.created),
        "given": dict(row.given),
        "key": row.key.hex(),
    }
