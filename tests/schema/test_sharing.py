"""One process for many tasks: which steps may ask for it, and which get it from their profile, are the same."""

from __future__ import annotations

import pytest

from tests.schema.loading import load_here, write
from yamlflow.schema.loader import Given

STEPS = {
    "function": ("", '{run: "tasks:nothing"}', True),
    "script": ("", '{sh: "true"}', False),
    "program": ("", '{command: ["true"]}', False),
    "with_secrets": ("", '{run: "tasks:nothing", secrets: {A: "env:A"}}', False),
    "beside_a_secret_parameter": ("{key: {type: str, secret: true}}", '{run: "tasks:nothing"}', False),
    "reader_of_one": ("{key: {type: str, secret: true}}", '{run: "tasks:take", inputs: {x: params.key}}', False),
    "beside_plain_parameters": ("{key: a}", '{run: "tasks:take", inputs: {x: params.key}}', True),
}


@pytest.mark.parametrize("profile", ["{type: local, isolation: shared}", "{type: local}"])
@pytest.mark.parametrize("name", STEPS)
def test_a_profile_shares_exactly_the_steps_that_may_say_so_themselves(tmp_path, name, profile):
    params, step, may = STEPS[name]
    text = f"params: {params or '{}'}\nexecutors: {{local: {profile}}}\nsteps:\n  first: {step}\n"
    text += '  last: {run: "tasks:take", inputs: {x: params.key}}\n' if params and "inputs" not in step else ""
    given = Given(options=("key=v",) if params else ())
    graph = load_here(tmp_path, text, given=given).graph
    shared = may and "shared" in profile
    assert graph.nodes["first"].isolation == ("shared" if shared else "process")
    saying_so = load_here(tmp_path, text.replace(step, step[:-1] + ", isolation: shared}"), given=given)
    assert [found.code for found in saying_so.diagnostics] == ([] if may else ["cannot-share"])


def test_a_secret_parameter_of_a_used_file_counts_too(tmp_path):
    steps = 'steps: {a: {run: "tasks:take", inputs: {x: params.key}}}'
    write(tmp_path, inner_yaml=f"yamlflow: 1\nparams: {{key: {{type: str, secret: true}}}}\n{steps}\n")
    text = """
params: {key: a}
executors: {local: {type: local, isolation: shared}}
steps:
  use: {uses: ./inner.yaml, inputs: {key: params.key}}
"""
    assert load_here(tmp_path, text).graph.nodes["use.a"].isolation == "process"
