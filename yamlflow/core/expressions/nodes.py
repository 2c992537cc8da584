"""The tree of an expression: a handful of node types, each with its span.

Positions are 0-based character offsets into the text, `end` exclusive. A tree
says nothing about values; parser builds it, evaluator and inference read it.
"""

from __future__ import annotations

from typing import Any, Union

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import unreachable


@dataclass(frozen=True, slots=True)
class Node:
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    value: Any


@dataclass(frozen=True, slots=True)
class Root(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Field(Node):
    """`target.name`."""

    target: Tree
    name: str


@dataclass(frozen=True, slots=True)
class Item(Node):
    """`target[key]`."""

    target: Tree
    key: Tree


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """`target[lower:upper:step]`."""

    target: Tree
    lower: Tree | None
    upper: Tree | None
    step: Tree | None


@dataclass(frozen=True, slots=True)
class ListDisplay(Node):
    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class DictDisplay(Node):
    keys: tuple[Tree, ...]
    values: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    operand: Tree


@dataclass(frozen=True, slots=True)
class Sign(Node):
    symbol: str
    operand: Tree


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    symbol: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`first symbol[0] rest[0] symbol[1] rest[1] …`, as in Python; `is null` is `== null`."""

    first: Tree
    symbols: tuple[str, ...]
    rest: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Junction(Node):
    """`and` or `or` over two or more operands."""

    word: str
    operands: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`yes if condition else no`."""

    condition: Tree
    yes: Tree
    no: Tree


@dataclass(frozen=True, slots=True)
class Call(Node):
    function: str
    arguments: tuple[Tree, ...]
    keywords: tuple[tuple[str, Tree], ...]


Tree = Union[
    Literal,
    Root,
    Field,
    Item,
    Slice,
    ListDisplay,
    DictDisplay,
    Not,
    Sign,
    Arithmetic,
    Comparison,
    Junction,
    Conditional,
    Call,
]


def children(node: Tree) -> tuple[Tree, ...]:
    """The nodes directly below, in order of appearance."""
    match node:
        case Literal() | Root():
            return ()
        case Field(target=target):
            return (target,)
        case Item(target=target, key=key):
            return (target, key)
        case Slice(target=target, lower=lower, upper=upper, step=step):
            return (target, *(part for part in (lower, upper, step) if part is not None))
        case ListDisplay(items=items):
            return items
        case DictDisplay(keys=keys, values=values):
            return tuple(part for pair in zip(keys, values, strict=True) for part in pair)
        case Not(operand=operand) | Sign(operand=operand):
            return (operand,)
        case Arithmetic(left=left, right=right):
            return (left, right)
        case Comparison(first=first, rest=rest):
            return (first, *rest)
        case Junction(operands=operands):
            return operands
        case Conditional(condition=condition, yes=yes, no=no):
            return (yes, condition, no)
        case Call(arguments=arguments, keywords=keywords):
            return (*arguments, *(value for _, value in keywords))
        case _:
            raise unreachable(node)
