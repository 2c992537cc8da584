"""The door: what `--help` lists, what a wrong command line gets, and what a command may not import."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import clean_environment
from yamlflow.cli.app import COMMANDS

NAMES = [name for group in COMMANDS.values() for name in group]
OFFERED = [
    "cache",
    "gc",
    "init",
    "validate",
    "schema",
    "config",
    "plan",
    "graph",
    "run",
    "resume",
    "cancel",
    "status",
    "logs",
    "runs",
    "artifacts",
    "package",
]
LATER = ["fmt", "explain", "exec", "backfill", "report", "doctor", "schedule"]
HEAVY = (
    "rich",
    "yamlflow.engine",
    "yamlflow.executors",
    "yamlflow.store",
    "sqlite3",
    "docker",
    "boto3",
    "kubernetes",
    "numpy",
    "asyncio",
)
SCREENS_AND_SDKS = ("rich", "yamlflow.executors", "docker", "boto3", "kubernetes", "numpy", "asyncio")
SCHEMA_SIDE = ("ruamel", "pydantic", "yamlflow.schema", "yamlflow.core.graph")


def imported(*arguments: str, cwd: Path | None = None) -> set[str]:
    """The modules that are loaded when `yamlflow ARGUMENTS` ends."""
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.__stderr__.write('\\nMODULES ' + ' '.join(sorted(sys.modules))))\n"
        "from yamlflow.cli.app import main\n"
        f"main({list(arguments)!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=clean_environment(),
        timeout=60,
        check=False,
    )
    assert "MODULES " in done.stderr, done.stderr
    return set(done.stderr.rpartition("MODULES ")[2].split())


def offenders(modules: set[str], forbidden: tuple[str, ...]) -> list[str]:
    return sorted(name for name in modules for root in forbidden if name == root or name.startswith(root + "."))


def test_the_commands_offered_are_those_of_this_version_and_none_of_a_later_one():
    assert sorted(NAMES) == sorted(OFFERED)
    assert not set(NAMES) & set(LATER)


def test_help_lists_every_command_with_a_sentence(yamlflow):
    shown = yamlflow("--help")
    assert shown.returncode == 0
    for name in NAMES:
        assert re.search(rf"^  {name} +[A-Z].+\.$", shown.stdout, re.MULTILINE), name


def test_the_sentence_in_the_table_is_about_the_same_command_as_its_own_help(yamlflow):
    for name in NAMES:
        shown = yamlflow(name, "--help")
        assert shown.returncode == 0, name
        assert shown.stdout.startswith(f"Usage: yamlflow {name} "), name
        assert re.search(r" [A-Z][a-z]+ .+?[a-z`]\. ", " ".join(shown.stdout.split())), name


def test_the_version_is_the_packages(yamlflow):
    import yamlflow as package

    assert yamlflow("--version").stdout == f"yamlflow {package.__version__}\n"


def test_without_arguments_the_help_is_shown_as_a_usage_error(yamlflow):
    shown = yamlflow()
    assert shown.returncode == 2
    assert "validate" in shown.stdout + shown.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "Did you mean 'run'"),
        (["run", "--max-worker", "2"], "--max-workers"),
        (["graph", "--format", "png"], "mermaid"),
    ],
)
def test_a_misspelt_command_or_flag_is_a_usage_error_with_the_right_word(yamlflow, arguments, words):
    shown = yamlflow(*arguments)
    assert shown.returncode == 2
    assert words in shown.stderr
    assert "Traceback" not in shown.stderr


def test_help_imports_nothing_heavy():
    assert offenders(imported("--help"), HEAVY + SCHEMA_SIDE) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_imports_no_screen_and_no_executor(name):
    assert offenders(imported(name, "--help"), SCREENS_AND_SDKS) == []


@pytest.mark.parametrize("name", ["init", "validate", "schema", "config", "graph", "plan", "run"])
def test_the_help_of_a_command_that_reads_files_imports_no_engine(name):
    assert offenders(imported(name, "--help"), HEAVY) == ["yamlflow.engine", "yamlflow.engine.settings"] * (
        name not in ("init", "schema")
    )


def test_the_help_is_the_same_by_module_and_by_script(yamlflow):
    script = Path(sys.executable).with_name("yamlflow")
    if not script.exists():
        pytest.fail("the console script is not installed: make the environment with `make test`")
    by_script = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert by_script.stdout == yamlflow("--help").stdout
