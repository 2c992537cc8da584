"""A checked file becomes a graph: edges, ranks, loops, units, everything resolved."""

from __future__ import annotations

import pytest

from tests.schema.loading import edges, graph_of, load_here
from yamlflow.core.graph import Bindings, CommandTarget, Gpu, PythonTarget
from yamlflow.schema.loader import Given, Placement


def test_a_reference_is_a_plain_edge_and_needs_an_order(tmp_path):
    graph = graph_of(
        tmp_path,
        """
steps:
  a: {run: "tasks:nothing"}
  b: {run: "tasks:take", inputs: {x: "steps.a[0]"}}
  c: {run: "tasks:nothing", needs: [a, b]}
""",
    )
    assert edges(graph, "b") == [("a", "plain", False)]
    assert edges(graph, "c") == [("a", "order", True), ("b", "order", True)]
    assert [graph.nodes[name].rank for name in "abc"] == [0, 1, 2]


def test_every_key_with_an_expression_makes_an_edge(tmp_path):
    graph = graph_of(
        tmp_path,
        """
steps:
  s1: {run: "tasks:nothing"}
  s2: {run: "tasks:nothing"}
  s3: {run: "tasks:nothing"}
  s4: {run: "tasks:nothing"}
  s5: {run: "tasks:nothing"}
  s6: {run: "tasks:nothing"}
  s7: {run: "tasks:nothing"}
  all:
    when: len(steps.s1) > 0
    foreach: {i: steps.s2}
    where: each.i in steps.s3
    key: each.i
    run: tasks:anything
    inputs: {deep: {er: [steps.s4]}}
    with: {text: "a ${{ len(steps.s5) }}"}
    env: {E: "${{ len(steps.s6) }}"}
  cmd:
    command: [echo, "${{ len(steps.s7) }}"]
""",
    )
    assert [source for source, _, _ in edges(graph, "all")] == ["s1", "s2", "s3", "s4", "s5", "s6"]
    assert edges(graph, "cmd") == [("s7", "plain", False)]


def test_a_step_in_a_group_has_its_own_edge_to_the_outside(tmp_path):
    graph = graph_of(
        tmp_path,
        """
steps:
  a: {run: "tasks:nothing"}
  tol: {run: "tasks:nothing"}
  group:
    foreach: {r: [1, 2]}
    steps:
      inner: {run: "tasks:pair", inputs: {x: steps.a, y: each.r}}
    outputs: {y: steps.inner, z: steps.tol}
  after: {run: "tasks:take", inputs: {x: steps.group.y}}
""",
    )
    assert edges(graph, "group.inner") == [("a", "plain", False)]
    assert edges(graph, "group") == [("tol", "plain", True)]
    nodes = graph.nodes
    assert nodes["group"].rank > nodes["a"].rank
    assert nodes["group.inner"].rank > nodes["group"].rank
    assert nodes["after"].rank > nodes["group.inner"].rank
    assert (nodes["group.inner"].parent, nodes["group.inner"].depth, nodes["group"].depth) == ("group", 1, 0)
    assert nodes["group"].children == ("group.inner",)


@pytest.mark.parametrize(
    ("foreach", "more", "kind"),
    [
        ("{m: steps.fit}", "", "elementwise"),
        ("{m: steps.fit.model}", "", "elementwise"),
        ("steps.fit", "", "elementwise"),
        ("{m: steps.fit, n: [1, 2]}", "", "plain"),
        ("{zip: {m: steps.fit, n: steps.fit}}", "", "plain"),
        ('{m: "steps.fit[1:]"}', "", "plain"),
        ("{m: compact(steps.fit)}", "", "plain"),
        ("{m: steps.fit.each.i}", "", "plain"),
        ("{m: steps.fit}", ", where: each.m != 3", "plain"),
        ("{m: steps.once}", "", "plain"),
    ],
)
def test_only_a_loop_over_just_another_loops_values_goes_item_by_item(tmp_path, foreach, more, kind):
    graph = graph_of(
        tmp_path,
        f"""
steps:
  fit: {{run: "tasks:take", foreach: {{i: [1, 2]}}, inputs: {{x: each.i}}}}
  once: {{run: "tasks:nothing"}}
  score: {{run: "tasks:nothing", foreach: {foreach}{more}}}
""",
    )
    ((source, found, _),) = edges(graph, "score")
    assert found == kind
    assert graph.nodes["score"].loop.elementwise == (source if kind == "elementwise" else None)


