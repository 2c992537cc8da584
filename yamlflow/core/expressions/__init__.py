"""The expression language: text in, values out, the same in validator, engine and worker.

parser reads text (a subset of Python) into nodes; references are what it
reads; evaluator walks the nodes over a Scope, with operators, access and the
table of functions; inference knows types before a run; templates are texts
with holes. Standard library only and pure: no I/O, no clock, no randomness,
never `eval`. The outside world (`file`, `files`, `write_lines`, the content of
stored values) is handed in.
"""

from __future__ import annotations

from yamlflow.core.expressions.contents import Load, describe, needs_worker, plain, scalar
from yamlflow.core.expressions.evaluator import Scope, Values, evaluate
from yamlflow.core.expressions.fanned import Fanned
from yamlflow.core.expressions.faults import ExpressionError, NeedsWorkerError
from yamlflow.core.expressions.functions import FUNCTIONS, Function
from yamlflow.core.expressions.inference import StaticType, describe_types, infer
from yamlflow.core.expressions.parser import MAX_LENGTH, ROOTS, Expression, parse
from yamlflow.core.expressions.references import Reference
from yamlflow.core.expressions.templates import (
    Hole,
    Template,
    fill,
    looks_like_expression,
    parse_template,
    render,
)

__all__ = [
    "FUNCTIONS",
    "MAX_LENGTH",
    "ROOTS",
    "Expression",
    "ExpressionError",
    "Fanned",
    "Function",
    "Hole",
    "Load",
    "NeedsWorkerError",
    "Reference",
    "Scope",
    "StaticType",
    "Template",
    "Values",
    "describe",
    "describe_types",
    "evaluate",
    "fill",
    "infer",
    "looks_like_expression",
    "needs_worker",
    "parse",
    "parse_template",
    "plain",
    "render",
    "scalar",
]
