"""Text in, tree out: the subset of Python that an expression may be.

Python's `ast` reads the text (never compiled, never run); the decoder below
lets through what the language has and refuses the rest, node by node, with
what to write instead. Anything may come in; only ExpressionError goes out.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions import faults, scanner
from yamlflow.core.expressions.faults import ExpressionError, nearest
from yamlflow.core.expressions.functions import FUNCTIONS, refused_function
from yamlflow.core.expressions.nodes import (
    Arithmetic,
    Call,
    Comparison,
    Conditional,
    DictDisplay,
    Field,
    Item,
    Junction,
    ListDisplay,
    Literal,
    Not,
    Root,
    Sign,
    Slice,
    Tree,
    children,
)
from yamlflow.core.expressions.operators import MAX_BITS
from yamlflow.core.expressions.references import STATUS_FUNCTIONS, Reference, find_references, static_reference
from yamlflow.core.expressions.refusals import FOREIGN_NAMES, METHODS, REFUSED_NODES, REFUSED_OPERATORS

ROOTS = frozenset({"params", "steps", "each", "inputs", "run", "env"})
"""Every root there is; which of them may be used where is the caller's to say."""

CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}

MAX_LENGTH = 2_000
MAX_DEPTH = 80

_DOUBTFUL = re.compile(r"\\|\d[^\W\d]")
"""What today's Python warns of and a later one refuses ("\\d", `1or x`): refused here."""

_ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}

_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "==",
    ast.IsNot: "!=",
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: its text, its tree, and every reference in it in order of appearance."""

    text: str
    tree: Tree
    references: tuple[Reference, ...]


def parse(text: str, roots: Collection[str] = ROOTS) -> Expression:
    """The expression in `text`; ExpressionError when it is none, or names a root that is not among `roots`."""
    return _parse(text, frozenset(roots))


@lru_cache(maxsize=4096)
def _parse(text: str, roots: frozenset[str]) -> Expression:
    if len(text) > MAX_LENGTH:
        hint = "let a step compute it"
        raise ExpressionError(
            f"an expression has at most {MAX_LENGTH:,} characters", MAX_LENGTH, len(text), hint, faults.LIMIT
        )
    scanner.check(text)
    python = _read(text)
    try:
        tree = _Decoder(text, roots).value(python)
        return Expression(text, tree, tuple(find_references(tree)))
    except RecursionError:  # where the caller is deep in its own stack already
        raise _too_deep(0, len(text)) from None


def _read(text: str) -> ast.expr:
    """What Python makes of the text; brackets around it let it run over several lines."""
    try:
        if not _DOUBTFUL.search(text):
            return ast.parse(f"({text}\n)", mode="eval").body
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return ast.parse(f"({text}\n)", mode="eval").body
    except SyntaxError as error:
        raise _explained(text, error) from None
    except (RecursionError, MemoryError):
        raise _too_deep(0, len(text)) from None
    except (ValueError, OverflowError, Warning) as error:
        reason = "a character that no text has" if isinstance(error, UnicodeError) else str(error)
        raise ExpressionError(f"this is no expression: {reason}", 0, len(text)) from None


def _too_deep(start: int, end: int) -> ExpressionError:
    hint = "use sum([...]), any([...]) or all([...]) for many terms, or let a step compute it"
    return ExpressionError(f"nested more than {MAX_DEPTH} levels deep", start, end, hint, faults.LIMIT)


def _explained(text: str, error: SyntaxError) -> ExpressionError:
    """Python's refusal in our words when a habit explains it, else in Python's own."""
    habit = scanner.hint_for(text)
    if habit is not None:
        token, message, hint = habit
        return token.refused(message, hint)
    lines = _line_starts(text)
    start = min(_offset(lines, error.lineno, error.offset, len(text)), len(text.rstrip()) - 1)
    end = max(min(_offset(lines, error.end_lineno, error.end_offset, len(text)), len(text.rstrip())), start + 1)
    if "Maybe you meant '=='" in (error.msg or ""):
        return ExpressionError("`=` assigns; nothing can be assigned here", start, end, "write `==` to compare")
    if "Perhaps you forgot a comma" in (error.msg or ""):
        return ExpressionError("an operator or a comma is missing", start, end)
    return ExpressionError(_python_says(error), start, end)


def _python_says(error: SyntaxError) -> str:
    message = (error.msg or "invalid syntax").partition(" (<")[0]
    return "this is no expression" if message.startswith("invalid syntax") else f"this is no expression: {message}"


def _line_starts(text: str) -> list[int]:
    """Offsets where lines begin, with line breaks as Python's parser sees them."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]


