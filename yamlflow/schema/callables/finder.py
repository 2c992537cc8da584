"""`module:callable` to what is known about it: found with its signature, proven missing, or unknown.

Follows imports, re-exports, plain aliases, classes and their bases through
source. A proof of absence is only given when every place that could bind the
name was read; anything else is Unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.callables.annotations import judge_annotation
from yamlflow.schema.callables.modules import Binding, Module, Modules
from yamlflow.schema.callables.signatures import (
    FunctionNode,
    Judge,
    Kind,
    Parameter,
    Signature,
    describe,
    is_generator,
    make_parameter,
    read_arguments,
)

_MAX_HOPS = 24
_HARMLESS = frozenset({"cache", "lru_cache", "no_type_check", "override", "final"})
_PLAIN_BASES = frozenset({"object", "Generic", "Protocol", "ABC"})


@dataclass(frozen=True, slots=True)
class Found:
    """It exists. `signature` is None when its parameters cannot be read (a decorator, a compiled base)."""

    signature: Signature | None


@dataclass(frozen=True, slots=True)
class Missing:
    """It does not exist, or is no callable: `what` says which part, `name` is that part, `within` where it was sought.

    `what`: module · file · attribute · not_callable (`name` says what it is) ·
    instance_method · syntax (`name` is the reason).
    """

    what: str
    name: str
    within: str
    candidates: tuple[str, ...] = ()
    file: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing can be said without running code."""

    reason: str


Result = Found | Missing | Unknown


@dataclass(frozen=True, slots=True)
class _Spot:
    """An object inside a module: the statement that makes it. `node` None: a module itself."""

    module: Module
    node: ast.AST | None


