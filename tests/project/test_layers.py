"""The house of yamlflow/README.md: who may import what, and who may speak."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "yamlflow"
TRAVELS = sorted([*PACKAGE.glob("core/**/*.py"), *PACKAGE.glob("worker/**/*.py")])
HERE_LATER_THAN_310 = {"tomllib"}
WHEN_A_VALUE_NEEDS_THEM = {"numpy", "pandas", "pyarrow", "torch"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([tool, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def imports(nodes: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Line and top-level package of every absolute import among the nodes, however deep."""
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module


def at_import(tree: ast.Module) -> list[ast.stmt]:
    """The statements of a module that run when it is imported: all but the bodies of functions."""
    found: list[ast.stmt] = []
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.append(node)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def strangers(text: str) -> list[str]:
    """Imports that a module which travels to a task must not have, at import or later."""
    tree = ast.parse(text, feature_version=(3, 10))
    early = {row for row in imports(at_import(tree)) if not travels(row[1])}
    late = {row for row in imports(tree.body) if not travels(row[1]) and top(row[1]) not in WHEN_A_VALUE_NEEDS_THEM}
    return [f"line {line}: {name}" for line, name in sorted(early | late)]


def top(name: str) -> str:
    return name.partition(".")[0]


def travels(name: str) -> bool:
    ours = name.startswith(("yamlflow.core", "yamlflow.worker"))
    return ours or (top(name) in sys.stdlib_module_names and top(name) not in HERE_LATER_THAN_310)


def prints(text: str) -> list[int]:
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_every_import_contract_is_kept():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("core/graph.py", "from yamlflow.worker import nursery", "An import points downward"),
        ("store/local.py", "from yamlflow.schema import loader", "An import points downward"),
        ("engine/loop.py", "from yamlflow.report import page", "An import points downward"),
        ("core/graph.py", "import os.path", "core has no I/O"),
        ("core/graph.py", "def late():\n    import random", "core has no I/O"),
        ("engine/loop.py", "import rich.console", "Only cli draws"),
        ("engine/loop.py", "from pydantic import BaseModel", "Only schema reads YAML"),
        ("cli/app.py", "import ruamel.yaml", "Only schema reads YAML"),
        ("engine/loop.py", "import boto3", "An SDK is imported"),
        ("store/local.py", "from docker import errors", "An SDK is imported"),
        ("executors/fake.py", "from yamlflow.executors import local", "One executor does not know"),
    ],
)
def test_a_broken_contract_is_found(tmp_path, file, line, contract):
    house(tmp_path)
    (tmp_path / "yamlflow" / file).write_text(line + "\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [row for row in done.stdout.splitlines() if row.endswith("BROKEN")]
    assert [row.startswith(contract) for row in broken] == [True]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("cli/app.py", "import rich.console, typer\nfrom yamlflow.engine import loop"),
        ("schema/loader.py", "import ruamel.yaml\nfrom pydantic import BaseModel"),
        ("executors/docker.py", "def client():\n    import docker\n    from yamlflow.executors import base"),
        ("executors/registry.py", "def local():\n    from yamlflow.executors import docker, local"),
        ("engine/loop.py", "import os, time, threading\nfrom yamlflow.store import local"),
    ],
)
def test_what_a_layer_may_do_breaks_no_contract(tmp_path, file, line):
    house(tmp_path)
    (tmp_path / "yamlflow" / file).write_text(line + "\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def house(folder: Path) -> None:
    """The layers of yamlflow with empty modules, under the project's own contracts."""
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    modules = {
        "cli": ["app"],
        "report": ["page"],
        "engine": ["loop"],
        "schema": ["loader"],
        "executors": ["base", "registry", "local", "docker", "fake"],
        "store": ["local"],
        "worker": ["nursery"],
        "core": ["graph"],
    }
    for layer, names in modules.items():
        (folder / "yamlflow" / layer).mkdir(parents=True)
        for name in ["__init__", *names]:
            (folder / "yamlflow" / layer / f"{name}.py").touch()
    (folder / "yamlflow" / "__init__.py").touch()


@pytest.mark.parametrize("file", TRAVELS, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_what_travels_to_a_task_needs_the_standard_library_alone(file):
    assert strangers(file.read_text()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import numpy", ["line 1: numpy"]),
        ("try:\n    import numpy.linalg\nexcept ImportError:\n    pass", ["line 2: numpy.linalg"]),
        ("class Codec:\n    from pyarrow import ipc", ["line 2: pyarrow"]),
        ("import tomllib", ["line 1: tomllib"]),
        ("from yamlflow.store import local", ["line 1: yamlflow.store"]),
        ("def late():\n    import yamlflow.engine.loop", ["line 2: yamlflow.engine.loop"]),
        ("def late():\n    import cloudpickle", ["line 2: cloudpickle"]),
        ("def late():\n    import numpy", []),
        ("import os.path\nfrom yamlflow.core import errors\nfrom . import jobs", []),
    ],
)
def test_a_stranger_in_what_travels_is_found(text, found):
    assert strangers(text) == found


def test_only_the_command_line_prints():
    files = [file for file in PACKAGE.rglob("*.py") if file.relative_to(PACKAGE).parts[0] != "cli"]
    assert len(files) > 10
    assert {str(file): lines for file in files if (lines := prints(file.read_text()))} == {}