def test_a_step_that_also_reads_the_whole_loop_waits_for_all_of_it(tmp_path):
    graph = graph_of(
        tmp_path,
        """
steps:
  fit: {run: "tasks:take", foreach: {i: [1, 2]}, inputs: {x: each.i}}
  score: {run: "tasks:pair", foreach: {m: steps.fit}, inputs: {x: each.m, y: steps.fit}}
""",
    )
    assert edges(graph, "score") == [("fit", "elementwise", False), ("fit", "plain", True)]


@pytest.mark.parametrize(
    ("reader", "takes_none"),
    [
        ('{run: "tasks:maybe", inputs: {x: each.m}}', True),
        ('{run: "tasks:take", inputs: {x: each.m}}', False),
        ('{run: "tasks:take", inputs: {x: "coalesce(each.m, 0)"}}', True),
        ('{run: "tasks:nothing"}', False),
        ('{steps: {deep: {run: "tasks:maybe", inputs: {x: each.m}}}}', True),
        (
            '{steps: {deep: {run: "tasks:maybe", inputs: {x: each.m}}, b: {run: "tasks:take", inputs: {x: each.m}}}}',
            False,
        ),
    ],
)
def test_a_skipped_item_reaches_a_reader_only_when_every_use_of_it_takes_none(tmp_path, reader, takes_none):
    graph = graph_of(
        tmp_path,
        f"""
steps:
  fit: {{run: "tasks:take", foreach: {{i: [1, 2]}}, inputs: {{x: each.i}}, when: each.i > 1}}
  score: {{foreach: {{m: steps.fit}}, {reader[1:]}
""",
    )
    assert edges(graph, "score") == [("fit", "elementwise", takes_none)]


@pytest.mark.parametrize(
    ("reader", "takes_none"),
    [
        ('{run: "tasks:maybe", inputs: {x: steps.a}}', True),
        ('{run: "tasks:take", inputs: {x: "coalesce(steps.a, 0)"}}', True),
        ('{run: "tasks:take", inputs: {x: status(steps.a)}}', True),
        ('{run: "tasks:take", inputs: {x: steps.a}, when: params.go}', True),
        ('{run: "tasks:take", inputs: {x: steps.a}, needs_policy: all_done}', True),
        ('{run: "tasks:pair", inputs: {x: "coalesce(steps.a, 0)", y: status(steps.a)}}', True),
        ('{run: "math:sqrt", inputs: {x: steps.a}}', False),
    ],
)
def test_an_edge_says_whether_its_reader_does_without_the_value(tmp_path, reader, takes_none):
    graph = graph_of(
        tmp_path,
        f"""
params: {{go: false}}
steps:
  a: {{run: "tasks:nothing", when: params.go}}
  b: {reader}
""",
    )
    assert edges(graph, "b") == [("a", "plain", takes_none)]


def test_a_condition_on_the_own_item_is_asked_per_item(tmp_path):
    graph = graph_of(
        tmp_path,
        """
params: {go: true}
steps:
  a: {run: "tasks:take", foreach: {i: [1, 2]}, inputs: {x: each.i}, when: each.i > 1}
  b: {run: "tasks:take", foreach: {i: [1, 2]}, inputs: {x: each.i}, when: params.go}
  g:
    foreach: {r: [1]}
    steps:
      c: {run: "tasks:take", inputs: {x: each.r}, when: each.r > 0}
""",
    )
    assert [graph.nodes[name].when_item for name in ("a", "b", "g.c")] == [True, False, False]


