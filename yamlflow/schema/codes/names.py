"""What can be wrong with what an expression says and reads. Data only."""

from __future__ import annotations

from yamlflow.schema.codes.page import Code
from yamlflow.schema.diagnostics import Severity


def _file(*lines: str, top: str = "") -> str:
    """A whole file around these lines of `steps`."""
    return f"yamlflow: 1\n{top}steps:\n" + "".join(f"  {line}\n" for line in lines)


_PREP = 'prep: {run: "json:loads", with: {s: "[1, 2]"}}'


def _show(value: str, more: str = "") -> str:
    return f'show: {{run: "json:dumps", inputs: {{obj: "{value}"}}{more}}}'


def _wide(item: int) -> str:
    loop = "foreach: {i: [1]}, inputs: {obj: each.i}"
    return f'fit: {{run: "json:dumps", {loop}, max_parallel: "${{{{ params.sizes[{item}] }}}}"}}'


_GROUP = (
    "group:",
    "  steps:",
    '    fit: {run: "json:loads", with: {s: "1"}}',
    "  outputs: {score: steps.fit}",
)
_LOOP = 'fit: {run: "json:dumps", foreach: {model: [a, b]}, inputs: {obj: each.model}}'

CODES = (
    Code(
        "expression-syntax",
        "this is no expression",
        "Expressions are a small part of Python: literals, names with a root (`steps.fit.auc`), comparisons, "
        "arithmetic, "
        "`x if c else y` and a table of functions. There are no methods, comprehensions, lambdas or f-strings: what is "
        "more than a line belongs into a step.",
        _file(_PREP, _show("steps.prep +")),
        _file(_PREP, _show("steps.prep + [3]")),
    ),
    Code(
        "expression-limit",
        "the expression is too long or too deep",
        "An expression has at most 2,000 characters and 80 levels of brackets. Let a step compute the rest.",
        _file(_show("[" * 90 + "1" + "]" * 90)),
        _file(_show("[1]")),
    ),
    Code(
        "expression-arguments",
        "a function is called with the wrong arguments",
        "Each function has a signature, which the message shows; keyword arguments are allowed.",
        _file(_PREP, _show("join(steps.prep)")),
        _file(_PREP, _show("join(',', steps.prep)")),
    ),
    Code(
        "expression-type",
        "these types do not go together",
        "Expressions are strict: text is never taken for a number, a number never for text, and only true and false "
        "are conditions.",
        _file(_show("params.n + params.name"), top="params: {n: 2, name: x}\n"),
        _file(_show("join('', [params.name])"), top="params: {name: x}\n"),
    ),
    Code(
        "expression-value",
        "the expression has no value",
        "It is well-formed, but what it asks for is not there: an item after the end of a list, a division by zero.",
        _file(
            _wide(5),
            top="params: {sizes: [1, 2]}\n",
        ),
        _file(
            _wide(1),
            top="params: {sizes: [1, 2]}\n",
        ),
    ),
    Code(
        "unknown-name",
        "this name means nothing here",
        "Every name begins with a root: `params`, `steps`, `each`, `run`, `env`, and `inputs` in a command. "
        "A text that is "
        "meant as it stands belongs under `with`.",
        _file('fit: {run: "json:loads", inputs: {s: fast}}'),
        _file('fit: {run: "json:loads", with: {s: fast}}'),
    ),
    Code(
        "unknown-function",
        "there is no such function",
        "The functions of expressions are a fixed table; your own code runs in steps.",
        _file(_PREP, _show("lenght(steps.prep)")),
        _file(_PREP, _show("len(steps.prep)")),
    ),
    Code(
        "unknown-field",
        "`run` has no such field",
        "`run` has `id name date time attempt dir state error`.",
        _file(_show("run.day")),
        _file(_show("run.date")),
    ),
    Code(
        "unknown-parameter",
        "there is no such parameter",
        "A parameter is declared under `params` before anything reads it, `-p` and a parameters file included.",
        _file(_show("params.lr")),
        _file(_show("params.lr"), top="params: {lr: 0.1}\n"),
    ),
    Code(
        "unknown-step",
        "there is no such step",
        "A step sees the steps beside it and those around its group. Names are exact.",
        _file(_PREP, _show("steps.prpe")),
        _file(_PREP, _show("steps.prep")),
    ),
    Code(
        "unknown-variable",
        "there is no such variable",
        "`each.name` is a variable of a loop around the place where it is read; `steps.fit.each.name` one of "
        "the loop of "
        "`fit`; `env.NAME` a variable that `env_allow` names.",
        _file('fit: {run: "json:dumps", foreach: {model: [a, b]}, inputs: {obj: each.modle}}'),
        _file(_LOOP),
    ),
    Code(
        "each-outside-loop",
        "`each` stands outside any loop",
        "Loop variables exist inside the step or group that has the `foreach`. From outside they are read at the join: "
        "`steps.fit.each.model`.",
        _file(_show("each.model")),
        _file(_LOOP, _show("steps.fit.each.model")),
    ),
    Code(
        "unknown-output",
        "the step has no such output",
        "A command has the outputs it declares, a group and a used file those under `outputs`, a callable with "
        "`outputs: [a, b]` those. What a round starts with must come out of the round before.",
        _file(*_GROUP, _show("steps.group.scroe")),
        _file(*_GROUP, _show("steps.group.score")),
    ),
    Code(
        "no-value",
        "there is no value to read",
        "A command gives back what it declares under `outputs`, a group what its `outputs` say. Without them "
        "there is only "
        "an order: `needs`.",
        _file("make: {command: [make]}", _show("steps.make")),
        _file("make: {command: [make], outputs: {log: {stdout: text}}}", _show("steps.make.log")),
    ),
    Code(
        "hidden-step",
        "the step is inside a group",
        "From outside a group only its `outputs` are visible: so a group can be changed inside, and run once or a "
        "thousand times, without those who read it.",
        _file(*_GROUP, _show("steps.fit")),
        _file(*_GROUP, _show("steps.group.score")),
    ),
    Code(
        "hidden-name",
        "an inner name hides an outer one",
        "Inside a group everything outside is visible, so one name would mean two things.",
        _file(_PREP, "group:", "  steps:", '    prep: {run: "json:loads", with: {s: "1"}}'),
        _file(_PREP, "group:", "  steps:", '    more: {run: "json:loads", with: {s: "1"}}'),
    ),
    Code(
        "self-reference",
        "a step reads itself, or the group it is in",
        "A step has no value before it has ended, and a group none before its steps have. Rounds that see the round "
        "before are `repeat`.",
        _file(_show("steps.show")),
        _file(_PREP, _show("steps.prep")),
    ),
    Code(
        "cycle",
        "steps wait for each other in a circle",
        "Every reference and every `needs` is an order. The message shows the whole circle; one of its steps must not "
        "wait for the next. A group waits for whatever a step inside it reads.",
        _file(
            'a: {run: "json:dumps", inputs: {obj: steps.b}}',
            'b: {run: "json:dumps", inputs: {obj: steps.a}}',
        ),
        _file(_PREP, _show("steps.prep")),
    ),
    Code(
        "redundant-needs",
        "the order is known already",
        "Reading a step's value waits for it; `needs` is for order without data.",
        _file(_PREP, _show("steps.prep", ", needs: [prep]")),
        _file(_PREP, _show("steps.prep")),
        Severity.WARNING,
    ),
    Code(
        "unused-parameter",
        "nothing reads this parameter",
        "Someone who sets it would wonder why nothing changes.",
        _file(_PREP, top="params: {lr: 0.1}\n"),
        _file(_show("params.lr"), top="params: {lr: 0.1}\n"),
        Severity.WARNING,
    ),
    Code(
        "text-or-expression",
        "text that looks like an expression",
        "What stands under `with` is text as it is. Its value is what `inputs` is for.",
        _file(_PREP, 'show: {run: "json:dumps", with: {obj: steps.prep}}'),
        _file(_PREP, _show("steps.prep")),
        Severity.WARNING,
    ),
)
