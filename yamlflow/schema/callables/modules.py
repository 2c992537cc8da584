"""Modules found and read without importing them: files under the roots, then installed packages.

A module is its parsed source and the names its top level binds. Folders and
files are only looked at; nothing of the user's is executed. What Python could
only know by running it (compiled modules, `__getattr__`, star imports that
cannot be followed) makes a module *dynamic*: absence of a name proves nothing.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.callables.syntax import syntax

_MAX_BYTES = 4 * 1024 * 1024
_DYNAMIC_CALLS = frozenset({"globals", "vars", "exec", "eval", "setattr", "locals", "import_module"})


@dataclass(frozen=True, slots=True)
class Binding:
    """What binds a name; `node` is None when only its existence is known (several branches, a loop variable)."""

    node: ast.AST | None
    alias: ast.alias | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """A module's names. `package`: its folder when it is a package. `broken`: why its source cannot be read."""

    name: str
    file: Path | None
    package: tuple[Path, ...] = ()
    names: dict[str, Binding] = field(default_factory=dict)
    stars: tuple[ast.ImportFrom, ...] = ()
    dynamic: bool = False
    broken: str = ""
    broken_line: int = 1
    first_party: bool = False


@dataclass(frozen=True, slots=True)
class NoModule:
    """No module of that name. `within` is the part that exists; `near` are the names beside it."""

    missing: str
    within: str
    near: tuple[str, ...]


Where = Module | NoModule | None  # None: cannot be known


class Modules:
    """Every module that one load has looked at, read once."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(roots)
        self._installed = tuple(Path(entry) for entry in sys.path if entry and Path(entry).is_dir())
        self._known: dict[str, Where] = {}
        self._located: dict[str, Module | None] = {}
        self._files: dict[Path, Module] = {}

    def named(self, name: str) -> Where:
        """The module `a.b.c`: a Module, proof that there is none, or None when nothing can be said."""
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def located(self, name: str) -> Module | None:
        """Where the module `a.b.c` lies, its source unread: it binds no names here. None where there is none."""
        if name not in self._located:
            head, _, last = name.rpartition(".")
            parent = self.located(head) if head else None
            folders = parent.package if parent is not None else () if head else (*self.roots, *self._installed)
            found = _look(last, folders)
            if found is not None:
                ours = parent.first_party if parent is not None else found.folder in self.roots
                self._located[name] = Module(name, found.file, found.package, first_party=ours)
            else:
                self._located[name] = None if head or name in sys.builtin_module_names else _by_hook(name)
        return self._located[name]

    def at(self, file: Path) -> Module:
        """The module in this file, whatever its name."""
        file = file.absolute()
        if file not in self._files:
            self._files[file] = _read(file.stem, file, (), first_party=True)
        return self._files[file]

    def files_near(self) -> Iterator[Path]:
        """Python files beside the pipeline, for did-you-mean."""
        for root in self.roots:
            yield from _python_files(root)

    def _find(self, name: str) -> Where:
        head, _, last = name.rpartition(".")
        if not head:
            return self._top(name)
        parent = self.named(head)
        if not isinstance(parent, Module):
            return parent
        if not parent.package:
            return None if parent.dynamic else NoModule(last, head, ())
        found = _look(last, parent.package)
        if found is None:
            return None if parent.dynamic else NoModule(last, head, _children(parent.package))
        return _load(name, found, parent.first_party)

    def _top(self, name: str) -> Where:
        found = _look(name, (*self.roots, *self._installed))
        if found is not None:
            return _load(name, found, first_party=found.folder in self.roots)
        if name in sys.builtin_module_names:
            return None
        return _by_hook(name) or NoModule(name, "", _children(self.roots))


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a module lies: a source file, or a compiled one, and its folders when it is a package."""

    folder: Path
    file: Path | None
    package: tuple[Path, ...] = ()
    compiled: bool = False


def _look(name: str, folders: Sequence[Path]) -> _Spot | None:
    """As Python's own path finder: the first package or module wins, folders without `__init__` add up."""
    portions: list[Path] = []
    for folder in folders:
        base = folder / name
        if _is_file(base / "__init__.py"):
            return _Spot(folder, base / "__init__.py", (base,))
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            if _is_file(folder / f"{name}{suffix}"):
                return _Spot(folder, folder / f"{name}{suffix}", compiled=True)
        if _is_file(folder / f"{name}.py"):
            return _Spot(folder, folder / f"{name}.py")
        if _is_folder(base):
            portions.append(base)
    return _Spot(portions[0].parent, None, tuple(portions)) if portions else None


