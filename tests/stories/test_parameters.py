"""Parameters: declared once, typed, set from four places, refused when wrong."""

from __future__ import annotations

import json

import pytest

TASKS = """
    def show(**values):
        return {name: [type(value).__name__, str(value)] for name, value in values.items()}
"""

EVERY_TYPE = """
    params:
      s: {type: str, default: text}
      i: 3
      f: 0.5
      b: true
      d: {type: date, default: "2024-02-29"}
      dt: {type: datetime, default: "2024-02-29T12:30:00"}
      span: {type: duration, default: 1h30m}
      p: {type: path, default: data.txt}
      j: {type: json, default: {a: [1, null]}}
      names: {type: "list[str]", default: [x, y]}
      table: {type: "dict[str, int]", default: {a: 1}}
    steps:
      show:
        run: tasks:show
        inputs: {s: params.s, i: params.i, f: params.f, b: params.b, d: params.d, dt: params.dt, span: params.span,
                 p: params.p, j: params.j, names: params.names, table: params.table}
    outputs: {seen: steps.show}
"""

ONE = """
    params: {n: {type: int, default: 1, min: 0, max: 9, help: how many}}
    steps:
      echo: {run: "tasks:echo", inputs: {n: params.n}}
    outputs: {n: steps.echo}
"""
ECHO = """
    def echo(n):
        note("ran")
        return n
"""


def test_every_type_arrives_as_its_python_type(project):
    seen = project(EVERY_TYPE, TASKS, data__txt="here").run().outputs["seen"]
    assert {name: kind for name, (kind, _) in seen.items()} == {
        "s": "str",
        "i": "int",
        "f": "float",
        "b": "bool",
        "d": "date",
        "dt": "datetime",
        "span": "timedelta",
        "p": "PosixPath",
        "j": "dict",
        "names": "list",
        "table": "dict",
    }
    assert seen["span"][1] == "1:30:00"
    assert seen["d"][1] == "2024-02-29"


def test_every_type_can_be_set_on_the_command_line(project):
    words = {
        "s": "10",
        "i": "4",
        "f": "2",
        "b": "false",
        "d": "2025-01-01",
        "dt": "2025-01-01T00:00:00",
        "span": "90s",
        "p": "other.txt",
        "j": '{"k": 1}',
        "names": '["one", "two"]',
        "table": '{"z": 26}',
    }
    flags = [word for name, text in words.items() for word in ("-p", f"{name}={text}")]
    seen = project(EVERY_TYPE, TASKS, data__txt="", other__txt="").run(*flags).outputs["seen"]
    assert seen["s"] == ["str", "10"]
    assert seen["i"] == ["int", "4"]
    assert seen["f"] == ["float", "2.0"]
    assert seen["b"] == ["bool", "False"]
    assert seen["d"] == ["date", "2025-01-01"]
    assert seen["span"] == ["timedelta", "0:01:30"]
    assert seen["j"] == ["dict", "{'k': 1}"]
    assert seen["names"] == ["list", "['one', 'two']"]
    assert seen["table"] == ["dict", "{'z': 26}"]
    assert seen["p"][1].endswith("/other.txt")


def test_the_command_line_beats_the_environment_beats_the_params_file_beats_the_file(project):
    story = project(ONE, ECHO, values__yaml="n: 2\n")
    assert story.run().outputs == {"n": 1}
    assert story.run("--params-file", "values.yaml").outputs == {"n": 2}
    environment = {"YAMLFLOW_PARAM_N": "3"}
    assert story.run("--params-file", "values.yaml", env=environment).outputs == {"n": 3}
    assert story.run("--params-file", "values.yaml", "-p", "n=4", env=environment).outputs == {"n": 4}


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("n=many", "int"),
        ("n=1.5", "int"),
        ("n=10", "9"),
        ("n=-1", "0"),
        ("m=1", "no parameter `m`"),
        ("n", "name=value"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_runs(project, flag, word):
    assert word in project(ONE, ECHO).refused("-p", flag)


def test_choices_and_regex_are_kept(project):
    story = project(
        """
        params:
          model: {type: str, default: xgb, choices: [xgb, mlp]}
          tag: {type: str, default: v1, regex: "v[0-9]+"}
        steps: {echo: {run: "tasks:echo", inputs: {n: params.model}, with: {}}, other: {run: "tasks:echo", inputs: {n: params.tag}}}
        """,
        ECHO,
    )
    assert "xgb" in story.refused("-p", "model=forest")
    assert "v[0-9]+" in story.refused("-p", "tag=latest")
    story.run("-p", "model=mlp", "-p", "tag=v22")


def test_a_required_parameter_without_a_value_is_refused_with_its_flag(project):
    story = project(
        "params: {day: {type: date, required: true}}\nsteps: {echo: {run: 'tasks:echo', inputs: {n: params.day}}}", ECHO
    )
    assert "-p day=" in story.refused()
    story.run("-p", "day=2024-01-01")


def test_the_help_of_a_file_lists_its_parameters_with_type_default_and_help(project):
    shown = project(ONE, ECHO).call("run", "pipeline.yaml", "--help")
    assert shown.code == 0
    (line,) = [line for line in shown.out.splitlines() if line.split()[:1] == ["n"]]
    assert "int" in line
    assert "1" in line
    assert "how many" in line
    assert project.ledger == []


def test_the_values_of_a_run_are_recorded_but_not_the_secret_ones(project):
    story = project(
        "params: {n: 1, token: {type: str, default: '', secret: true}}\n"
        "steps: {echo: {run: 'tasks:echo', inputs: {n: params.n}}, use: {run: 'tasks:use', inputs: {token: params.token}}}",
        ECHO + "\n    def use(token):\n        return len(token)\n",
    )
    ran = story.run("-p", "token=hunter2-very-secret")
    assert ran.document["params"]["n"] == 1
    assert "hunter2-very-secret" not in json.dumps(ran.document)
    assert "hunter2-very-secret" not in ran.err
