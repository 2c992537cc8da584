"""What the language has not, and what to write instead: data for the parser's refusals."""

from __future__ import annotations

import ast
from collections.abc import Mapping

FOREIGN_NAMES = {
    "item": "each.item",
    "index": "each.index",
    "matrix": "each",
    "loop": "each",
    "param": "params",
    "parameters": "params",
    "vars": "params",
    "tasks": "steps",
    "jobs": "steps",
    "nodes": "steps",
    "outputs": "steps",
    "environ": "env",
    "none": "null",
    "nil": "null",
    "undefined": "null",
    "TRUE": "true",
    "FALSE": "false",
    "NULL": "null",
}

METHODS = {
    "format": 'join("", [a, b]), or text with ${{ }} under `with`',
    "get": "coalesce(x, default)",
    "items": "keys(x) and values(x)",
    "join": 'join(", ", list)',
    "keys": "keys(x)",
    "split": 'split(text, ",")',
    "strftime": 'strftime(date, "%Y-%m-%d")',
    "values": "values(x)",
    "mean": "mean(x)",
    "sum": "sum(x)",
    "min": "min(x)",
    "max": "max(x)",
}

REFUSED_OPERATORS: Mapping[type[ast.AST], tuple[str, str]] = {
    ast.Pow: ("no `**` here", "multiply, or let a step compute it"),
    ast.BitAnd: ("no `&` here", "write `and`"),
    ast.BitOr: ("no `|` here", "write `or`"),
    ast.BitXor: ("no `^` here", "write `a != b`"),
    ast.LShift: ("no `<<` here", "multiply, or let a step compute it"),
    ast.RShift: ("no `>>` here", "divide, or let a step compute it"),
    ast.MatMult: ("no `@` here", "let a step compute it"),
    ast.Invert: ("no `~` here", "write `not`"),
}

REFUSED_NODES: Mapping[str, tuple[str, str]] = {
    "Lambda": ("no lambdas here", "let a step compute it"),
    "ListComp": ("no comprehensions here", "use foreach, or let a step compute it"),
    "SetComp": ("no comprehensions here", "use foreach, or let a step compute it"),
    "DictComp": ("no comprehensions here", "use foreach, or let a step compute it"),
    "GeneratorExp": ("no comprehensions here", "use foreach, or let a step compute it"),
    "JoinedStr": ("no f-strings here", 'write join("", [a, b]), or text with ${{ }} under `with`'),
    "TemplateStr": ("no t-strings here", 'write join("", [a, b]), or text with ${{ }} under `with`'),
    "NamedExpr": ("`:=` assigns; nothing can be assigned here", "write `==` to compare"),
    "Starred": ("no star-arguments here", "add lists with `+`"),
    "Set": ("no sets here", "write a list: [a, b]"),
    "Tuple": ("no tuples here", "write a list: [a, b]"),
    "Await": ("no `await` here", "async callables are awaited by themselves"),
    "Yield": ("no `yield` here", "return a list from a step"),
    "YieldFrom": ("no `yield` here", "return a list from a step"),
}
