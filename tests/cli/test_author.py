"""`init`, `schema`, `config show`, `graph`: commands that write or show a file and run nothing."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

PIPELINE = """yamlflow: 1
name: demo
params: {lr: 0.1, day: {type: date, default: "2024-01-01"}, key: {type: str, default: s3cret, secret: true}}
defaults: {timeout: 5m}
x-parts: &part {retry: {attempts: 2}}
steps:
  prep: {run: "statistics:mean", with: {data: [1, 2]}, <<: *part}
  each_one:
    foreach: {x: [1, 2]}
    run: statistics:mean
    inputs: {data: "[each.x, steps.prep, params.lr]"}
"""


@pytest.mark.parametrize("template", ["quickstart", "etl", "sweep"])
def test_a_template_is_valid_and_runs(yamlflow, tmp_path, template):
    made = yamlflow("init", "new", "--template", template)
    assert made.returncode == 0, made.stderr
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "pipeline.schema.json",
        "pipeline.yaml",
        "tasks.py",
    ]
    text = (tmp_path / "new/pipeline.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./pipeline.schema.json\n")
    assert yamlflow("validate", "--strict", "new/pipeline.yaml").returncode == 0
    assert "yamlflow run new/pipeline.yaml" in made.stdout
    ran = yamlflow("run", "new/pipeline.yaml", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["outputs"]


def test_the_schema_beside_a_template_accepts_it(yamlflow, tmp_path):
    yamlflow("init", ".")
    schema = json.loads((tmp_path / "pipeline.schema.json").read_text())
    assert schema == json.loads(yamlflow("schema").stdout)
    Draft7Validator(schema).validate(YAML(typ="safe").load((tmp_path / "pipeline.yaml").read_text()))


def test_init_never_overwrites_a_file(yamlflow, tmp_path):
    (tmp_path / "tasks.py").write_text("mine = 1\n")
    refused = yamlflow("init")
    assert refused.returncode == 2
    assert "tasks.py" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tasks.py"]
    assert (tmp_path / "tasks.py").read_text() == "mine = 1\n"


def test_config_show_is_the_file_with_everything_worked_in(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "over.yaml").write_text("steps: {prep: {timeout: 9m}}\n")
    shown = yamlflow("config", "show", "-p", "lr=0.5", "-f", "over.yaml", "--json")
    assert shown.returncode == 0, shown.stderr
    resolved = json.loads(shown.stdout)
    assert resolved["params"]["lr"] == {"type": "float", "default": 0.5}
    assert resolved["params"]["day"]["default"] == "2024-01-01"
    assert resolved["steps"]["prep"]["timeout"] == "9m"
    assert resolved["steps"]["prep"]["retry"] == {"attempts": 2}
    assert resolved["steps"]["each_one"]["timeout"] == "5m"
    assert "defaults" not in resolved
    assert "s3cret" not in shown.stdout


def test_what_config_show_prints_is_a_valid_pipeline_again(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE.replace(", secret: true", ""))
    shown = yamlflow("config", "show")
    (tmp_path / "again.yaml").write_text(shown.stdout)
    assert yamlflow("validate", "again.yaml").returncode == 0
    assert yamlflow("config", "show", "again.yaml").stdout == shown.stdout


@pytest.mark.parametrize("form", ["tree", "mermaid", "dot", "json"])
def test_graph_draws_a_file_in_each_format(yamlflow, tmp_path, form):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    drawn = yamlflow("graph", "--format", form)
    assert drawn.returncode == 0, drawn.stderr
    assert "each_one" in drawn.stdout
    assert "prep" in drawn.stdout


@pytest.mark.parametrize("command", [["graph"], ["config", "show"], ["plan"], ["run"]])
def test_an_invalid_file_is_shown_like_validate_does_with_exit_2(yamlflow, tmp_path, command):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE.replace("foreach", "foreahc"))
    done = yamlflow(*command)
    assert done.returncode == 2
    assert "pipeline.yaml:9:5: error[unknown-key]" in done.stderr
    assert "^^^^^^^" in done.stderr
    assert "nothing was started" in done.stderr
    assert done.stdout == ""
