"""`yamlflow plan`: what a run would do, step by step, found out without starting or writing anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from yamlflow.cli import options as o
from yamlflow.cli.choices import settle
from yamlflow.cli.drawing.labels import details, target
from yamlflow.cli.output.text import one_line, safe_json
from yamlflow.cli.output.words import columns, count
from yamlflow.cli.reading import Wish, runnable
from yamlflow.core.graph import Graph, Node
from yamlflow.schema.files.project import shown

if TYPE_CHECKING:
    from yamlflow.engine.runs.plan import Plan, PlannedStep
    from yamlflow.engine.runs.selection import Selection


def plan(
    file: o.FileArgument = None,
    param: o.ParamOption = None,
    params_file: o.ParamsFileOption = None,
    overlay: o.OverlayOption = None,
    executor: o.ExecutorOption = None,
    default_executor: o.DefaultExecutorOption = None,
    clamp: o.ClampOption = False,
    max_items: o.MaxItemsOption = None,
    only: o.OnlyOption = None,
    since: o.FromOption = None,
    until: o.UntilOption = None,
    as_json: o.JsonOption = False,
) -> int:
    """Show what would run, where, and how many tasks; the same checks as `run`, and nothing is started."""
    path = o.pipeline_file(file)
    wish = Wish(path, overlay or (), param or (), params_file, executor or (), default_executor, {}, max_items)
    return show_plan(wish, o.selection(only, since, until), clamp=clamp, as_json=as_json)


def show_plan(wish: Wish, selection: Selection, *, clamp: bool, as_json: bool) -> int:
    """Prints the plan; what would stop the run stops here with the same words and code."""
    from yamlflow.cli.wiring import fitted
    from yamlflow.engine.runs.plan import plan as planned

    settings = settle(wish.file, clamp=clamp, max_items=wish.max_items)
    graph = fitted(runnable(wish), clamp=settings["clamp"])
    found = planned(graph, selection, max_items=settings["max_items"])
    origins = {name: entry.origin for name, entry in settings.executors.items()}
    if as_json:
        print(safe_json(_document(graph, wish.file, found, origins), indent=2))
    else:
        print("\n".join(_lines(graph, found, origins)))
    return 0


def _lines(graph: Graph, found: Plan, origins: dict[str, str]) -> list[str]:
    running = [step for step in found.steps if not step.group and not step.reused and not step.hook]
    more = " or more: some loops are counted in the run only" if found.open_ended else ""
    head = f"{one_line(graph.name)}: {count(len(running), 'step')}, {count(found.tasks, 'task')}{more}"
    rows = [_row(graph.nodes[step.id], step, origins) for step in found.steps]
    left = [root for root in graph.roots if root not in found.selected.graph.nodes]
    end = ["", f"left out: {', '.join(left)}"] if left else []
    return [head, "", *columns([["STEP", "TASKS", "WHERE", "WHAT"], *rows]), *end]


def _row(node: Node, step: PlannedStep, origins: dict[str, str]) -> list[str]:
    name = "  " * node.id.count(".") + node.name
    what = "  ".join(filter(None, [target(node), *(f"[{detail}]" for detail in details(node)), _fate(step)]))
    tasks = "" if step.reused or (step.group and not step.loops) else "?" if step.tasks is None else str(step.tasks)
    return [name, tasks, _where(node, origins), what]


def _where(node: Node, origins: dict[str, str]) -> str:
    if node.is_group:
        return ""
    origin = origins.get(node.executor)
    return f"{node.executor} (from {shown(Path(origin))})" if origin else node.executor


def _fate(step: PlannedStep) -> str:
    if step.reused:
        return "[taken from the last run]"
    return f"[{step.hook}]" if step.hook else ""


def _document(graph: Graph, file: Path, found: Plan, origins: dict[str, str]) -> dict[str, Any]:
    return {
        "schema": 1,
        "pipeline": graph.name,
        "file": str(file),
        "tasks": found.tasks,
        "open_ended": found.open_ended,
        "steps": [_entry(graph.nodes[step.id], step, origins) for step in found.steps],
        "left_out": [root for root in graph.roots if root not in found.selected.graph.nodes],
    }


def _entry(node: Node, step: PlannedStep, origins: dict[str, str]) -> dict[str, Any]:
    return {
        "id": node.id,
        "kind": "group" if node.is_group else "task",
        "runs": target(node) or None,
        "executor": None if node.is_group else node.executor,
        "executor_origin": origins.get(node.executor, "file"),
        "resources": step.resources or None,
        "items": step.items,
        "tasks": step.tasks,
        "when": node.when,
        "reused": step.reused,
        "hook": node.hook or None,
    }
