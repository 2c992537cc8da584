"""What a command may not import while it does its work: who only looks does not pay for who runs.

`tests/cli/test_app.py` says the same of `--help`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import clean_environment

SDKS = ("docker", "boto3", "botocore", "kubernetes")
USERS = ("numpy", "pandas", "pyarrow", "torch", "work")  # `work` is the module beside the pipeline
NEVER = (*SDKS, *USERS, "asyncio", "multiprocessing", "concurrent", "xml", "http", "unittest", "pdb", "pickle")
RUNNING = ("sqlite3", "yamlflow.executors", "yamlflow.store", "yamlflow.worker")
READING = ("ruamel", "yamlflow.schema.model", "yamlflow.schema.text", "yamlflow.schema.loader")
SCREEN = ("rich",)

PIPELINE = """yamlflow: 1
steps:
  one: {run: "work.py:one"}
  many: {run: "work.py:two", foreach: {n: [1, 2]}, inputs: {x: each.n, y: steps.one}}
outputs: {all: steps.many}
"""
WORK = """
def one() -> int:
    return 1


def two(x: int, y: int) -> int:
    return x + y
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules that are loaded when `yamlflow ARGUMENTS` has done its work."""
    script = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=open('modules', 'w')))\n"
        "from yamlflow.cli.app import main\n"
        f"main({list(arguments)!r})\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads((folder / "modules").read_text()))


def offenders(modules: set[str], forbidden: tuple[str, ...]) -> list[str]:
    return sorted({root for name in modules for root in forbidden if name == root or name.startswith(root + ".")})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a pipeline has run once."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pipeline.yaml").write_text(PIPELINE)
    (folder / "work.py").write_text(WORK)
    assert offenders(imported(folder, "run", "-q"), (*SCREEN, *NEVER)) == []
    return folder


def test_a_quiet_run_imports_no_screen_no_sdk_and_no_user_code(project):
    assert offenders(imported(project, "run", "-q"), (*SCREEN, *NEVER)) == []


def test_validate_imports_nothing_that_runs_tasks(project):
    assert offenders(imported(project, "validate"), (*RUNNING, *SCREEN, *NEVER)) == []
    engine = {name for name in imported(project, "validate") if name.startswith("yamlflow.engine.")}
    assert engine == {"yamlflow.engine.settings"}


@pytest.mark.parametrize("arguments", [["config", "show"], ["graph", "--format", "json"], ["schema"]])
def test_who_only_reads_files_imports_nothing_that_runs_tasks(project, arguments):
    assert offenders(imported(project, *arguments), (*RUNNING, *SCREEN, *NEVER)) == []


@pytest.mark.parametrize("arguments", [["status"], ["logs"], ["runs", "list"], ["runs", "show"], ["artifacts", "list"]])
def test_who_looks_at_runs_reads_no_pipeline_file_and_starts_nothing(project, arguments):
    forbidden = (*READING, "yamlflow.executors", *SCREEN, *NEVER)
    assert offenders(imported(project, *arguments), forbidden) == []


def test_the_package_itself_imports_next_to_nothing(project):
    code = "import sys; before = set(sys.modules); import yamlflow; print(*sorted(set(sys.modules) - before))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=project, env=clean_environment(), capture_output=True, text=True, check=True)
    new = set(done.stdout.split())
    assert {name for name in new if name.startswith("yamlflow")} == {"yamlflow"}
    assert offenders(new, (*RUNNING, *READING, *SCREEN, *NEVER, "typer", "pydantic", "dataclasses")) == []
