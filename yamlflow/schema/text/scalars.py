"""What a plain scalar means: YAML 1.2's core schema, nothing else.

`NO`, `on`, `yes`, dates and `1_000` are strings; `0x1f` and `0o17` are
integers, `010` is ten. A number that would not survive is an error, never
rounded: integers have 64 bits, floats are finite unless written `.inf`.
"""

from __future__ import annotations

import re
from typing import Union

Plain = Union[None, bool, int, float, str]

MAX_INT = 2**63 - 1
MIN_INT = -(2**63)

_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float("inf") for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{"-" + word: float("-inf") for word in (".inf", ".Inf", ".INF")},
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 400  # far more than 64 bits need; Python refuses to read very long integers


class OutOfRangeError(ValueError):
    """A number that 64 bits cannot hold; the text says which kind."""


def resolve(text: str) -> Plain:
    """The value of a plain scalar; OutOfRangeError for a number that is too large."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _real(text)
    return text


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    value = int(text, base) if len(text) <= _MAX_DIGITS else None
    if value is None or not MIN_INT <= value <= MAX_INT:
        raise OutOfRangeError("integers have 64 bits")
    return value


def _real(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise OutOfRangeError("floats end near 1.8e308")
    return value
