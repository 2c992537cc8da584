"""The static type of an expression, as far as it is certain.

A type is a set of names (`{"int", "float"}`: one of them), None is unknown.
Unknown in, unknown out: an error is only raised when no value of the known
types could work, so a correct file is never refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Union

from yamlflow.core.errors import unreachable
from yamlflow.core.expressions.faults import TYPE, ExpressionError
from yamlflow.core.expressions.functions import BOOL, DATE, FUNCTIONS, INT, LIST, NUMBER, TEXT, Function
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
from yamlflow.core.expressions.parser import Expression
from yamlflow.core.expressions.references import Reference, static_reference

StaticType = frozenset[str]
"""Any of: int float str bool list dict date datetime duration path none."""

Known = Union[StaticType, None]

_NAMES: Mapping[type, str] = {type(None): "none", bool: "bool", int: "int", float: "float", str: "str"}

_WORDS = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "a bool",
    "list": "a list",
    "dict": "a mapping",
    "date": "a date",
    "datetime": "a date with time",
    "duration": "a duration",
    "path": "a path",
    "none": "null",
}

_CONTAINERS = frozenset({"list", "dict", "str"})

_ORDERED: tuple[StaticType, ...] = (
    NUMBER,
    TEXT,
    frozenset({"duration"}),
    frozenset({"date", "str"}),
    frozenset({"datetime", "str"}),
)


def infer(expression: Expression, types: Callable[[Reference], Known]) -> Known:
    """The type of the whole expression, or None; ExpressionError (expression-type) when it cannot work.

    `types` gives the type of a reference, None when it is unknown.
    """
    return _Inference(types).of(expression.tree)


def describe_types(types: StaticType) -> str:
    """`a string or null`, for a message."""
    return " or ".join(_WORDS.get(name, name) for name in sorted(types))


class _Inference:
    def __init__(self, types: Callable[[Reference], Known]) -> None:
        self._types = types

    def of(self, node: Tree) -> Known:
        match node:
            case Literal(value=value):
                return frozenset({_NAMES[type(value)]})
            case Root() | Field() | Item() | Slice():
                return self._read(node)
            case ListDisplay():
                return self._walked(node, LIST)
            case DictDisplay():
                return self._walked(node, frozenset({"dict"}))
            case Not(operand=operand):
                return self._condition(operand, "`not`")
            case Sign(operand=operand):
                return self._expected(operand, NUMBER | {"duration"}, f"`{node.symbol}`")
            case Arithmetic():
                return self._arithmetic(node)
            case Comparison():
                return self._comparison(node)
            case Junction(word=word, operands=operands):
                for operand in operands:
                    self._condition(operand, f"`{word}`")
                return BOOL
            case Conditional():
                return self._conditional(node)
            case Call():
                return self._called(node)
            case _:
                raise unreachable(node)

    def _walked(self, node: Tree, result: Known) -> Known:
        for child in children(node):
            self.of(child)
        return result

    def _read(self, node: Root | Field | Item | Slice) -> Known:
        reference = static_reference(node)
        if reference is not None:
            return self._types(reference)
        below, *_ = [self.of(child) for child in children(node)]
        if isinstance(node, Slice) and below is not None and below <= _CONTAINERS:
            return below & {"list", "str"}
        return TEXT if isinstance(node, Item) and below == TEXT else None

    def _expected(self, node: Tree, accepted: StaticType, place: str) -> Known:
        """The type of a node, cut down to what is accepted; an error when nothing is left."""
        found = self.of(node)
        if found is None:
            return None
        if not found & accepted:
            raise _error(f"{place} does not work on {describe_types(found)}", node)
        return found & accepted

    def _condition(self, node: Tree, place: str) -> StaticType:
        found = self.of(node)
        if found is not None and "bool" not in found:
            raise _error(
                f"{place} takes true or false, not {describe_types(found)}", node, "compare it: x == ..., x > ..."
            )
        return BOOL

    def _arithmetic(self, node: Arithmetic) -> Known:
        left, right = self.of(node.left), self.of(node.right)
        if left is None or right is None:
            return self._half_known(node, left, right)
        results = frozenset(
            result for one in left for other in right if (result := _combined(node.symbol, one, other)) is not None
        )
        if results:
            return results
        message = f"`{node.symbol}` does not work on {describe_types(left)} and {describe_types(right)}"
        raise _error(message, node, _arithmetic_hint(node.symbol, left | right))

    def _half_known(self, node: Arithmetic, left: Known, right: Known) -> Known:
        """One side unknown: some partner must exist for the other."""
        every = frozenset(_WORDS)
        known, where = (left, node.left) if right is None else (right, node.right)
        if known is None:
            return None
        if not any(
            _combined(node.symbol, one, other) or _combined(node.symbol, other, one) for one in known for other in every
        ):
            raise _error(f"`{node.symbol}` does not work on {describe_types(known)}", where)
        return None

    def _comparison(self, node: Comparison) -> StaticType:
        sides = (node.first, *node.rest)
        kinds = [self.of(side) for side in sides]
        for position, symbol in enumerate(node.symbols):
            _check_comparison(symbol, kinds[position], kinds[position + 1], sides[position], sides[position + 1])
        return BOOL

    def _conditional(self, node: Conditional) -> Known:
        self._condition(node.condition, "`if`")
        yes, no = self.of(node.yes), self.of(node.no)
        return None if yes is None or no is None else yes | no

    def _called(self, node: Call) -> Known:
        function = FUNCTIONS[node.function]
        if function.name == "coalesce":
            return self._coalesced(node)
        if function.special:
            return function.returns
        for name, argument in function.bind(node.arguments, dict(node.keywords)).items():
            for one in argument if isinstance(argument, tuple) else (argument,):
                self._argument(function, name, one)
        return function.returns

    def _argument(self, function: Function, name: str, node: Any) -> None:
        found = self.of(node)
        accepted = function.accepts.get(name)
        if found is not None and accepted is not None and not found & accepted:
            message = f"{function.name}() takes {describe_types(accepted)} as `{name}`, not {describe_types(found)}"
            raise _error(message, node, f"it is {function.signature}")

    def _coalesced(self, node: Call) -> Known:
        kinds = [self.of(argument) for argument in node.arguments]
        known = [kind for kind in kinds if kind is not None]
        if len(known) < len(kinds):
            return None
        everything = frozenset[str]().union(*known)
        return everything if all("none" in kind for kind in known) else everything - {"none"}


def _error(message: str, node: Tree, hint: str | None = None) -> ExpressionError:
    return ExpressionError(message, node.start, node.end, hint, TYPE)


def _combined(symbol: str, left: str, right: str) -> str | None:
    """The type of `left symbol right`, or None when it does not work."""
    if left in NUMBER and right in NUMBER:
        return "float" if symbol == "/" or "float" in (left, right) else "int"
    if symbol == "+" and left == right and left in ("str", "list"):
        return left
    if symbol == "*" and {left, right} in ({"str", "int"}, {"list", "int"}):
        return right if left == "int" else left
    return _combined_dates(symbol, left, right)


def _combined_dates(symbol: str, left: str, right: str) -> str | None:
    if symbol in ("+", "-") and right == "duration" and left in DATE | {"duration"}:
        return left
    if symbol == "+" and left == "duration" and right in DATE:
        return right
    if symbol == "-" and left == right and left in DATE:
        return "duration"
    if symbol in ("*", "/") and left == "duration" and right in NUMBER:
        return "duration"
    if symbol == "*" and left in NUMBER and right == "duration":
        return "duration"
    if left == right == "duration" and symbol in ("/", "//", "%"):
        return {"/": "float", "//": "int", "%": "duration"}[symbol]
    return None


def _arithmetic_hint(symbol: str, kinds: StaticType) -> str | None:
    if symbol == "+" and kinds & TEXT and kinds & NUMBER:
        return 'text and numbers do not mix: write join("", [a, b])'
    return "write date_add(date, days=1)" if kinds & DATE and kinds & INT else None


def _check_comparison(symbol: str, left: Known, right: Known, first: Tree, second: Tree) -> None:
    if symbol in ("==", "!="):
        return
    if symbol in ("in", "not in"):
        if right is not None and not right & _CONTAINERS:
            raise _error(f"`in` looks into a list, a mapping or text, not {describe_types(right)}", second)
        return
    for kinds, node in ((left, first), (right, second)):
        if kinds is not None and not any(kinds & family for family in _ORDERED):
            raise _error(f"`{symbol}` cannot compare {describe_types(kinds)}", node)
    if left is not None and right is not None and not any(left & family and right & family for family in _ORDERED):
        message = f"`{symbol}` cannot compare {describe_types(left)} with {describe_types(right)}"
        raise ExpressionError(message, first.start, second.end, None, TYPE)
