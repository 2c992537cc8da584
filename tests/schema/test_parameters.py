"""What a run is given for its parameters, from which place, and what is said when it does not fit."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from tests.schema.loading import findings, graph_of, load_here
from yamlflow.core.values import decode
from yamlflow.schema.diagnostics import render
from yamlflow.schema.loader import Given

ALL = """
params:
  s: text
  i: 1
  f: 0.5
  b: false
  day: {type: date, default: 2026-01-31}
  at: {type: datetime, default: 2026-01-31T08:00:00}
  wait: {type: duration, default: 90s}
  data: {type: path, default: data/x.csv}
  any: {type: json, default: {a: [1, null]}}
  models: {type: "list[str]", default: [xgb, mlp], choices: [xgb, mlp, tabnet]}
  sizes: {type: "dict[str, int]", default: {a: 1}}
  waits: {type: "list[duration]", default: [1m, 2m]}
  none: {type: str, default: null}
steps:
  a: {run: "tasks:take", inputs: {x: params}}
"""


def values(folder, text, **given):
    graph = graph_of(folder, text, given=Given(cwd=folder / "elsewhere", **given))
    return {name: decode(param.value) for name, param in graph.params.items()}


def test_every_type_has_a_value_from_the_file(tmp_path):
    assert values(tmp_path, ALL) == {
        "s": "text",
        "i": 1,
        "f": 0.5,
        "b": False,
        "day": date(2026, 1, 31),
        "at": datetime.fromisoformat("2026-01-31T08:00:00"),
        "wait": timedelta(seconds=90),
        "data": PurePosixPath(tmp_path / "data/x.csv"),
        "any": {"a": [1, None]},
        "models": ["xgb", "mlp"],
        "sizes": {"a": 1},
        "waits": [timedelta(minutes=1), timedelta(minutes=2)],
        "none": None,
    }


def test_every_type_can_be_given_as_text(tmp_path):
    options = [
        "s=a=b",
        "i=-7",
        "f=3",
        "b=true",
        "day=2026-02-01",
        "at=2026-02-01T09:30:00",
        "wait=1h30m",
        "data=y.csv",
        'any=[1, {"a": null}]',
        "models=tabnet,xgb",
        'sizes={"b": 2}',
        'waits=["5s"]',
        "none=x",
    ]
    assert values(tmp_path, ALL, options=options) == {
        "s": "a=b",
        "i": -7,
        "f": 3.0,
        "b": True,
        "day": date(2026, 2, 1),
        "at": datetime.fromisoformat("2026-02-01T09:30:00"),
        "wait": timedelta(minutes=90),
        "data": PurePosixPath(tmp_path / "elsewhere/y.csv"),
        "any": [1, {"a": None}],
        "models": ["tabnet", "xgb"],
        "sizes": {"b": 2},
        "waits": [timedelta(seconds=5)],
        "none": "x",
    }


def test_python_values_count_as_options(tmp_path):
    given = {
        "day": date(2026, 3, 1),
        "wait": timedelta(hours=2),
        "data": PurePosixPath("/abs/z.csv"),
        "models": ("mlp",),
    }
    found = values(tmp_path, ALL, values=given)
    assert (found["day"], found["wait"], found["data"], found["models"]) == (
        date(2026, 3, 1),
        timedelta(hours=2),
        PurePosixPath("/abs/z.csv"),
        ["mlp"],
    )


def test_the_command_line_beats_the_environment_beats_the_file_of_parameters_beats_the_pipeline(tmp_path):
    text = 'params: {a: 1, b: 1, c: 1, d: 1}\nsteps:\n  x: {run: "tasks:take", inputs: {x: params}}\n'
    (tmp_path / "params.yaml").write_text("b: 2\nc: 2\nd: 2\n")
    found = values(
        tmp_path,
        text,
        file=str(tmp_path / "params.yaml"),
        environment={"YAMLFLOW_PARAM_C": "3", "YAMLFLOW_PARAM_d": "3", "YAMLFLOW_PARAM_OTHER": "9"},
        options=["d=4"],
    )
    assert found == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_a_path_in_a_file_of_parameters_is_relative_to_that_file(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/params.json").write_text('{"data": "z.csv"}')
    found = values(tmp_path, ALL, file=str(tmp_path / "deep/params.json"))
    assert found["data"] == PurePosixPath(tmp_path / "deep/z.csv")


def test_an_address_is_no_path_of_this_machine(tmp_path):
    assert values(tmp_path, ALL, options=["data=s3://bucket/x.csv"])["data"] == "s3://bucket/x.csv"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("i=abc", "the parameter `i`: `abc` is no whole number"),
        ("f=abc", "the parameter `f`: `abc` is no number"),
        ("b=yes", "the parameter `b`: `yes` is neither true nor false"),
        ("day=tomorrow", "the parameter `day`: `tomorrow` is no date"),
        ("wait=5", "the parameter `wait`: `5` is no duration"),
        ("any={", "the parameter `any`: this is no JSON: Expecting property name"),
        ("models=lgbm", "the parameter `models`: `lgbm` is none of `xgb`, `mlp`, `tabnet`"),
        ('sizes={"a": "b"}', 'the parameter `sizes`: `"b"` is not of the type int'),
    ],
)
def test_a_bad_value_points_at_the_declaration_and_says_where_it_came_from(tmp_path, option, message):
    (found,) = findings(tmp_path, ALL, given=Given(options=[option], cwd=tmp_path))
    name = option.partition("=")[0]
    assert found.code == "bad-parameter"
    assert found.message.startswith(message)
    assert ALL.splitlines()[found.span.line - 2].strip().startswith(f"{name}:")
    assert found.notes[0].text == f"the value came from `-p {option}`"


def test_all_bad_values_are_said_at_once_and_bounds_are_kept(tmp_path):
    text = """