def test_what_a_loop_goes_over_is_stored_item_by_item(tmp_path):
    graph = graph_of(
        tmp_path,
        """
steps:
  whole: {run: "tasks:nothing"}
  field: {run: "tasks:nothing"}
  looped: {run: "tasks:take", foreach: [1, 2], inputs: {x: each.item}}
  group:
    steps:
      inner: {run: "tasks:nothing"}
    outputs: {items: steps.inner.rows}
  other: {run: "tasks:nothing"}
  l1: {run: "tasks:nothing", foreach: steps.whole}
  l2: {run: "tasks:nothing", foreach: {a: steps.field.names, b: steps.field.other}}
  l3: {run: "tasks:nothing", foreach: steps.looped}
  l4: {run: "tasks:nothing", foreach: steps.group.items}
  l5: {run: "tasks:nothing", foreach: compact(steps.other)}
""",
    )
    found = {name: node.action.iterated for name, node in graph.nodes.items() if node.action and node.action.iterated}
    assert found == {"whole": ("",), "field": ("names", "other"), "group.inner": ("rows",)}


def test_durations_sizes_and_counts_are_in_the_units_of_the_core(tmp_path):
    node = graph_of(
        tmp_path,
        """
limits: {db: 3}
steps:
  a:
    run: tasks:nothing
    foreach: {i: range(3), j: [a, b]}
    max_parallel: 2
    fail_fast: false
    min_success: 90%
    max_items: 50
    retry:
      {attempts: 3, backoff: fixed, delay: 10s, max_delay: 1m, jitter: false, on: [oom], infra: 2,
       grow: {memory: 2x, max: 4Gi}}
    timeout: 1h
    deadline: 1d
    start_timeout: 5m
    resources: {cpu: 0.5, memory: 2Gi, gpu: {type: [a100, h100], count: 2, memory: 40Gi}, disk: 1G, spot: true}
    limit: db
    catch: {set: {x: null}}
    tags: {team: growth}
    description: words
""",
    ).nodes["a"]
    assert node.loop.axes[0].names == ("i",)
    assert node.loop.axes[0].sources == ("range(3)",)
    assert node.loop.axes[1].sources == (("a", "b"),)
    loop = node.loop
    assert (loop.max_parallel, loop.fail_fast, loop.min_success, loop.max_items) == (2, False, 0.9, 50)
    retry = node.retry
    assert (retry.attempts, retry.exponential, retry.delay, retry.max_delay, retry.jitter) == (
        3,
        False,
        10.0,
        60.0,
        0.0,
    )
    assert (retry.on, retry.infra, retry.grow_memory, retry.grow_timeout) == (("oom",), 2, 2.0, 1.0)
    assert (retry.grow_max_memory, retry.grow_max_timeout) == (4 * 1024**3, None)
    assert (node.timeout, node.deadline, node.start_timeout) == (3600.0, 86400.0, 300.0)
    assert node.resources.gpu == Gpu(2, ("a100", "h100"), 40 * 1024**3)
    assert (node.resources.cpu, node.resources.memory, node.resources.disk) == (0.5, 2 * 1024**3, 10**9)
    assert (node.limit, node.catch.value, node.tags, node.description) == ("db", {"x": None}, ("team=growth",), "words")


