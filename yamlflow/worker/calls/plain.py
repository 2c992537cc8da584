"""Which calls need nothing done to their arguments: most, and they can be told without looking far.

Standard library only as far as every process has it already: this is imported
wherever a task may start, the rest of this folder where one needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

_SIMPLE = frozenset({type(None), bool, int, float, str})
_NAMES = frozenset(kind.__name__ for kind in _SIMPLE)
_BY_PLACE = 0x04
"""In `co_flags`: the function takes `*args`."""

LONGEST = 300
"""Characters of a text that has at most 4 KiB as JSON, whatever they are."""

_LONG = 1 << 64


def takes_as_it_is(function: Any, inputs: Mapping[str, Any]) -> bool:
    """Whether these inputs are the arguments: nothing to read, to convert, to place or to add. When in doubt, not."""
    if type(function) is not FunctionType or hasattr(function, "__wrapped__"):
        return False
    code, hints = function.__code__, function.__annotations__
    if code.co_posonlyargcount or code.co_flags & _BY_PLACE:
        return False
    names = function.__globals__
    return all(
        _fits(inputs[name], hints.get(name), names) if name in inputs else _is_simple(hint, names)
        for name, hint in {**dict.fromkeys(inputs), **hints}.items()
        if name != "return"
    )


def _fits(value: Any, hint: Any, names: Mapping[str, Any]) -> bool:
    kind = type(value)
    return kind in _SIMPLE and (hint is None or hint is kind or (hint == kind.__name__ and hint not in names))


def _is_simple(hint: Any, names: Mapping[str, Any]) -> bool:
    return hint in _SIMPLE or (hint in _NAMES and hint not in names) if isinstance(hint, (str, type)) else hint is None


def is_small(value: Any) -> bool:
    """Whether a value is its own document: inline, exact in JSON."""
    kind = type(value)
    if kind is int:
        return bool(-_LONG < value < _LONG)
    if kind is str:
        return len(value) <= LONGEST
    return value is None or kind is bool or (kind is float and value - value == 0.0)