params:
  n: {type: int, default: 5, min: 2, max: 9}
  region: {type: str, default: eu-1, regex: "[a-z]+-[0-9]"}
  must: {type: int}
steps:
  a: {run: "tasks:take", inputs: {x: params}}
"""
    options = ["n=1", "region=EU", "regoin=3", "novalue"]
    found = findings(tmp_path, text, given=Given(options=options, cwd=tmp_path))
    assert [(one.code, one.message) for one in found] == [
        ("bad-parameter", "`-p novalue` gives no value"),
        ("unknown-parameter", "this pipeline has no parameter `regoin`"),
        ("bad-parameter", "the parameter `n`: `1` is less than 2"),
        ("bad-parameter", "the parameter `region`: `EU` does not match `[a-z]+-[0-9]`"),
        ("missing-parameter", "the parameter `must` needs a value"),
    ]
    assert found[1].help == "did you mean `region`?"


def test_a_bad_value_of_a_file_is_shown_in_that_file_too(tmp_path):
    (tmp_path / "p.yaml").write_text("i: abc\nj: 1\n")
    loaded = load_here(tmp_path, ALL, given=Given(file="p.yaml", cwd=tmp_path))
    bad, unknown = sorted(loaded.diagnostics, key=lambda one: one.code)
    assert bad.notes[0].span.path == "p.yaml"
    assert (unknown.span.path, unknown.span.line, unknown.message) == (
        "p.yaml",
        2,
        "this pipeline has no parameter `j`",
    )


def test_a_file_of_parameters_that_is_none_is_said(tmp_path):
    (tmp_path / "list.yaml").write_text("- 1\n")
    codes = [findings(tmp_path, ALL, given=Given(file=name, cwd=tmp_path))[0].code for name in ("no.yaml", "list.yaml")]
    assert codes == ["unreadable-file", "wrong-type"]


def test_the_value_of_a_secret_parameter_is_never_shown(tmp_path):
    pin = "{type: int, secret: true, default: 1}"
    text = f'params: {{pin: {pin}}}\nsteps:\n  a: {{run: "tasks:take", inputs: {{x: params.pin}}}}\n'
    loaded = load_here(tmp_path, text, given=Given(options=["pin=hunter2"], cwd=tmp_path))
    assert "hunter2" not in "".join(render(found, loaded.source) for found in loaded.diagnostics)
    assert [found.code for found in loaded.diagnostics] == ["bad-parameter"]


def test_an_unknown_variable_of_the_environment_is_no_error(tmp_path):
    given = Given(environment={"YAMLFLOW_PARAM_NOPE": "1"}, cwd=tmp_path)
    assert findings(tmp_path, ALL, given=given) == []
