"""A plan as a pipeline file: what the product is given of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.simulation.plans import Plan, Step

HOOKS = """\
on_success: {good: {run: "tests.simulation.work:task", inputs: {state: run.state}}}
on_failure: {bad: {run: "tests.simulation.work:task", inputs: {state: run.state}}}
on_exit:
  first: {run: "tests.simulation.work:task", inputs: {state: run.state}}
  second: {run: "tests.simulation.work:task", inputs: {n: 1}, needs: [first]}
"""


def to_yaml(plan: Plan, shuffle: bool = True) -> str:
    """The pipeline file of a plan; the order of its steps says nothing."""
    order = random.Random(plan.seed + 1)
    lines = ["yamlflow: 1", f"name: plan{plan.seed}", f"limits: {{narrow: {plan.limit}}}", "steps:"]
    if plan.level:
        lines.insert(2, f"params: {{level: {plan.level}}}")
    steps = list(plan.steps)
    if shuffle:
        order.shuffle(steps)
    for step in steps:
        lines += _step_lines(step, "  ")
    if plan.deadline:
        lines.append(f"deadline: {plan.deadline}s")
    if plan.hooks:
        lines += HOOKS.splitlines()
    return "\n".join(lines) + "\n"


def _step_lines(step: Step, pad: str) -> Iterator[str]:
    yield f"{pad}{step.name}:"
    deep = pad + "  "
    if not step.children:
        yield f"{deep}run: tests.simulation.work:task"
        for name, value in step.inputs.items():
            if name == next(iter(step.inputs)):
                yield f"{deep}inputs:"
            yield f'{deep}  {name}: "{value.text()}"' if not isinstance(value, int) else f"{deep}  {name}: {value}"
    if step.needs:
        yield f"{deep}needs: [{', '.join(step.needs)}]"
    if step.when:
        yield f'{deep}when: "{_when_text(step.when)}"'
    if step.policy != "all_success":
        yield f"{deep}needs_policy: {step.policy}"
    if step.attempts > 1:
        yield f"{deep}retry: {{attempts: {step.attempts}, delay: {step.delay}s}}"
    if step.catch is not None:
        yield f"{deep}catch: {{set: {step.catch}}}"
    if step.rescue:
        yield f"{deep}catch: {{run: tests.simulation.work:rescue}}"
    yield from _bounds_lines(step, deep)
    yield from _loop_lines(step, deep)
    if step.rounds:
        pause = f", delay: {step.pause}s" if step.pause else ""
        until = f'"steps.{step.output} % 3 == 0"'
        yield f"{deep}repeat: {{start: {{carry: 1}}, until: {until}, max: {step.rounds}, on_max: accept{pause}}}"
    if step.children:
        yield f"{deep}steps:"
        for child in step.children:
            yield from _step_lines(child, deep + "  ")
        if step.output:
            name = "carry" if step.rounds else "out"
            extra = f", out: steps.{step.output}" if step.rounds else ""
            yield f"{deep}outputs: {{{name}: steps.{step.output}{extra}}}"


def _bounds_lines(step: Step, pad: str) -> Iterator[str]:
    if step.limit:
        yield f"{pad}limit: narrow"
    if step.cpu > 1:
        yield f"{pad}resources: {{cpu: {step.cpu}}}"
    if step.start_timeout:
        yield f"{pad}start_timeout: {step.start_timeout}s"
    if step.deadline:
        yield f"{pad}deadline: {step.deadline}s"
    if step.shared:
        yield f"{pad}isolation: shared"


def _when_text(when: str) -> str:
    if when.startswith("odd:"):
        return f"steps.{when[4:]} % 2 == 1"
    if when.startswith("each:"):
        return f"each.{when[5:]} % 2 == 1"
    return when


def _loop_lines(step: Step, pad: str) -> Iterator[str]:
    loop = step.loop
    if loop is None:
        return
    if loop.elementwise:
        yield f"{pad}foreach: {{{loop.names[0]}: steps.{loop.source}}}"
    elif loop.counted:
        yield f'{pad}foreach: {{{loop.names[0]}: "range(params.level)"}}'
    elif loop.source:
        yield f'{pad}foreach: {{{loop.names[0]}: "range(steps.{loop.source} % 3)"}}'
    else:
        axes = ", ".join(f"{name}: {list(values)}" for name, values in zip(loop.names, loop.lists, strict=True))
        yield f"{pad}foreach: {{{axes}}}"
    if loop.where is not None:
        yield f'{pad}where: "each.{loop.names[0]} != {loop.where}"'
    if loop.max_parallel is not None:
        yield f"{pad}max_parallel: {loop.max_parallel}"
    if not loop.fail_fast:
        yield f"{pad}fail_fast: false"
    if loop.min_success < 100:
        yield f"{pad}min_success: {loop.min_success}%"
