"""Settings from the environment and from files, as the command line answers for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from yamlflow.engine.settings import strangers

README = Path(__file__).parents[2] / "README.md"
PIPELINE = 'yamlflow: 1\nsteps: {one: {sh: "true"}}\n'


def test_a_misspelt_variable_is_told_once_with_the_nearest_name(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    wrong = {"YAMLFLOW_MAX_WORKER": "1", "YAMLFLOW_WHATEVER": "x", "YAMLFLOW_PARAM_X": "1", "YAMLFLOW_TEST_X": "1"}
    said = yamlflow("run", env=wrong).stderr
    lines = [line for line in said.splitlines() if line.startswith("warning")]
    assert lines == [
        "warning: nothing reads the variable YAMLFLOW_MAX_WORKER; did you mean YAMLFLOW_MAX_WORKERS?",
        "warning: nothing reads the variable YAMLFLOW_WHATEVER",
    ]
    assert yamlflow("run", "-q", env=wrong).stderr == ""
    assert "warning" in yamlflow("status", env=wrong).stderr


def test_every_documented_variable_is_known():
    table = README.read_text().partition("### Environment variables")[2].partition("\n## ")[0]
    names = re.findall(r"\bYAMLFLOW_[A-Z_]*[A-Z]\b", table)
    assert names
    assert list(strangers(dict.fromkeys(names, "x"))) == []


WORDS = [
    ("color", "pink", "--color"),
    ("progress", "loud", "--progress"),
    ("overlap", "never", "--overlap"),
    ("on_interrupt", "cry", "--on-interrupt"),
]


@pytest.mark.parametrize(("setting", "bad", "flag"), WORDS)
def test_a_bad_word_is_wrong_usage_on_the_command_line_and_wrong_configuration_in_a_file(
    yamlflow, tmp_path, setting, bad, flag
):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    assert yamlflow("run", flag, bad).returncode == 2
    typed = yamlflow("run", env={f"YAMLFLOW_{setting.upper()}": bad})
    assert (typed.returncode, f"YAMLFLOW_{setting.upper()}" in typed.stderr) == (2, True)
    (tmp_path / "yamlflow.toml").write_text(f'{setting} = "{bad}"\n')
    written = yamlflow("run")
    assert (written.returncode, "yamlflow.toml" in written.stderr, bad in written.stderr) == (78, True, True)
    (tmp_path / "yamlflow.toml").write_text(f"{setting} = 3\n")
    assert yamlflow("run").returncode == 78, "as any other fault of the file"


def test_the_profile_called_local_needs_no_type_in_a_configuration(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "yamlflow.toml").write_text("[executors.local]\nmax_parallel = 1\n")
    assert yamlflow("run", "-q").stderr == ""
    (tmp_path / "yamlflow.toml").write_text("[executors.small]\nmax_parallel = 1\n")
    said = yamlflow("run")
    assert (said.returncode, "executor `small`" in said.stderr) == (78, True)