class Finder:
    """Finds callables under these roots; every module is read once per Finder."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._modules = Modules(roots)
        self._results: dict[tuple[str, bool], Result] = {}

    def find(self, reference: str, *, installed: bool = True) -> Result:
        """What is known about `package.module:callable` or `file.py:callable`.

        With `installed` False the step runs where other packages are installed:
        absence of a module that is not first-party proves nothing.
        """
        key = (reference, installed)
        if key not in self._results:
            self._results[key] = self._find(reference, installed)
        return self._results[key]

    def _find(self, reference: str, installed: bool) -> Result:
        where, _, path = reference.partition(":")
        module = self._module(where, installed)
        if not isinstance(module, Module):
            return module
        if module.broken and module.first_party:
            return Missing("syntax", module.broken, where, file=str(module.file), line=module.broken_line)
        found = self._attribute(module, path.split("."), 0)
        return self._describe(found, where, path) if isinstance(found, _Spot) else found

    def _module(self, where: str, installed: bool) -> Module | Missing | Unknown:
        if where.endswith(".py"):
            return self._file(where)
        module = self._modules.named(where)
        if module is None:
            return Unknown("its module is not readable Python source")
        if isinstance(module, Module):
            return module if installed or module.first_party else Unknown("it is installed elsewhere")
        outside = not module.within or not _is_first_party(self._modules.named(module.within))
        if outside and not installed:
            return Unknown("it is installed elsewhere")
        return Missing("module", module.missing, module.within, module.near)

    def _file(self, where: str) -> Module | Missing:
        for root in self._modules.roots:
            if (root / where).is_file():
                return self._modules.at(root / where)
        near = tuple(dict.fromkeys(path.name for path in self._modules.files_near()))
        return Missing("file", where, "", near)

    def _attribute(self, module: Module, path: Sequence[str], hops: int) -> _Spot | Missing | Unknown:
        """The object `a.b.c` inside a module."""
        name, *rest = path
        if hops > _MAX_HOPS:
            return Unknown("its imports go in a circle")
        binding = module.names.get(name)
        if binding is None:
            return self._unbound(module, path, hops)
        spot = self._follow(module, binding, hops)
        return spot if isinstance(spot, Missing | Unknown) or not rest else self._inside(spot, rest, hops)

    def _unbound(self, module: Module, path: Sequence[str], hops: int) -> _Spot | Missing | Unknown:
        name, *rest = path
        for star in module.stars:
            source = self._imported_module(module, star)
            if not isinstance(source, Module):
                return Unknown("a star import hides it")
            found = self._attribute(source, path, hops + 1)
            if not isinstance(found, Missing):
                return found
        if module.package and isinstance(child := self._modules.named(f"{module.name}.{name}"), Module):
            spot = _Spot(child, None)
            return self._inside(spot, rest, hops) if rest else spot
        if module.dynamic or (module.file is None and not module.package):
            return Unknown("its module makes names at run time")
        public = tuple(item for item in module.names if not item.startswith("_"))
        return Missing("attribute", name, module.name, public, str(module.file or ""))

    def _follow(self, module: Module, binding: Binding, hops: int) -> _Spot | Missing | Unknown:
        """What a binding stands for, through imports and plain `a = b`."""
        node = binding.node
        match node:
            case None:
                return Unknown("it is bound in more than one place")
            case ast.Import():
                assert binding.alias is not None
                name = binding.alias.name if binding.alias.asname else binding.alias.name.partition(".")[0]
                found = self._modules.named(name)
                return _Spot(found, None) if isinstance(found, Module) else Unknown("it is imported from elsewhere")
            case ast.ImportFrom():
                assert binding.alias is not None
                return self._imported_name(module, node, binding.alias.name, hops)
            case ast.Name(id=other) if other in module.names:
                return self._attribute(module, [other], hops + 1)
            case _:
                return _Spot(module, node)

    def _imported_name(self, module: Module, node: ast.ImportFrom, name: str, hops: int) -> _Spot | Missing | Unknown:
        source = self._imported_module(module, node)
        if not isinstance(source, Module):
            return Unknown("it is imported from elsewhere")
        if source is module:  # `from . import name` in a package: the module of that name
            child = self._modules.named(f"{source.name}.{name}")
            return _Spot(child, None) if isinstance(child, Module) else Unknown("it is imported from elsewhere")
        found = self._attribute(source, [name], hops + 1)
        return (
            Unknown("it is imported from elsewhere") if isinstance(found, Missing) and not source.first_party else found
        )

    def _imported_module(self, module: Module, node: ast.ImportFrom) -> Module | None:
        name = node.module or ""
        if node.level:
            base = module.name.split(".") if module.package else module.name.split(".")[:-1]
            base = base[: len(base) - (node.level - 1)]
            name = ".".join([*base, name] if name else base)
        found = self._modules.named(name) if name else None
        return found if isinstance(found, Module) else None

    def _inside(self, spot: _Spot, path: Sequence[str], hops: int) -> _Spot | Missing | Unknown:
        if spot.node is None:
            return self._attribute(spot.module, path, hops + 1)
        if isinstance(spot.node, ast.ClassDef):
            return self._member(spot, spot.node, path, hops)
        return Unknown("it is an attribute of an object")

    def _member(self, spot: _Spot, node: ast.ClassDef, path: Sequence[str], hops: int) -> _Spot | Missing | Unknown:
        name, *rest = path
        classes, complete = self._lineage(spot.module, node, hops)
        for module, owner in classes:
            for statement in reversed(owner.body):
                if getattr(statement, "name", "") == name:
                    inner = _Spot(module, statement)
                    return self._inside(inner, rest, hops + 1) if rest else self._method(inner)
            if any(isinstance(item, ast.Assign | ast.AnnAssign) and _binds(item, name) for item in owner.body):
                return Unknown("it is an attribute of a class")
        if not complete:
            return Unknown("a base class may have it")
        methods = tuple(
            getattr(item, "name", "") for _, owner in classes for item in owner.body if hasattr(item, "name")
        )
        return Missing("attribute", name, node.name, tuple(item for item in methods if not item.startswith("_")))

    def _method(self, spot: _Spot) -> _Spot | Missing:
        node = spot.node
        if isinstance(node, FunctionNode) and not _decorated(node, "staticmethod", "classmethod"):
            if node.decorator_list:
                return spot
            return Missing("instance_method", node.name, "", file=str(spot.module.file), line=node.lineno)
        return spot

    def _lineage(self, module: Module, node: ast.ClassDef, hops: int) -> tuple[list[tuple[Module, ast.ClassDef]], bool]:
        """The class and its bases that can be read, nearest first; False when some cannot."""
        found, complete = [(module, node)], not node.keywords
        for base in node.bases:
            name = _dotted(base.value if isinstance(base, ast.Subscript) else base)
            if name and name.split(".")[-1] in _PLAIN_BASES:
                continue
            target = self._attribute(module, name.split("."), hops + 1) if name and hops < _MAX_HOPS else None
            if isinstance(target, _Spot) and isinstance(target.node, ast.ClassDef) and target.node is not node:
                more, whole = self._lineage(target.module, target.node, hops + 2)
                found, complete = found + more, complete and whole
            else:
                complete = False
        return found, complete

    # ------------------------------------------------------------ signatures

    def _describe(self, spot: _Spot, where: str, path: str) -> Result:
        node = spot.node
        match node:
            case None:
                return Missing("not_callable", "a module", where, file=str(spot.module.file or ""))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return Found(self._function(spot.module, node, path))
            case ast.ClassDef():
                return Found(self._class(spot.module, node))
            case ast.Lambda():
                judge = self._judge(spot.module)
                text = describe(path, node.args, f"{path} = lambda")
                return Found(
                    Signature(path, read_arguments(node.args, judge), text, str(spot.module.file), node.lineno)
                )
            case ast.Constant() | ast.List() | ast.Tuple() | ast.Dict() | ast.Set() | ast.JoinedStr():
                line = getattr(node, "lineno", 1)
                return Missing("not_callable", _KINDS[type(node)], where, file=str(spot.module.file or ""), line=line)
            case _:
                return Found(None)

    def _judge(self, module: Module) -> Judge:
        def resolve(name: str) -> tuple[Module, ast.AST | None] | None:
            found = self._attribute(module, name.split("."), 0)
            return (found.module, found.node) if isinstance(found, _Spot) else None

        return lambda annotation: judge_annotation(annotation, module, resolve)

    def _function(self, module: Module, node: FunctionNode, path: str) -> Signature | None:
        names = {_decorator_name(item) for item in node.decorator_list}
        if not names <= _HARMLESS | {"staticmethod", "classmethod"}:
            return None
        parameters = read_arguments(node.args, self._judge(module))
        skip = 1 if "classmethod" in names else 0
        return Signature(
            name=path,
            parameters=parameters[skip:],
            text=describe(node.name, node.args, "async def" if isinstance(node, ast.AsyncFunctionDef) else "def", skip),
            file=str(module.file),
            line=node.lineno,
            returns=ast.unparse(node.returns) if node.returns is not None else "",
            generator=is_generator(node),
        )

    def _class(self, module: Module, node: ast.ClassDef) -> Signature | None:
        if any(_decorator_name(item) != "dataclass" for item in node.decorator_list):
            return None
        classes, complete = self._lineage(module, node, 0)
        for at, (owner_module, owner) in enumerate(classes):
            names = {getattr(item, "name", ""): item for item in owner.body}
            if "__new__" in names:
                return None
            init = names.get("__init__")
            if isinstance(init, FunctionNode) and not init.decorator_list:
                return self._init(owner_module, node, init)
            if any(_decorator_name(item) == "dataclass" for item in owner.decorator_list):
                return self._dataclass(classes[at:], node, module) if complete else None
        return Signature(node.name, (), f"class {node.name}()", str(module.file), node.lineno) if complete else None

    def _init(self, module: Module, node: ast.ClassDef, init: FunctionNode) -> Signature:
        parameters = read_arguments(init.args, self._judge(module))[1:]
        text = describe(node.name, init.args, "class", 1)
        return Signature(node.name, parameters, text, str(module.file), node.lineno)

    def _dataclass(
        self, classes: Sequence[tuple[Module, ast.ClassDef]], node: ast.ClassDef, module: Module
    ) -> Signature | None:
        fields: dict[str, Parameter] = {}
        for owner_module, owner in reversed(classes):
            if not any(_decorator_name(item) == "dataclass" for item in owner.decorator_list):
                continue
            judge = self._judge(owner_module)
            for item in owner.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    if not _is_init_field(item):
                        continue
                    kind = Kind.KEYWORD_ONLY if _is_keyword_only(owner) else Kind.NORMAL
                    fields[item.target.id] = make_parameter(
                        item.target.id, kind, item.annotation, _field_default(item.value), judge
                    )
        shown = ", ".join(f"{item.name}: {item.annotation}" for item in fields.values())
        return Signature(
            node.name, tuple(fields.values()), f"class {node.name}({shown})", str(module.file), node.lineno
        )


_KINDS = {
    ast.Constant: "a constant",
    ast.List: "a list",
    ast.Tuple: "a tuple",
    ast.Dict: "a dict",
    ast.Set: "a set",
    ast.JoinedStr: "a string",
}


def _is_first_party(module: object) -> bool:
    return isinstance(module, Module) and module.first_party


def _decorated(node: FunctionNode, *names: str) -> bool:
    return any(_decorator_name(item) in names for item in node.decorator_list)


def _decorator_name(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return _dotted(target).rpartition(".")[2]


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            base = _dotted(value)
            return f"{base}.{attr}" if base else ""
        case _:
            return ""


def _binds(statement: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _is_keyword_only(node: ast.ClassDef) -> bool:
    for item in node.decorator_list:
        if isinstance(item, ast.Call):
            for keyword in item.keywords:
                if keyword.arg == "kw_only" and isinstance(keyword.value, ast.Constant):
                    return bool(keyword.value.value)
    return False


def _is_init_field(item: ast.AnnAssign) -> bool:
    text = ast.unparse(item.annotation)
    if "ClassVar" in text or text.endswith("KW_ONLY"):
        return False
    if isinstance(item.value, ast.Call) and _decorator_name(item.value) == "field":
        return not any(
            keyword.arg == "init" and isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            for keyword in item.value.keywords
        )
    return True


def _field_default(value: ast.expr | None) -> ast.expr | None:
    """The default a `field(...)` call gives, or the plain one."""
    if not (isinstance(value, ast.Call) and _decorator_name(value) == "field"):
        return value
    return next((item.value for item in value.keywords if item.arg in ("default", "default_factory")), None)
