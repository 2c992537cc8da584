"""`yamlflow status`: how a run stands, from any terminal, while it goes on or afterwards."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from yamlflow.cli.choices import ink
from yamlflow.cli.looking import Look, choose, looking_for
from yamlflow.cli.options import ColorOption, JsonOption, RunArgument, StateDirOption
from yamlflow.cli.output.documents import plain
from yamlflow.cli.output.summary import document
from yamlflow.cli.output.terminal import Pen, speaks_unicode
from yamlflow.cli.output.text import safe_json
from yamlflow.cli.output.words import STYLES, columns, duration, glyph, spoken
from yamlflow.cli.screen.ending import Ending, block
from yamlflow.cli.screen.rows import Row, rows, standing
from yamlflow.core.messages import State
from yamlflow.core.progress import RunView


def status(
    run: RunArgument = None,
    as_json: JsonOption = False,
    color: ColorOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show how a run is doing, or how it went: a line for each step, and what failed."""
    with looking_for([run] if run else [], state_dir) as (look, step):
        view = look.view()
        wanted = {task.node for task in choose(view, step)[1]} if step else set(view.steps)
        if as_json:
            print(safe_json(run_document(look, view)))
            return
        pen = ink(sys.stdout, color)
        unicode = speaks_unicode(sys.stdout)
        shown = [row for row, name in zip(rows_of(look, view, unicode), _names(view), strict=True) if name in wanted]
        print("\n".join(table(shown, pen, unicode=unicode)))
        print("\n".join(block(ending_of(look, view), pen, unicode=unicode)))


def rows_of(look: Look, view: RunView, unicode: bool) -> list[Row]:
    """The steps of a run as it stands."""
    now = look.now()
    return rows(view, view.latest if now is None else now, unicode=unicode, interrupted=look.standing == "interrupted")


def ending_of(look: Look, view: RunView) -> Ending:
    """What there is to say at the end about a run as it stands."""
    return Ending(look.record.id, look.standing, view, look.log_of(), look.flags, look.now())


def _names(view: RunView) -> list[str]:
    return [step.step.id for step in view.steps.values() if not step.step.hook or step.counts]


def table(shown: list[Row], pen: Pen, *, unicode: bool) -> list[str]:
    """Rows as aligned lines; the state in its colour."""
    lines = columns(
        [
            f"{glyph(row.state, unicode=unicode)} {spoken(row.state)}",
            row.name,
            row.counts,
            "" if row.seconds is None else duration(row.seconds),
            row.note,
        ]
        for row in shown
    )
    return [_coloured(line, row.state, pen) for line, row in zip(lines, shown, strict=True)]


def _coloured(line: str, state: str, pen: Pen) -> str:
    length = len(state) + 2
    return pen(line[:length], STYLES.get(state, "")) + line[length:]


def run_document(look: Look, view: RunView) -> Mapping[str, Any]:
    """The document of `run --json`, for a run as it stands; no exit code while it goes on."""
    from yamlflow.engine.run import EXIT_CODES

    state = look.standing
    code = EXIT_CODES.get(state) if state != "running" else None
    body = document(view, look.record.id, code, _plainly(look, "params"), look.log_of())
    if state == "interrupted":
        body["steps"] = {name: _left(step) for name, step in body["steps"].items()}
    return {**body, "state": state, "outputs": _plainly(look, "outputs")}


def _left(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step of a run whose launcher is gone: what was going on is interrupted."""
    counts: dict[str, int] = {}
    for state, number in step["counts"].items():
        word = standing(State(state), interrupted=True)
        counts[word] = counts.get(word, 0) + number
    return {**step, "state": standing(State(step["state"]), interrupted=True), "counts": counts}


def _plainly(look: Look, part: str) -> dict[str, Any]:
    return {name: plain(value, look.place_or_loss) for name, value in look.record.body.get(part, {}).items()}
