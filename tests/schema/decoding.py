"""What the tests of the model share: text in, pipeline, places and findings out."""

from __future__ import annotations

from yamlflow.schema.decode import decode
from yamlflow.schema.diagnostics import Diagnostic, Span
from yamlflow.schema.model import Pipeline, Step
from yamlflow.schema.nodes import Entry, Mapping, Node, Scalar, Sequence, parse
from yamlflow.schema.source import Source
from yamlflow.schema.spans import Spans

NOWHERE = Span("p.yaml", 1, 1, 1, 1)


def decoded(text: str) -> tuple[Pipeline, Spans, list[Diagnostic]]:
    """The pipeline of a text that is good YAML, whatever else is wrong with it."""
    tree, found = parse(Source("p.yaml", text))
    assert found == []
    pipeline, spans, found = decode(tree, "p.yaml")
    assert pipeline is not None
    return pipeline, spans, found


def pipeline_of(text: str) -> Pipeline:
    """The pipeline of a text with nothing wrong."""
    pipeline, _, found = decoded(text)
    assert found == []
    return pipeline


def step_of(*lines: str) -> Step:
    """A step with these lines, and nothing wrong with it."""
    return pipeline_of(step_text(*lines)).steps["fit"]


def step_text(*lines: str) -> str:
    return "yamlflow: 1\nsteps:\n  fit:\n" + "".join(f"    {line}\n" for line in lines)


def node_of(value: object) -> Node:
    """Plain data as nodes that stand nowhere in particular."""
    if isinstance(value, dict):
        return Mapping(NOWHERE, tuple(Entry(scalar_of(key), node_of(item)) for key, item in value.items()))
    if isinstance(value, list):
        return Sequence(NOWHERE, tuple(node_of(item) for item in value))
    return scalar_of(value)


def scalar_of(value: object) -> Scalar:
    assert value is None or isinstance(value, bool | int | float | str)
    written = (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not isinstance(value, float)
        else str(value)
    )
    return Scalar(NOWHERE, value, written, quoted=isinstance(value, str))