def test_targets_say_what_runs_and_where(tmp_path):
    graph = graph_of(
        tmp_path,
        """
steps:
  a: {run: "tasks:nothing", outputs: [x, y]}
  b:
    command: [echo, 010, "${{ inputs.n }}"]
    with: {n: 1}
    outputs: {t: {file: t.csv, beside: ["*.tbi"]}, o: {stdout: json}}
  c: {sh: "echo hi", cwd: code}
""",
    )
    assert graph.nodes["a"].action.target == PythonTarget("tasks:nothing", ("x", "y"))
    assert graph.nodes["b"].action.target == CommandTarget(
        ("echo", "010", "${{ inputs.n }}"), None, {"t": {"file": "t.csv", "beside": ["*.tbi"]}, "o": {"stdout": "json"}}
    )
    assert graph.nodes["c"].action.target == CommandTarget((), "echo hi", {})
    assert [graph.nodes[name].action.cwd for name in "abc"] == ["code", "scratch", "code"]


def test_parameters_fill_typed_keys_and_literal_items_before_the_run(tmp_path):
    graph = graph_of(
        tmp_path,
        """
params: {patience: 90s, wide: 3, tag: v1, where: eu}
steps:
  a:
    run: tasks:take
    foreach: {i: ["x-${{ params.where }}", "${{ params.wide }}", 1]}
    inputs: {x: each.i}
    timeout: ${{ params.patience }}
    max_parallel: ${{ params.wide + 1 }}
""",
        given=Given(options=["patience=2m"], cwd=tmp_path),
    )
    node = graph.nodes["a"]
    assert (node.timeout, node.loop.max_parallel) == (120.0, 4)
    assert node.loop.axes[0].sources == (("x-eu", 3, 1),)


def test_hooks_are_nodes_without_edges_to_the_steps_they_read(tmp_path):
    graph = graph_of(
        tmp_path,
        """
steps:
  a: {run: "tasks:nothing"}
on_failure:
  tell: {run: "tasks:anything", inputs: {a: steps.a, e: run.error}}
  after: {run: "tasks:take", inputs: {x: steps.tell}}
on_exit:
  clean: {sh: "true"}
""",
    )
    assert graph.hooks == {"on_failure": ("on_failure.tell", "on_failure.after"), "on_exit": ("on_exit.clean",)}
    assert edges(graph, "on_failure.tell") == []
    assert edges(graph, "on_failure.after") == [("on_failure.tell", "plain", False)]
    assert graph.nodes["on_failure.after"].hook == "on_failure"
    assert graph.roots == ("a",)


def test_a_used_file_is_a_group_with_parameters_of_its_own(tmp_path):
    (tmp_path / "inner.yaml").write_text("""
yamlflow: 1
params: {table: {type: json}, folds: 5, patience: 1h, day: 2026-01-31}
limits: {db: 9, api: 2}
steps:
  fit:
    run: tasks:pair
    foreach: {i: range(params.folds)}
    inputs: {x: params.table, y: params.day}
    timeout: ${{ params.patience }}
outputs: {score: steps.fit}
""")
    graph = graph_of(
        tmp_path,
        """
params: {n: 3}
limits: {db: 1}
steps:
  prep: {run: "tasks:nothing"}
  sub:
    foreach: {r: [eu, us]}
    uses: ./inner.yaml
    inputs: {table: steps.prep, folds: params.n}
    with: {patience: 2h, day: "d-${{ each.r }}"}
  best: {run: "tasks:take", inputs: {x: steps.sub.score}}
""",
    )
    sub, fit = graph.nodes["sub"], graph.nodes["sub.fit"]
    assert sub.is_group
    assert sub.outputs == {"score": "steps.fit"}
    assert sub.bindings == Bindings({"table": "steps.prep"}, {"day": "d-${{ each.r }}"}, {"folds": 3, "patience": "2h"})
    assert edges(graph, "sub") == [("prep", "plain", False)]
    assert (fit.parent, fit.depth, fit.timeout, edges(graph, "sub.fit")) == ("sub", 1, 7200.0, [])
    assert graph.limits == {"db": 1, "api": 2}


