"""`yamlflow plan`: what a run would do, step by step, found out without starting or writing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yamlflow.cli import options as o
from yamlflow.cli.choices import settle
from yamlflow.cli.drawing.labels import details, target
from yamlflow.cli.output.text import one_line, safe_json
from yamlflow.cli.output.words import columns, count
from yamlflow.cli.package import told, travelling
from yamlflow.cli.reading import Wish, runnable
from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Graph, Node
from yamlflow.schema.files.project import shown

if TYPE_CHECKING:
    from yamlflow.engine.runs.plan import Plan, PlannedStep
    from yamlflow.engine.runs.rehearsal import Fate
    from yamlflow.engine.runs.selection import Selected, Selection
    from yamlflow.store.selection import Selection as Package


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
    no_cache: o.NoCacheOption = False,
    refresh: o.RefreshOption = None,
    as_json: o.JsonOption = False,
    state_dir: o.StateDirOption = None,
) -> int:
    """Show what would run, where, and how many tasks; the same checks as `run`, and nothing is started."""
    path = o.pipeline_file(file)
    wish = Wish(path, overlay or (), param or (), params_file, executor or (), default_executor, {}, max_items)
    asked = Asked(o.selection(only, since, until), refresh or (), not no_cache, state_dir)
    return show_plan(wish, asked, clamp=clamp, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is to take into account beside the file: steps, and earlier results."""

    selection: Selection
    refresh: Sequence[str] = ()
    cached: bool = True
    state_dir: Path | None = None


def show_plan(wish: Wish, asked: Asked, *, clamp: bool, as_json: bool) -> int:
    """Prints the plan; what would stop the run stops here with the same words and code."""
    from yamlflow.cli.wiring import fitted
    from yamlflow.engine.runs.folder import find_folder
    from yamlflow.engine.runs.plan import plan as planned
    from yamlflow.engine.runs.rehearsal import rehearse
    from yamlflow.engine.runs.selection import to_refresh

    settings = settle(wish.file, clamp=clamp, max_items=wish.max_items, state_dir=asked.state_dir)
    graph = fitted(runnable(wish), clamp=settings["clamp"])
    again = to_refresh(graph, asked.selection, asked.refresh)
    folder = find_folder(wish.file.absolute().parent, settings["state_dir"])

    def fates(selected: Selected) -> Mapping[str, Fate]:
        return rehearse(selected.graph, folder, str(wish.file.absolute()), refresh=again) if asked.cached else {}

    found = planned(graph, asked.selection, max_items=settings["max_items"], fates=fates)
    origins = {name: entry.origin for name, entry in settings.executors.items()}
    package = travelling(graph)
    if as_json:
        print(safe_json({**_document(graph, wish.file, found, origins), "code": _code(package)}, indent=2))
    else:
        print("\n".join([*_lines(graph, found, origins), *([told(package)] if package is not None else [])]))
    return 0


def _lines(graph: Graph, found: Plan, origins: dict[str, str]) -> list[str]:
    running = [step for step in found.steps if not step.group and not step.reused and not step.hook]
    more = " or more: some loops are counted in the run only" if found.open_ended else ""
    spared = f", {found.cached} from the cache" if found.cached else ""
    head = f"{one_line(graph.name)}: {count(len(running), 'step')}, {count(found.tasks, 'task')}{more}{spared}"
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
    if step.fate is not None:
        return f"[{fate_words(step.fate)}]"
    return f"[{step.hook}]" if step.hook else ""


def fate_words(fate: Fate) -> str:
    """`cached`, `3 cached, 2 run: no result in the cache`, `after prep`."""
    if not fate.cached and not fate.runs:
        return f"cached or not: known after {', '.join(fate.after)}" if fate.after else "not run"
    runs = "runs" if fate.runs == 1 and not fate.cached else f"{fate.runs} run"
    ran = one_line(f"{runs}: {fate.why}" if fate.why else runs) if fate.runs else ""
    cached = "cached" if fate.cached == 1 and not fate.runs else f"{fate.cached} cached"
    return ", ".join(filter(None, [cached if fate.cached else "", ran]))


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


def _code(package: Package | None) -> dict[str, Any] | None:
    """What travels, and what does not."""
    if package is None:
        return None
    left = [{"name": out.name, "why": out.why} for out in package.left_out]
    return {"root": str(package.root), "files": len(package.files), "left_out": left}


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
        "cache": None if step.fate is None else _fate_entry(step.fate),
        "hook": node.hook or None,
    }


def _fate_entry(fate: Fate) -> dict[str, Any]:
    return {"cached": fate.cached, "runs": fate.runs, "why": fate.why or None, "after": list(fate.after)}
