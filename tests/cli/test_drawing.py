"""A graph as a tree, Mermaid, Graphviz and JSON, from a hand-made graph."""

from __future__ import annotations

import json

import pytest

from yamlflow.cli.drawing import FORMATS, draw
from yamlflow.core.graph import (
    Action,
    Axis,
    CommandTarget,
    Edge,
    EdgeKind,
    Graph,
    Loop,
    Node,
    Policy,
    PythonTarget,
    Repeat,
)


def task(step, *edges, run="tasks:f", **more):
    parent, _, name = step.rpartition(".")
    return Node(step, name, parent, step.count("."), 0, edges, Action(PythonTarget(run)), **more)


def plain(source):
    return Edge(source, EdgeKind.PLAIN)


NODES = (
    task("end", run='mod:"<f>"'),
    Node(
        "by_region",
        "by_region",
        "",
        0,
        1,
        (plain("end"),),
        children=("by_region.fit", "by_region.best"),
        loop=Loop((Axis(("region",), ("steps.end",)),), max_parallel=8),
    ),
    task(
        "by_region.fit",
        Edge("end", EdgeKind.PLAIN),
        loop=Loop((Axis(("model", "fold"), (("xgb", "mlp"), "range(2)")),), where="each.fold > 0"),
        executor="aws",
    ),
    task("by_region.best", plain("by_region.fit"), when="params.deploy"),
    Node(
        "report",
        "report",
        "",
        0,
        2,
        (Edge("by_region", EdgeKind.ELEMENTWISE), Edge("end", EdgeKind.ORDER)),
        Action(CommandTarget(("python", "-m", "report", "a b"))),
        policy=Policy.ALL_DONE,
    ),
    Node("search", "search", "", 0, 0, (), children=("search.half",), repeat=Repeat({}, "steps.half < 1", 10)),
    task("search.half"),
    task("page", run="ops:page", hook="on_failure"),
)
GRAPH = Graph(
    "churn\x1b[31m",
    {node.id: node for node in NODES},
    ("end", "by_region", "report", "search"),
    hooks={"on_failure": ("page",)},
    outputs={"model": "steps.report"},
)


def test_the_tree_shows_nesting_loops_conditions_and_what_is_read():
    assert draw(GRAPH, "tree").splitlines() == [
        "churn",
        '├─ end  mod:"<f>"',
        "├─ by_region  [foreach region in steps.end]  [at most 8 at once]  ← end",
        (
            '│  ├─ fit  tasks:f  [foreach (model, fold) in zip(["xgb", "mlp"], range(2))]  '
            "[where each.fold > 0]  [on aws]  ← end"
        ),
        "│  └─ best  tasks:f  [when params.deploy]  ← by_region.fit",
        "├─ report  python -m report 'a b'  [all_done]  ← by_region (item by item), end (order only)",
        "├─ search  [repeat until steps.half < 1, at most 10 rounds]",
        "│  └─ half  tasks:f",
        "└─ on_failure",
        "   └─ page  ops:page",
    ]


def test_mermaid_never_uses_a_step_name_as_a_word_of_its_own():
    lines = draw(GRAPH, "mermaid").splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n0_end["end<br/>mod:#quot;#lt;f#gt;#quot;"]' in lines
    assert lines.count("  end") == 2 + 1
    assert "  n0_end --> n1_by_region" in lines
    assert "  n1_by_region -->|item by item| n4_report" in lines
    assert "  n0_end -.-> n4_report" in lines


def test_dot_is_one_digraph_with_clusters_for_groups():
    text = draw(GRAPH, "dot")
    assert text.count("{") == text.count("}")
    assert '"end" [label="end\\nmod:\\"<f>\\""];' in text
    assert '"by_region.fit" -> "report" [ltail="cluster by_region", label="item by item"];' in text
    assert '"end" -> "by_region.fit" [lhead="cluster by_region"];' in text


def test_json_has_every_step_with_what_it_reads():
    document = json.loads(draw(GRAPH, "json"))
    assert [step["id"] for step in document["steps"]] == [node.id for node in NODES]
    report = document["steps"][4]
    assert report["reads"] == [{"step": "by_region", "kind": "elementwise"}, {"step": "end", "kind": "order"}]
    assert document["steps"][2]["foreach"] == [
        {"name": "model", "in": ["xgb", "mlp"], "axis": 0},
        {"name": "fold", "in": "range(2)", "axis": 0},
    ]
    assert document["hooks"] == {"on_failure": ["page"]}


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_lets_an_escape_through(form):
    assert "\x1b" not in draw(GRAPH, form)
