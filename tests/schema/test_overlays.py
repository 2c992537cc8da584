"""Overlays, defaults, and what a step inherits."""

from __future__ import annotations

import pytest

from tests.schema.loading import findings, graph_of, load_here, write
from yamlflow.core.values import decode
from yamlflow.schema.loader import Placement

BASE = """
params: {lr: {type: float, default: 0.1, min: 0.01}, n: 3}
steps:
  a:
    run: tasks:pair
    inputs: {x: params.lr}
    with: {y: {deep: 1, other: 2}}
    timeout: 1h
    resources: {cpu: 2, memory: 1Gi}
    env: {A: "1", B: "2"}
    catch: {set: {v: 1, w: 2}}
  b: {run: "tasks:take", inputs: {x: params.n}}
"""


def laid_over(folder, overlay, base=BASE):
    path = folder / "over.yaml"
    path.write_text(overlay)
    return graph_of(folder, base, overlays=(str(path),))


def test_mappings_merge_by_key_and_the_rest_is_replaced(tmp_path):
    node = laid_over(tmp_path, "steps: {a: {timeout: 2h, resources: {cpu: 4}, env: {B: '3', C: '4'}}}").nodes["a"]
    assert (node.timeout, node.resources.cpu, node.resources.memory) == (7200.0, 4.0, 1024**3)
    assert node.action.env == {"A": "1", "B": "3", "C": "4"}


def test_null_takes_a_key_away(tmp_path):
    node = laid_over(tmp_path, "steps: {a: {timeout: null, resources: {memory: null}, catch: null}}").nodes["a"]
    assert (node.timeout, node.resources.cpu, node.resources.memory, node.catch) == (None, 2.0, 0, None)


def test_null_is_a_value_in_arguments_in_catch_and_in_defaults_of_parameters(tmp_path):
    graph = laid_over(
        tmp_path,
        "params: {lr: {default: null, min: null}}\nsteps: {a: {with: {y: {deep: null}}, catch: {set: {v: null}}}}",
    )
    node = graph.nodes["a"]
    assert node.action.arguments == {"y": {"deep": None, "other": 2}}
    assert node.catch.value == {"v": None, "w": 2}
    assert decode(graph.params["lr"].value) is None


def test_a_whole_argument_can_be_null(tmp_path):
    assert laid_over(tmp_path, "steps: {a: {with: {y: null}}}").nodes["a"].action.arguments == {"y": None}


@pytest.mark.parametrize(
    ("overlay", "inputs", "arguments"),
    [
        ("{with: {x: 5}}", {}, {"x": 5, "y": {"deep": 1, "other": 2}}),
        ("{inputs: {y: params.n}}", {"x": "params.lr", "y": "params.n"}, {}),
    ],
)
def test_an_argument_moves_between_inputs_and_with(tmp_path, overlay, inputs, arguments):
    base = BASE.replace("lr: {type: float, default: 0.1, min: 0.01}, ", "lr: 0.1, ")
    (tmp_path / "over.yaml").write_text(f"steps: {{a: {overlay}}}")
    action = load_here(tmp_path, base, overlays=(str(tmp_path / "over.yaml"),)).graph.nodes["a"].action
    assert (action.inputs, action.arguments) == (inputs, arguments)


def test_a_bare_value_over_a_declared_parameter_is_its_new_default(tmp_path):
    assert laid_over(tmp_path, "params: {lr: 0.5}").params["lr"].value == 0.5
    (tmp_path / "over.yaml").write_text("params: {lr: 0.001}")
    (found,) = findings(tmp_path, BASE, overlays=(str(tmp_path / "over.yaml"),))
    assert (found.code, found.span.path) == ("bad-value", str(tmp_path / "over.yaml"))


def test_another_kind_of_work_takes_the_place_of_the_first(tmp_path):
    graph = laid_over(tmp_path, "steps: {b: {sh: 'true'}, c: {run: 'tasks:nothing'}}")
    assert graph.nodes["b"].action.target.script == "true"
    assert graph.roots == ("a", "b", "c")


def test_a_mistake_in_an_overlay_is_shown_in_the_overlay(tmp_path):
    path = tmp_path / "over.yaml"
    path.write_text("steps:\n  a:\n    timeout: soon\n  b:\n    inputs: {x: steps.nope}\n")
    found = findings(tmp_path, BASE, overlays=(str(path),))
    assert [(one.code, one.span.path, one.span.line) for one in found] == [
        ("bad-duration", str(path), 3),
        ("unknown-step", str(path), 5),
    ]


