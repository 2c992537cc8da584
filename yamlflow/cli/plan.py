"""`yamlflow plan`: what a run would do, step by step, found out without starting or writing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yamlflow.cli import options as o
from yamlflow.cli.drawing.labels import details, target
from yamlflow.cli.reading import Wish, refuse_unsupported, usable
from yamlflow.cli.text import one_line, safe_json
from yamlflow.cli.words import columns, count
from yamlflow.core.graph import Graph, Node, Resources

if TYPE_CHECKING:
    from yamlflow.engine.selection import Selection
    from yamlflow.schema.loader import Loaded


@dataclass(frozen=True, slots=True)
class Planned:
    """One step: how many tasks it has (None: known in the run only), and what becomes of it."""

    node: Node
    tasks: int | None
    fate: str


def plan(
    file: o.FileArgument = None,
    param: o.ParamOption = None,
    params_file: o.ParamsFileOption = None,
    overlay: o.OverlayOption = None,
    executor: o.ExecutorOption = None,
    default_executor: o.DefaultExecutorOption = None,
    clamp: o.ClampOption = False,
    only: o.OnlyOption = None,
    since: o.FromOption = None,
    until: o.UntilOption = None,
    as_json: o.JsonOption = False,
) -> int:
    """Show what would run, where, and how many tasks; the same checks as `run`, and nothing is started."""
    wish = Wish(o.pipeline_file(file), overlay or (), param or (), params_file, executor or (), default_executor)
    return show_plan(wish, o.selection(only, since, until), clamp=clamp, as_json=as_json)


def show_plan(wish: Wish, selection: Selection, *, clamp: bool, as_json: bool) -> int:
    """Prints the plan; what would stop the run stops here with the same words and code."""
    from yamlflow.cli.wiring import fitted
    from yamlflow.engine.selection import select

    result = usable(wish)
    refuse_unsupported(result)
    assert result.graph is not None
    graph = fitted(result.graph, clamp=clamp)
    selected = select(graph, selection)
    counts = _counts(result)
    steps = list(_planned(graph, selected.graph, selected.reused, counts))
    if as_json:
        print(safe_json(_document(graph, wish.file, steps), indent=2))
    else:
        print("\n".join(_lines(graph, steps)))
    return 0


def _planned(graph: Graph, part: Graph, reused: tuple[str, ...], counts: Mapping[str, int | None]) -> Iterator[Planned]:
    for node in graph.nodes.values():
        root = node.id.partition(".")[0]
        if node.id not in part.nodes:
            fate = "left out"
        elif root in reused:
            fate = "taken from the last run"
        else:
            fate = "runs" if not node.hook else f"runs {node.hook}"
        yield Planned(node, counts.get(node.id), fate)


def _counts(result: Loaded) -> dict[str, int | None]:
    """Tasks of each step, as far as the file and the parameters tell: loops around it multiplied."""
    from yamlflow.schema.counts import static_count

    assert result.view is not None
    found: dict[str, int | None] = {}
    for place in result.view.places:
        own = None if place.step.repeat is not None else static_count(place)
        around = found[place.parent.id] if place.parent is not None else 1
        found[place.id] = own * around if own is not None and around is not None else None
    return found


def _lines(graph: Graph, steps: list[Planned]) -> list[str]:
    tasks = [step for step in steps if not step.node.is_group and step.fate.startswith("runs")]
    known = sum(step.tasks or 0 for step in tasks if not step.node.hook)
    unknown = sum(step.tasks is None for step in tasks)
    more = f", and {count(unknown, 'step')} whose tasks are known in the run only" if unknown else ""
    head = f"{one_line(graph.name)}: {count(len(tasks), 'step')}, {count(known, 'task')}{more}"
    return [head, "", *columns([["STEP", "TASKS", "WHERE", "WHAT"], *map(_row, steps)])]


def _row(step: Planned) -> list[str]:
    node = step.node
    name = "  " * node.id.count(".") + node.name
    fate = [] if step.fate == "runs" else [f"[{step.fate}]"]
    what = "  ".join(filter(None, [target(node), *(f"[{detail}]" for detail in details(node)), *fate]))
    tasks = "" if node.is_group and step.tasks == 1 else "?" if step.tasks is None else str(step.tasks)
    return [name, tasks, "" if node.is_group else node.executor, what]


def _document(graph: Graph, file: Path, steps: list[Planned]) -> dict[str, Any]:
    return {"schema": 1, "pipeline": graph.name, "file": str(file), "steps": [_entry(step) for step in steps]}


def _entry(step: Planned) -> dict[str, Any]:
    node = step.node
    return {
        "id": node.id,
        "kind": "group" if node.is_group else "task",
        "runs": target(node) or None,
        "executor": None if node.is_group else node.executor,
        "tasks": step.tasks,
        "when": node.when,
        "resources": None if node.is_group else _resources(node.resources),
        "fate": step.fate,
    }


def _resources(resources: Resources) -> dict[str, Any]:
    return {"cpu": resources.cpu, "memory": resources.memory or None, "gpu": resources.gpu.count}