def _offset(lines: list[int], line: int | None, column: int | None, length: int) -> int:
    """A 1-based place in the text that Python was given: one bracket, then ours."""
    if not line or column is None:
        return 0
    if line > len(lines):
        return length
    return max(0, min(lines[line - 1] + max(column, 1) - 1 - (line == 1), length))


class _Decoder:
    """One pass over Python's tree: each kind of node has its method, every other kind is refused."""

    def __init__(self, text: str, roots: frozenset[str]) -> None:
        self._roots = roots
        self._length = len(text)
        self._lines = _line_starts(text)
        self._bytes = None if text.isascii() else [line.encode() for line in _lines(text, self._lines)]
        self._depth = 0
        self._methods: Mapping[type[ast.AST], Callable[[Any, int, int], Tree]] = {
            ast.Constant: self._literal,
            ast.Name: self._name,
            ast.Attribute: self._field,
            ast.Subscript: self._item,
            ast.List: self._list,
            ast.Dict: self._dict,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._arithmetic,
            ast.Compare: self._comparison,
            ast.BoolOp: self._junction,
            ast.IfExp: self._conditional,
            ast.Call: self._call,
        }

    def decode(self, node: ast.expr) -> Tree:
        start, end = self._span(node)
        method = self._methods.get(type(node))
        if method is None:
            raise _refused(node, start, end)
        if self._depth >= MAX_DEPTH:
            raise _too_deep(start, end)
        self._depth += 1
        try:
            return method(node, start, end)
        finally:
            self._depth -= 1

    def _span(self, node: ast.expr | ast.keyword) -> tuple[int, int]:
        start = self._place(node.lineno, node.col_offset)
        return start, self._place(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def _place(self, line: int, column: int) -> int:
        """Python counts bytes of UTF-8, and the bracket before the first line; we count characters."""
        column -= line == 1
        if self._bytes is not None and line <= len(self._bytes):
            column = len(self._bytes[line - 1][: max(column, 0)].decode(errors="ignore"))
        place = self._lines[line - 1] + column if line <= len(self._lines) else self._length
        return max(0, min(place, self._length))

    def _literal(self, node: ast.Constant, start: int, end: int) -> Tree:
        value = node.value
        if type(value) is int and value.bit_length() > MAX_BITS:
            raise ExpressionError("this number is too large", start, end, code=faults.LIMIT)
        if value is None or type(value) in (bool, int, float, str):
            return Literal(start, end, value)
        raise ExpressionError(f"no {type(value).__name__} literals here", start, end)

    def _name(self, node: ast.Name, start: int, end: int) -> Tree:
        if node.id in CONSTANTS:
            return Literal(start, end, CONSTANTS[node.id])
        if node.id in self._roots:
            return Root(start, end, node.id)
        _refuse_dunder(node.id, start, end)
        raise ExpressionError(*self._unknown(node.id, start, end), faults.NAME)

    def _unknown(self, name: str, start: int, end: int) -> tuple[str, int, int, str]:
        if name in ROOTS:
            return f"`{name}` is not available here", start, end, f"known here: {', '.join(sorted(self._roots))}"
        if name in FUNCTIONS:
            return f"`{name}` is a function", start, end, f"call it: {FUNCTIONS[name].signature}"
        meant = FOREIGN_NAMES.get(name) or nearest(name, [*self._roots, *CONSTANTS], cutoff=0.7)
        if meant is not None:
            return f"unknown name `{name}`", start, end, f"did you mean `{meant}`?"
        known = ", ".join(f"{root}.NAME" for root in sorted(self._roots))
        return f"unknown name `{name}`", start, end, f"known here: {known or 'no names'}; text stands in quotes"

    def _field(self, node: ast.Attribute, start: int, end: int) -> Tree:
        _refuse_dunder(node.attr, max(start, end - len(node.attr)), end)
        return Field(start, end, self.decode(node.value), node.attr)

    def _item(self, node: ast.Subscript, start: int, end: int) -> Tree:
        target = self.decode(node.value)
        if isinstance(target, Root) and target.name == "steps" and not _is_constant_text(node.slice):
            raise ExpressionError("a step is named, not computed", *self._span(node.slice), "write steps.NAME")
        if isinstance(node.slice, ast.Slice):
            lower, upper, step = (self._maybe(part) for part in (node.slice.lower, node.slice.upper, node.slice.step))
            return Slice(start, end, target, lower, upper, step)
        if isinstance(node.slice, ast.Tuple):
            raise ExpressionError("one subscript at a time", *self._span(node.slice), "write x[0][1]")
        return Item(start, end, target, self.value(node.slice))

    def _maybe(self, node: ast.expr | None) -> Tree | None:
        return None if node is None else self.decode(node)

    def _list(self, node: ast.List, start: int, end: int) -> Tree:
        return ListDisplay(start, end, self._all(node.elts))

    def _all(self, nodes: list[ast.expr]) -> tuple[Tree, ...]:
        return tuple(self.value(node) for node in nodes)

    def value(self, node: ast.expr) -> Tree:
        """A node whose value is used; all steps at once are no value."""
        tree = self.decode(node)
        if isinstance(tree, Root) and tree.name == "steps":
            raise ExpressionError("all steps at once are no value", tree.start, tree.end, "write steps.NAME")
        return tree

    def _dict(self, node: ast.Dict, start: int, end: int) -> Tree:
        keys: list[Tree] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise ExpressionError("no `**` here", *self._span(value), "name the keys one by one")
            keys.append(self.value(key))
        return DictDisplay(start, end, tuple(keys), self._all(node.values))

    def _unary(self, node: ast.UnaryOp, start: int, end: int) -> Tree:
        if isinstance(node.op, ast.Invert):
            message, hint = REFUSED_OPERATORS[ast.Invert]
            raise ExpressionError(message, start, end, hint)
        operand = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return Not(start, end, operand)
        symbol = "-" if isinstance(node.op, ast.USub) else "+"
        if isinstance(operand, Literal) and type(operand.value) in (int, float):
            return Literal(start, end, -operand.value if symbol == "-" else operand.value)
        return Sign(start, end, symbol, operand)

    def _arithmetic(self, node: ast.BinOp, start: int, end: int) -> Tree:
        symbol = _ARITHMETIC.get(type(node.op))
        if symbol is None:
            message, hint = REFUSED_OPERATORS[type(node.op)]
            raise ExpressionError(message, start, end, hint)
        left = self.value(node.left)
        try:
            return Arithmetic(start, end, symbol, left, self.value(node.right))
        except ExpressionError as error:
            raise _hyphenated(error, node) from None

    def _comparison(self, node: ast.Compare, start: int, end: int) -> Tree:
        sides = self._all([node.left, *node.comparators])
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(op, (ast.Is, ast.IsNot)) and not (_is_null(left) or _is_null(right)):
                raise ExpressionError("`is` compares with null only", left.start, right.end, "write `==` or `!=`")
        return Comparison(start, end, sides[0], tuple(_COMPARISONS[type(op)] for op in node.ops), sides[1:])

    def _junction(self, node: ast.BoolOp, start: int, end: int) -> Tree:
        return Junction(start, end, "and" if isinstance(node.op, ast.And) else "or", self._all(node.values))

    def _conditional(self, node: ast.IfExp, start: int, end: int) -> Tree:
        return Conditional(start, end, *self._all([node.test, node.body, node.orelse]))

    def _call(self, node: ast.Call, start: int, end: int) -> Tree:
        name = self._function(node.func)
        keywords: list[tuple[str, Tree]] = []
        for keyword in node.keywords:
            if keyword.arg is None:
                raise ExpressionError("no star-arguments here", *self._span(keyword), "name the arguments")
            keywords.append((keyword.arg, self.value(keyword.value)))
        call = Call(start, end, name, self._all(node.args), tuple(keywords))
        problem = FUNCTIONS[name].misfit(len(call.arguments), [word for word, _ in keywords])
        if problem is not None:
            raise ExpressionError(problem, start, end, f"it is {FUNCTIONS[name].signature}", faults.ARGUMENTS)
        if name in STATUS_FUNCTIONS:
            _check_status(call)
        return call

    def _function(self, node: ast.expr) -> str:
        start, end = self._span(node)
        if isinstance(node, ast.Attribute):
            hint = f"write {METHODS[node.attr]}" if node.attr in METHODS else "call a function, or let a step do it"
            raise ExpressionError(f"no methods here: .{node.attr}()", max(start, end - len(node.attr)), end, hint)
        if not isinstance(node, ast.Name):
            raise ExpressionError("only functions can be called", start, end)
        if node.id in FUNCTIONS:
            return node.id
        _refuse_dunder(node.id, start, end)
        if node.id in ROOTS:
            raise ExpressionError(
                f"`{node.id}` is not a function", start, end, f"write {node.id}.NAME", faults.FUNCTION
            )
        raise ExpressionError(f"unknown function `{node.id}`", start, end, refused_function(node.id), faults.FUNCTION)


def _lines(text: str, starts: list[int]) -> list[str]:
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _refused(node: ast.expr, start: int, end: int) -> ExpressionError:
    kind = type(node).__name__
    if kind == "Set" and isinstance(node, ast.Set) and isinstance(node.elts[0], (ast.Set, ast.Dict)):
        return ExpressionError("no braces around an expression", start, end, "write it without {{ and }}")
    message, hint = REFUSED_NODES.get(kind, ("this is not part of the expression language", "let a step compute it"))
    return ExpressionError(message, start, end, hint)


def _refuse_dunder(name: str, start: int, end: int) -> None:
    if name.startswith("__"):
        raise ExpressionError(f"no names with two underscores here: {name}", start, end)


def _is_constant_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_null(node: Tree) -> bool:
    return isinstance(node, Literal) and node.value is None


def _hyphenated(error: ExpressionError, node: ast.BinOp) -> ExpressionError:
    """`steps.a-b` reads as a subtraction: say so when `b` is no name."""
    if error.code != faults.NAME or not isinstance(node.op, ast.Sub):
        return error
    left, right = node.left, node.right
    if not isinstance(left, ast.Attribute) or not isinstance(right, ast.Name) or left.end_col_offset is None:
        return error
    if right.col_offset - left.end_col_offset != 1:
        return error
    word = f"{left.attr}-{right.id}"
    return ExpressionError(
        error.message, error.start, error.end, f"`{word}` is a subtraction; names have `_`, not `-`", error.code
    )


def _check_status(call: Call) -> None:
    """The argument of status(), succeeded(), failed() is a step as such."""
    argument = children(call)[0]
    reference = static_reference(argument)
    if reference is None or reference.root != "steps" or len(reference.path) != 1:
        hint = f"write {call.function}(steps.NAME)"
        raise ExpressionError(f"{call.function}() asks about a step", argument.start, argument.end, hint, faults.TYPE)