def _load(name: str, spot: _Spot, first_party: bool) -> Module:
    if spot.compiled:
        return Module(name, spot.file, dynamic=True)
    if spot.file is None:
        return Module(name, None, spot.package, first_party=first_party)
    return _read(name, spot.file, spot.package, first_party=first_party)


def _by_hook(name: str) -> Module | None:
    """A top-level module that only another import hook knows (an editable install)."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    folders = tuple(Path(entry) for entry in spec.submodule_search_locations or ())
    if spec.origin and spec.origin.endswith(".py"):
        return _read(name, Path(spec.origin), folders, first_party=False)
    return Module(name, None, folders, dynamic=True)


def _read(name: str, file: Path, package: tuple[Path, ...], *, first_party: bool) -> Module:
    try:
        if file.stat().st_size > _MAX_BYTES:
            return Module(name, file, package, dynamic=True, first_party=first_party)
        tree = syntax(file.read_bytes())
    except SyntaxError as error:
        why = f"line {error.lineno}: {error.msg}"
        return Module(
            name, file, package, dynamic=True, broken=why, broken_line=error.lineno or 1, first_party=first_party
        )
    except (OSError, ValueError, RecursionError, MemoryError):
        return Module(name, file, package, dynamic=True, first_party=first_party)
    names, stars, dynamic = _bindings(tree)
    return Module(name, file, package, names, tuple(stars), dynamic, first_party=first_party)


def _bindings(tree: ast.Module) -> tuple[dict[str, Binding], list[ast.ImportFrom], bool]:
    names: dict[str, Binding] = {}
    stars: list[ast.ImportFrom] = []
    for node, certain in _statements(tree.body, certain=True):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            stars.append(node)
        for name, binding in _bound_by(node):
            earlier = names.get(name)
            names[name] = binding if certain or earlier is None else Binding(None)
    dynamic = "__getattr__" in names or any(
        isinstance(node, ast.Name) and node.id in _DYNAMIC_CALLS for node in _top_level_names(tree)
    )
    return names, stars, dynamic


def _statements(body: Sequence[ast.stmt], *, certain: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement that runs at import, with those inside branches marked as uncertain."""
    for node in body:
        yield node, certain
        match node:
            case ast.If(test=test) if _is_type_checking(test):
                yield from _statements(node.body, certain=True)
                yield from _statements(node.orelse, certain=False)
            case ast.If() | ast.For() | ast.While():
                yield from _statements([*node.body, *node.orelse], certain=False)
            case ast.With():
                yield from _statements(node.body, certain=certain)
            case ast.Try():
                handlers = [statement for handler in node.handlers for statement in handler.body]
                yield from _statements([*node.body, *handlers, *node.orelse, *node.finalbody], certain=False)
            case ast.Match():
                yield from _statements([statement for case in node.cases for statement in case.body], certain=False)


def _is_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def _bound_by(node: ast.stmt) -> Iterator[tuple[str, Binding]]:
    """The names one statement binds."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            if not any(_last_name(item) == "overload" for item in node.decorator_list):
                yield node.name, Binding(node)
        case ast.Import() | ast.ImportFrom():
            yield from _imported(node)
        case ast.Assign():
            for target in node.targets:
                yield from _targets(target, node.value)
        case ast.AnnAssign(value=value) if value is not None:
            yield from _targets(node.target, value)
        case ast.For():
            yield from _targets(node.target, None)
        case ast.With():
            for target in (item.optional_vars for item in node.items if item.optional_vars is not None):
                yield from _targets(target, None)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Binding]]:
    for alias in node.names:
        name = alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
        if name != "*":
            yield alias.asname or name, Binding(node, alias)


def _targets(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, Binding]]:
    if isinstance(target, ast.Name):
        yield target.id, Binding(value)
        return
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, Binding(None)


def _last_name(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return getattr(target, "attr", getattr(target, "id", ""))


def _top_level_names(tree: ast.Module) -> Iterator[ast.AST]:
    """Nodes outside function and class bodies: what runs at import."""
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


def _python_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".py")
    except OSError:
        return []


def _children(folders: Sequence[Path]) -> tuple[str, ...]:
    """Names of the modules and packages directly inside these folders."""
    names: list[str] = []
    for folder in folders:
        names += [path.stem for path in _python_files(folder) if path.stem.isidentifier()]
        names += [path.name for path in _folders(folder) if _python_files(path)]
    return tuple(dict.fromkeys(name for name in names if not name.startswith("__")))


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.isidentifier() and path.is_dir())
    except OSError:
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
