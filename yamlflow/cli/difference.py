"""Two runs side by side, as `runs diff` shows them: words for people, a document for machines. Pure."""

from __future__ import annotations

from typing import Any

from yamlflow.cli.output.text import one_line
from yamlflow.cli.output.words import count, duration
from yamlflow.engine.runs.difference import Difference, StepDifference


def lines(found: Difference) -> list[str]:
    """Parameters first, then each step that differs; the others in one line with their times left out."""
    said = [f"params: {one_line(words)}" for words in found.params]
    for step, part in found.steps.items():
        if part:
            said += [f"{step}:", *(f"  {one_line(words)}" for words in _step(part))]
    said += [f"{step}: only in the first run" for step in found.gone]
    said += [f"{step}: only in the second run" for step in found.new]
    same = [step for step, part in found.steps.items() if not part]
    return said + ([f"the same: {', '.join(same)}"] if same else [])


def _step(part: StepDifference) -> list[str]:
    said = [f"definition: {words}" for words in part.definition] + [f"code: {words}" for words in part.code]
    shared = f"of {count(part.shared, 'task')}"
    said += [f"inputs: differ for {part.inputs} {shared}"] if part.inputs else []
    said += [f"results: differ for {part.results} {shared}"] if part.results else []
    for number, which in zip(part.only, ("first", "second"), strict=True):
        said += [f"results: {number} only in the {which} run"] if number else []
    return [*said, f"took: {duration(part.seconds[0])} -> {duration(part.seconds[1])}"]


def document(found: Difference) -> dict[str, Any]:
    """The same as data."""
    return {
        "params": found.params,
        "steps": {step: _entry(part) for step, part in found.steps.items()},
        "only_first": list(found.gone),
        "only_second": list(found.new),
    }


def _entry(part: StepDifference) -> dict[str, Any]:
    return {
        "differs": bool(part),
        "definition": part.definition,
        "code": part.code,
        "tasks": part.shared,
        "inputs": part.inputs,
        "results": part.results,
        "results_only": list(part.only),
        "seconds": [round(seconds, 3) for seconds in part.seconds],
    }
