"""What must hold between the keys of one step; what holds between steps is not decided here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from yamlflow.schema.model.records import Problem

if TYPE_CHECKING:
    from yamlflow.schema.model.steps import Step

StepKind = Literal["run", "command", "sh", "uses", "steps"]
KINDS: tuple[StepKind, ...] = ("run", "command", "sh", "uses", "steps")

_OWN = "it belongs to the steps inside: put it on them, or into the top-level `defaults`"
_VISIBLE = "the steps inside see everything outside: name it in their own `inputs`"
GROUP_REFUSES: Mapping[str, str] = {
    "inputs": _VISIBLE,
    "with": _VISIBLE,
    **dict.fromkeys(("env", "secrets", "resources", "cluster", "image", "cache", "catch"), _OWN),
    **dict.fromkeys(("python", "requirements", "isolation", "items_per_task"), _OWN),
}
_LOOP_ONLY = ("where", "key")


def step_problems(step: Step, given: frozenset[str]) -> Iterator[Problem]:
    """Everything wrong between the keys of `step`, of which `given` were written."""
    kinds = [kind for kind in KINDS if kind in given]
    empty = [kind for kind in KINDS if kind in step.model_fields_set and kind not in given]
    if len(kinds) == 1:
        yield from _group_problems(given) if kinds == ["steps"] else _task_problems(given)
        yield from _output_problems(step, kinds[0])
    else:
        yield from _kind_problems(kinds, empty)
    yield from _loop_problems(given)
    yield from _shared_names(step)


def _kind_problems(kinds: list[StepKind], empty: list[StepKind]) -> Iterator[Problem]:
    listed = ", ".join(f"`{kind}`" for kind in KINDS)
    if empty and not kinds:
        yield Problem("missing-key", f"`{empty[0]}` has no value", at=empty[0], hint="say what the step does")
    elif not kinds:
        hint = f"give it one of {listed}"
        yield Problem("missing-key", "this step does nothing", hint=hint)
    for extra in kinds[1:]:
        yield Problem(
            "conflicting-keys",
            f"a step has one of {listed}; this one has `{kinds[0]}` and `{extra}`",
            at=extra,
            other=kinds[0],
            hint="make two steps of it",
        )


def _group_problems(given: frozenset[str]) -> Iterator[Problem]:
    for key, reason in GROUP_REFUSES.items():
        if key in given:
            yield Problem("misplaced-key", f"a group has no `{key}` of its own", at=key, hint=reason, other="steps")


def _task_problems(given: frozenset[str]) -> Iterator[Problem]:
    if "repeat" in given:
        yield Problem(
            "misplaced-key",
            "`repeat` goes with a group",
            at="repeat",
            hint="put the step into `steps:` and `repeat` beside it",
        )


def _loop_problems(given: frozenset[str]) -> Iterator[Problem]:
    for key in _LOOP_ONLY:
        if key in given and "foreach" not in given:
            yield Problem("misplaced-key", f"`{key}` goes with `foreach`, and there is none", at=key)


def _output_problems(step: Step, kind: str) -> Iterator[Problem]:
    match kind:
        case "run":
            yield from _run_outputs(step)
        case "command" | "sh":
            yield from _command_outputs(step)
        case "steps":
            yield from _group_outputs(step)
        case _ if step.outputs:
            yield Problem("misplaced-key", "a step with `uses` gives the outputs of that file", at="outputs")


def _run_outputs(step: Step) -> Iterator[Problem]:
    if isinstance(step.outputs, dict) and step.outputs:
        hint = "names for a returned tuple are a list: `outputs: [a, b]`; a field of a returned value needs no naming"
        yield Problem("wrong-type", "a step with `run` gives back what its callable returns", at="outputs", hint=hint)


def _command_outputs(step: Step) -> Iterator[Problem]:
    hint = "write `{file: report.html}` or `{stdout: text}`"
    if step.output_names:
        yield Problem(
            "wrong-type",
            "a command's outputs need a place each",
            at="outputs",
            hint="write `name: {file: report.html}` or `name: {stdout: text}`",
        )
    for name, value in step.output_expressions.items():
        shown = f"write `{{file: {value}}}` or `{{stdout: text}}`" if isinstance(value, str) else hint
        yield Problem(
            "wrong-type", f"the output `{name}` needs a place", at=("outputs", name), hint=shown, on_key=False
        )


def _group_outputs(step: Step) -> Iterator[Problem]:
    hint = "write `name: steps.inner.field`"
    if step.output_names:
        yield Problem("wrong-type", "a group's outputs need an expression each", at="outputs", hint=hint)
    for name in step.output_places:
        said = f"the group's output `{name}` is an expression, not a place"
        yield Problem("wrong-type", said, at=("outputs", name), hint=hint, on_key=False)


def _shared_names(step: Step) -> Iterator[Problem]:
    for name in step.inputs:
        if name in step.with_:
            yield Problem(
                "duplicate-argument",
                f"`{name}` stands under both `inputs` and `with`",
                at=("with", name),
                other=("inputs", name),
                hint="keep one: an expression under `inputs`, text as it stands under `with`",
            )
    for name in step.env:
        if name in step.secrets:
            yield Problem(
                "duplicate-argument",
                f"`{name}` stands under both `env` and `secrets`",
                at=("env", name),
                other=("secrets", name),
                hint="keep the one under `secrets`",
            )