def test_a_definition_changes_with_the_work_and_not_with_how_it_is_run(tmp_path):
    def definition(step: str) -> str:
        return graph_of(tmp_path, f"params: {{x: 1}}\nsteps:\n  a: {step}\n").nodes["a"].action.definition

    base = definition('{run: "tasks:pair", inputs: {x: params.x}}')
    same = [
        '{run: "tasks:pair", inputs: {x: params.x}, timeout: 1h}',
        '{run: "tasks:pair", inputs: {x: params.x}, retry: {attempts: 4}, resources: {cpu: 4}}',
        '{run: "tasks:pair", inputs: {x: params.x}, description: other, tags: [a], executor: local}',
    ]
    other = [
        '{run: "tasks:take", inputs: {x: params.x}}',
        '{run: "tasks:pair", inputs: {x: params.x + 1}}',
        '{run: "tasks:pair", inputs: {x: params.x}, with: {y: 1}}',
        '{run: "tasks:pair", inputs: {x: params.x}, env: {A: b}}',
        '{run: "tasks:pair", inputs: {x: params.x}, outputs: [a]}',
        '{run: "tasks:pair", inputs: {x: params.x}, foreach: [1]}',
        '{run: "tasks:pair", inputs: {x: params.x}, cwd: scratch}',
    ]
    assert {definition(step) for step in same} == {base}
    assert len({base, *(definition(step) for step in other)}) == len(other) + 1


def test_profiles_are_plain_data_and_overrides_move_steps(tmp_path):
    text = """
executors:
  box: {type: docker, image: "python:3.12", env: {A: "1"}}
  here: {type: local, cpu: 2, memory: 1Gi, gpus: [a100, {type: h100, memory: 80Gi}], env_inherit: false, env: {B: "2"}}
steps:
  a: {run: "tasks:nothing"}
  b: {run: "tasks:nothing", executor: box}
  g: {executor: here, steps: {c: {run: "tasks:nothing", env: {C: "3"}}, d: {run: "tasks:nothing", executor: box}}}
"""
    graph = graph_of(tmp_path, text)
    assert {name: node.executor for name, node in graph.nodes.items() if node.action} == {
        "a": "local",
        "b": "box",
        "g.c": "here",
        "g.d": "box",
    }
    assert graph.nodes["g.c"].action.env == {"B": "2", "C": "3"}
    assert graph.profiles["here"] == {
        "type": "local",
        "cpu": 2.0,
        "memory": 1024**3,
        "gpus": [{"type": "a100", "memory": None, "id": None}, {"type": "h100", "memory": 80 * 1024**3, "id": None}],
        "env_inherit": False,
    }

    def executors(placement: Placement) -> list[str]:
        found = graph_of(tmp_path, text, placement=placement).nodes
        return [found[name].executor for name in ("a", "b", "g.c", "g.d")]

    assert executors(Placement(("local",))) == ["local"] * 4
    assert executors(Placement(default="here")) == ["here", "box", "here", "box"]
    assert executors(Placement(("g=local", "b=here"))) == ["local", "here", "local", "local"]
    assert executors(Placement(("local", "*.d=here"))) == ["local", "local", "local", "here"]


def test_the_same_file_gives_the_same_graph(tmp_path):
    text = 'params: {n: 2}\nsteps:\n  a: {run: "tasks:take", foreach: {i: range(params.n)}, inputs: {x: each.i}}\n'
    one, two = graph_of(tmp_path, text), graph_of(tmp_path, text)
    assert one == two
    assert (
        graph_of(tmp_path, text.replace("range(params.n)", "range(3)") + "outputs: {n: params.n}\n").digest
        != one.digest
    )


def test_two_thousand_steps_in_a_row_are_no_recursion(tmp_path):
    lines = ['  s0: {run: "tasks:nothing"}'] + [
        f'  s{at}: {{run: "tasks:nothing", needs: [s{at - 1}]}}' for at in range(1, 2000)
    ]
    loaded = load_here(tmp_path, "steps:\n" + "\n".join(lines) + "\n")
    assert loaded.diagnostics == ()
    assert loaded.graph.nodes["s1999"].rank == 1999
