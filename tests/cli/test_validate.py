"""`validate`: every finding with its place, in three forms, and the exit code of a linter."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_app import HEAVY, imported, offenders

GOOD = 'yamlflow: 1\nsteps:\n  mean: {run: "statistics:mean", with: {data: [1, 2]}}\n'
BAD = """yamlflow: 1
steps:
  mean: {run: "statistics:mean", with: {data: [1]}, timeotu: 5m}
  fit: {run: "statistics:mean", needs: [maen], with: {data: [1]}}
"""
WARNS = GOOD + "params: {unused: 1}\n"


def test_a_good_file_is_silent_on_stdout_and_ends_with_0(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(GOOD)
    done = yamlflow("validate")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no problem" in done.stderr


def test_every_finding_is_shown_with_its_line_and_a_caret_and_the_code_is_1(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(BAD)
    done = yamlflow("validate")
    assert done.returncode == 1
    assert "pipeline.yaml:3:53: error[unknown-key]" in done.stdout
    assert "pipeline.yaml:4:" in done.stdout
    assert "^^^" in done.stdout
    assert "did you mean `timeout`" in done.stdout
    assert "2 errors" in done.stderr


def test_concise_is_one_line_a_finding(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(BAD)
    lines = yamlflow("validate", "--output-format", "concise").stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("pipeline.yaml:") for line in lines)


def test_json_is_one_document_with_spans(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(BAD)
    done = yamlflow("validate", "--output-format", "json")
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    assert [found["severity"] for found in document["diagnostics"]] == ["error", "error"]
    assert document["diagnostics"][0]["line"] == 3
    assert done.returncode == 1


def test_several_files_are_checked_in_one_go(yamlflow, tmp_path):
    (tmp_path / "a.yaml").write_text(BAD)
    (tmp_path / "b.yaml").write_text(GOOD)
    done = yamlflow("validate", "a.yaml", "b.yaml")
    assert done.returncode == 1
    assert "a.yaml:3:" in done.stdout
    assert "b.yaml" not in done.stdout


def test_a_dash_reads_standard_input(yamlflow):
    assert yamlflow("validate", "-", stdin=GOOD).returncode == 0
    assert yamlflow("validate", "-", stdin=BAD).returncode == 1


def test_warnings_alone_are_0_and_under_strict_1(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(WARNS)
    done = yamlflow("validate")
    assert "warning[" in done.stdout
    assert done.returncode == 0
    assert yamlflow("validate", "--strict").returncode == 1


def test_a_file_that_is_no_pipeline_is_an_error_by_name_and_silence_in_a_hook(yamlflow, tmp_path):
    (tmp_path / "compose.yaml").write_text("services: {web: {image: x}}\n")
    assert yamlflow("validate", "compose.yaml").returncode == 1
    hook = yamlflow("validate", "--skip-other-yaml", "compose.yaml")
    assert (hook.returncode, hook.stdout) == (0, "")


def test_a_broken_pipeline_is_not_skipped_by_the_hook(yamlflow, tmp_path):
    (tmp_path / "a.yaml").write_text("yamlflow: 1\nsteps: {a: [\n")
    assert yamlflow("validate", "--skip-other-yaml", "a.yaml").returncode == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"\x00", b"- 1\n- 2\n", b"a: &a [*a]\n", b"[" * 5000, b"!!python/object:os.system x"],
)
def test_no_file_gives_a_traceback(yamlflow, tmp_path, content):
    (tmp_path / "x.yaml").write_bytes(content)
    done = yamlflow("validate", "x.yaml")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert "error[" in done.stdout


def test_a_file_that_is_not_there_is_an_error_with_its_name(yamlflow, tmp_path):
    done = yamlflow("validate", "nowhere.yaml")
    assert done.returncode == 1
    assert "nowhere.yaml" in done.stdout + done.stderr
    nothing = yamlflow("validate")
    assert nothing.returncode == 2
    assert "yamlflow init" in nothing.stderr


def test_colours_are_there_when_asked_for_and_text_of_the_file_has_none_of_its_own(yamlflow, tmp_path):
    (tmp_path / "pipeline.yaml").write_text(BAD.replace("maen", "ma\\x1b[31men"))
    assert "\x1b" not in yamlflow("validate").stdout
    assert "\x1b[1;31merror[" in yamlflow("validate", "--color", "always").stdout


def test_a_reader_that_goes_away_leaves_no_traceback(yamlflow, tmp_path):
    import subprocess
    import sys

    from tests.cli.conftest import clean_environment

    (tmp_path / "pipeline.yaml").write_text(BAD)
    program = subprocess.Popen(
        [sys.executable, "-m", "yamlflow", "validate"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    program.stdout.close()
    _, said = program.communicate(timeout=30)
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said


def test_validate_imports_neither_engine_nor_executors_nor_rich(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(GOOD)
    loaded = imported("validate", cwd=tmp_path)
    assert "yamlflow.schema.loader" in loaded
    assert offenders(loaded, HEAVY) == ["yamlflow.engine", "yamlflow.engine.settings"]
    assert "statistics" not in loaded, "the user's module was imported"
