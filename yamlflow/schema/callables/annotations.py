"""What an annotation says about None, read from its source.

Aliases are followed; what cannot be followed is unknown (None), so that no one
is told off for a name we could not read.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from yamlflow.schema.callables.modules import Module
from yamlflow.schema.callables.signatures import Verdict

Resolve = Callable[[str], "tuple[Module, ast.AST | None] | None"]
_MAX_DEPTH = 12
_ADMITS_ALL = frozenset({"Any", "object", "Optional", "None", "NoneType", "Unused"})
_WRAPPERS = frozenset({"Annotated", "Final", "ClassVar", "Required", "NotRequired"})


def judge_annotation(annotation: ast.expr, module: Module, resolve: Resolve) -> Verdict:
    """Whether the annotation admits None, and whether it is yamlflow's Context."""
    parsed = _unquoted(annotation)
    if parsed is None:
        return Verdict(allows_none=None)
    return Verdict(_admits_none(parsed, resolve, 0), any(_is_context(leaf, module) for leaf in _members(parsed)))


def _unquoted(node: ast.expr) -> ast.expr | None:
    """The expression inside a string annotation; None when it is not one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            return None
    return node


def _admits_none(node: ast.expr, resolve: Resolve, depth: int) -> bool | None:
    if depth > _MAX_DEPTH:
        return None
    match node:
        case ast.Constant(value=None):
            return True
        case ast.Constant(value=str()):
            inner = _unquoted(node)
            return _admits_none(inner, resolve, depth + 1) if inner is not None else None
        case ast.BinOp(op=ast.BitOr()):
            return _either([node.left, node.right], resolve, depth)
        case ast.Subscript():
            return _subscript(node, resolve, depth)
        case ast.Name() | ast.Attribute():
            return _named(node, resolve, depth)
        case _:
            return None


def _either(parts: list[ast.expr], resolve: Resolve, depth: int) -> bool | None:
    answers = [_admits_none(part, resolve, depth + 1) for part in parts]
    if True in answers:
        return True
    return None if None in answers else False


def _subscript(node: ast.Subscript, resolve: Resolve, depth: int) -> bool | None:
    name = _last(node.value)
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Optional":
        return True
    if name == "Union":
        return _either(parts, resolve, depth)
    if name in _WRAPPERS and parts:
        return _admits_none(parts[0], resolve, depth + 1)
    if name == "Literal":
        return any(isinstance(part, ast.Constant) and part.value is None for part in parts)
    return False


def _named(node: ast.Name | ast.Attribute, resolve: Resolve, depth: int) -> bool | None:
    if _last(node) in _ADMITS_ALL:
        return True
    found = resolve(ast.unparse(node))
    if found is None or found[1] is None or isinstance(found[1], ast.ClassDef):
        return False
    alias = found[1]
    if isinstance(alias, ast.BinOp | ast.Subscript | ast.Name | ast.Attribute):
        return _admits_none(alias, resolve, depth + 1)
    return None


def _members(node: ast.expr) -> list[ast.expr]:
    """The members of a union, or the annotation itself."""
    if isinstance(node, ast.BinOp):
        return [*_members(node.left), *_members(node.right)]
    if isinstance(node, ast.Subscript) and _last(node.value) in ("Optional", "Union", "Annotated"):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return [leaf for part in parts for leaf in _members(part)]
    return [node]


def _is_context(node: ast.expr, module: Module) -> bool:
    """`Context` imported from yamlflow, or `yamlflow.Context`, under whatever name."""
    head, _, attribute = ast.unparse(node).strip("'\"").partition(".")
    binding = module.names.get(head)
    if binding is None or binding.alias is None:
        return False
    if isinstance(binding.node, ast.ImportFrom):
        origin = binding.node.module or ""
        return binding.alias.name == "Context" and not attribute and origin.split(".")[0] == "yamlflow"
    return binding.alias.name == "yamlflow" and attribute == "Context"


def _last(node: ast.expr) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))
