"""Every condition of the scheduler turned round, one at a time: does a test notice?

`python -m tests.mutants.guards [MODULE...]` prints what nothing noticed, in the form of survivors.txt.

A mutant is a changed function of a loaded module: the tests are collected once, and a fork runs them with the new
code in place, until the first one fails. One that runs for ever, or dies, was noticed.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NoReturn

import pytest

from tests.simulation.launcher import memory
from tests.simulation.simulate import Counts, simulate

ROOT = Path(__file__).parents[2]
MODULES = ("scheduler", "pools", "attempts", "fans", "verdicts")
TESTS = tuple(
    str(path)
    for path in sorted((ROOT / "tests" / "core").glob("test_*.py"))
    if not path.name.startswith(("test_expressions", "test_naming", "test_dataclass", "test_fingerprint"))
)
SEEDS = range(100, 130)
LIMIT = 20
"""Seconds of a core that a mutant may use."""

_OTHER: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """`name` has no line numbers: it stays while its condition does. `path` is where its function is."""

    name: str
    path: str
    code: CodeType


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module of core, in the order of its text."""
    source = inspect.getsource(importlib.import_module(f"yamlflow.core.{module}"))
    tree = ast.parse(source)
    found: list[Mutant] = []
    for path, function in _functions(tree.body, ""):
        seen: dict[str, int] = {}
        for index, (was, now, changed) in enumerate(_variants(function)):
            said = f"{was} ⇒ {now}"
            seen[said] = seen.get(said, 0) + 1
            again = f" #{seen[said]}" if seen[said] > 1 else ""
            code = _compiled(tree, function, changed, path, f"<mutant {index}>")
            found.append(Mutant(f"{module}.{path}: {said}{again}", path, code))
    return found


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield f"{prefix}{node.name}", node


def _variants(function: ast.FunctionDef) -> Iterator[tuple[str, str, ast.FunctionDef]]:
    """A condition as it was, as it is now, and the whole function with it."""
    for place, node in enumerate(ast.walk(function)):
        for index in range(len(_turned(node))):
            changed = copy.deepcopy(function)
            target = next(found for at, found in enumerate(ast.walk(changed)) if at == place)
            old, field, new = _turned(target)[index]
            was, now = ast.unparse(old), ast.unparse(new)
            _put(target, field, old, new)
            yield was, now, ast.fix_missing_locations(changed)


def _turned(node: ast.AST) -> list[tuple[Any, str, Any]]:
    """What may be changed right below a node: (the old expression, its field, the new one)."""
    found: list[tuple[Any, str, Any]] = []
    for field in ("test", "guard", "value", "elt", "left", "operand"):
        old = getattr(node, field, None)
        if isinstance(old, ast.expr):
            found += [(old, field, new) for new in _new(old, condition=field in ("test", "guard"))]
    for field in ("ifs", "values", "args", "comparators"):
        parts = getattr(node, field, None)
        for old in parts if isinstance(parts, list) else ():
            if isinstance(old, ast.expr):
                found += [(old, field, new) for new in _new(old, condition=field == "ifs")]
    return [] if isinstance(node, ast.Assert) else found


def _new(old: ast.expr, *, condition: bool) -> list[ast.expr]:
    match old:
        case ast.BoolOp(op=op, values=values):
            other: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            return [ast.BoolOp(other, values)]
        case ast.Compare(left=left, ops=[op], comparators=comparators) if type(op) in _OTHER:
            return [ast.Compare(left, [_OTHER[type(op)]()], comparators)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [operand]
        case ast.Constant(value=bool(value)) if not condition:
            return [ast.Constant(not value)]
        case _:
            return [ast.UnaryOp(ast.Not(), old)] if condition else []


def _put(target: Any, field: str, old: ast.expr, new: ast.expr) -> None:
    value = getattr(target, field)
    if isinstance(value, list):
        value[next(index for index, part in enumerate(value) if part is old)] = new
    else:
        setattr(target, field, new)


def _compiled(tree: ast.Module, function: ast.FunctionDef, changed: ast.FunctionDef, path: str, name: str) -> CodeType:
    """The code of the changed function, compiled where it stands: `super()` and the like keep their meaning."""
    swapped = ast.Module([_with(node, function, changed) for node in tree.body], [])
    return _inside(compile(swapped, name, "exec"), path.split("."))


def _with(node: Any, function: ast.FunctionDef, changed: ast.FunctionDef) -> Any:
    if node is function:
        return changed
    if isinstance(node, ast.ClassDef):
        return ast.ClassDef(
            **{name: getattr(node, name) for name in node._fields if name != "body" and hasattr(node, name)},
            body=[_with(inner, function, changed) for inner in node.body],
            lineno=node.lineno,
            col_offset=node.col_offset,
        )
    return node


def _inside(code: CodeType, path: list[str]) -> CodeType:
    for name in path:
        code = next(const for const in code.co_consts if isinstance(const, CodeType) and const.co_name == name)
    return code


def install(module: str, mutant: Mutant) -> None:
    """Put the changed code into the loaded function."""
    found: Any = importlib.import_module(f"yamlflow.core.{module}")
    for name in mutant.path.split("."):
        found = inspect.getattr_static(found, name) if inspect.isclass(found) else getattr(found, name)
    while not isinstance(found, FunctionType):
        found = getattr(found, "__wrapped__", None) or getattr(found, "__func__", None) or found.fget
    found.__code__ = mutant.code


class Mutator:
    """A plugin: instead of running the collected tests once, it runs them for each mutant, in a fork."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.survivors: list[str] = []
        self.count = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        assert session.items and not session.testsfailed
        assert not self._noticed(session, None), "the tests fail unchanged"
        for mutant in mutants(self.module):
            self.count += 1
            if not self._noticed(session, mutant):
                self.survivors.append(mutant.name)
        return True

    def _noticed(self, session: pytest.Session, mutant: Mutant | None) -> bool:
        pid = os.fork()
        if pid == 0:
            self._live(session, mutant)
        return os.waitpid(pid, 0)[1] != 0

    def _live(self, session: pytest.Session, mutant: Mutant | None) -> NoReturn:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in (1, 2):
                os.dup2(nothing, number)
            if mutant is not None:
                install(self.module, mutant)
            for item in session.items:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                if session.testsfailed:
                    return
            simulated()
            status = 0
        finally:
            os._exit(status)


def simulated() -> None:
    """Some seeds of the simulation."""
    with tempfile.TemporaryDirectory() as place:
        counts, connection = Counts(), memory(Path(place))
        for seed in SEEDS:
            simulate(seed, Path(place), connection, counts)


def judge(module: str) -> tuple[int, list[str]]:
    """How many mutants of a module there are, and the names of those that nothing noticed."""
    mutator = Mutator(module)
    code = pytest.main(
        ["-o", "addopts=--import-mode=importlib", "-p", "no:terminal", "-p", "no:cacheprovider", "--timeout=0", *TESTS],
        plugins=[mutator],
    )
    assert code == 0, code
    return mutator.count, mutator.survivors


def survivors() -> dict[str, str]:
    """The mutants that may survive, with the reason."""
    lines = (Path(__file__).with_name("survivors.txt")).read_text().splitlines()
    pairs = (line.rsplit(" | ", 1) for line in lines if line and not line.startswith("#"))
    return {name.strip(): reason.strip() for name, reason in pairs}


if __name__ == "__main__":
    for chosen in sys.argv[1:] or MODULES:
        total, alive = judge(chosen)
        print(f"# {chosen}: {total - len(alive)} of {total} killed")
        print("\n".join(alive), flush=True)