@pytest.mark.parametrize(
    ("overlay", "code"), [("- 1", "wrong-type"), ("x-a: 1: 2", "needs-quotes"), (None, "unreadable-file")]
)
def test_an_overlay_that_is_none_is_said(tmp_path, overlay, code):
    path = tmp_path / "over.yaml"
    if overlay is not None:
        path.write_text(overlay)
    assert [one.code for one in findings(tmp_path, BASE, overlays=(str(path),))] == [code]


def test_later_overlays_win(tmp_path):
    (tmp_path / "one.yaml").write_text("steps: {a: {timeout: 2h}}")
    (tmp_path / "two.yaml").write_text("steps: {a: {timeout: 3h}}")
    overlays = (str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml"))
    assert graph_of(tmp_path, BASE, overlays=overlays).nodes["a"].timeout == 10800.0


# ------------------------------------------------------------ defaults

DEFAULTS = """
defaults:
  timeout: 1h
  resources: {cpu: 2, gpu: 1}
  env: {A: "1"}
  with: {x: 1}
  retry: {attempts: 3, delay: 5s}
  max_parallel: 2
  secrets: [TOKEN]
executors:
  fast: {type: local, defaults: {timeout: 1m, resources: {memory: 1Gi}}}
steps:
  plain: {run: "tasks:pair"}
  own:
    {run: "tasks:pair", timeout: 2h, resources: {gpu: null}, env: {B: "2"}, inputs: {x: run.id}, retry: {attempts: 5}}
  none: {run: "tasks:anything", timeout: null, env: null, retry: null}
  moved: {run: "tasks:pair", executor: fast}
  group:
    retry: {attempts: 7}
    foreach: [1, 2]
    steps:
      inner: {run: "tasks:pair", foreach: [1]}
      deep: {steps: {er: {run: "tasks:pair", retry: {delay: 9s}}}}
on_exit:
  bye: {run: "tasks:pair"}
"""


def test_defaults_lie_under_every_step(tmp_path):
    nodes = graph_of(tmp_path, DEFAULTS).nodes
    for name in ("plain", "group.inner", "group.deep.er", "on_exit.bye"):
        node = nodes[name]
        assert (node.timeout, node.resources.cpu, node.resources.gpu.count) == (3600.0, 2.0, 1)
        assert (node.action.env, node.action.arguments, node.action.secrets) == (
            {"A": "1"},
            {"x": 1},
            {"TOKEN": "env:TOKEN"},
        )


def test_a_steps_own_words_win_and_null_takes_away(tmp_path):
    nodes = graph_of(tmp_path, DEFAULTS).nodes
    own = nodes["own"]
    assert (own.timeout, own.resources.cpu, own.resources.gpu.count) == (7200.0, 2.0, 0)
    assert (own.action.env, own.action.arguments) == ({"A": "1", "B": "2"}, {})
    assert (own.retry.attempts, own.retry.delay) == (5, 5.0)
    assert (nodes["none"].timeout, nodes["none"].action.env, nodes["none"].retry.attempts) == (None, {}, 1)


def test_keys_of_loops_are_only_inherited_by_loops(tmp_path):
    nodes = graph_of(tmp_path, DEFAULTS).nodes
    assert (nodes["group"].loop.max_parallel, nodes["group.inner"].loop.max_parallel) == (2, 2)


def test_a_group_passes_its_keys_down_to_its_steps(tmp_path):
    nodes = graph_of(tmp_path, DEFAULTS).nodes
    assert nodes["group.inner"].retry.attempts == 7
    assert (nodes["group.deep.er"].retry.attempts, nodes["group.deep.er"].retry.delay) == (7, 9.0)


def test_defaults_of_a_profile_hold_on_that_profile_only(tmp_path):
    nodes = graph_of(tmp_path, DEFAULTS).nodes
    assert (nodes["moved"].timeout, nodes["moved"].resources.memory, nodes["moved"].resources.cpu) == (
        60.0,
        1024**3,
        2.0,
    )
    everywhere = graph_of(tmp_path, DEFAULTS, placement=Placement(("fast",))).nodes
    assert (everywhere["plain"].timeout, everywhere["own"].timeout) == (60.0, 7200.0)
    nowhere = graph_of(tmp_path, DEFAULTS, placement=Placement(("local",))).nodes
    assert nowhere["moved"].timeout == 3600.0


def test_a_used_file_gets_what_a_group_would(tmp_path):
    write(tmp_path, inner_yaml='yamlflow: 1\ndefaults: {timeout: 1m}\nsteps: {x: {run: "tasks:nothing"}}\n')
    graph = graph_of(tmp_path, "steps: {a: {uses: ./inner.yaml, retry: {attempts: 4}}}\n")
    assert (graph.nodes["a.x"].retry.attempts, graph.nodes["a.x"].timeout) == (4, 60.0)
