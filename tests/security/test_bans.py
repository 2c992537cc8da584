"""What must not stand in our own code, and the few places where it may."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "yamlflow"
FILES = sorted(PACKAGE.rglob("*.py"))


def calls(name: str) -> set[str]:
    """Files that call `a.b` or `b` of this name."""
    found = set()
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {name, name.rpartition(".")[2]}:
                found.add(file.relative_to(PACKAGE).as_posix())
    return found


def imports(name: str) -> set[str]:
    found = set()
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(each == name or each.startswith(f"{name}.") for each in names):
                found.add(file.relative_to(PACKAGE).as_posix())
    return found


def test_pickles_are_known_to_the_worker_alone():
    assert {file.split("/")[0] for file in imports("pickle")} <= {"worker"}


def test_nothing_is_given_to_a_shell_by_us():
    text = {file: file.read_text() for file in FILES}
    assert [str(file) for file, code in text.items() if "shell=True" in code or "os.system(" in code] == []


def test_no_predictable_name_is_used_for_a_temporary_file():
    assert calls("tempfile.mktemp") == set()


def test_no_text_is_evaluated_as_python():
    ours = {"core/dataclass.py"}  # the text of an `__init__` that it wrote itself, as the standard library does
    assert calls("eval") | calls("exec") == ours


def test_yaml_is_never_loaded_into_objects():
    assert not any('typ="unsafe"' in file.read_text() or "unsafe_load" in file.read_text() for file in FILES)


def test_only_the_command_line_prints():
    assert {file.split("/")[0] for file in calls("print")} <= {"cli"}
