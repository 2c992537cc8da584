"""`+ - * / // %`, comparisons and `in`, with strict types.

Numbers go with numbers, text with text, lists with lists, dates with dates and
durations; nothing is converted to make an operation work. A bool is no number.
A date compares with a date and with text that is one (`run.date >=
"2026-01-01"`), a path with its text. `==` answers for any two values. Results are bounded: an
expression must not be able to fill the launcher's memory.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from yamlflow.core.expressions.contents import Load, describe, is_number, opened, opened_deep, plain
from yamlflow.core.expressions.dates import as_calendar
from yamlflow.core.expressions.faults import LIMIT, TYPE, VALUE, Fault
from yamlflow.core.values import ArtifactRef

MAX_BITS = 1_024
"""Integers of an expression have at most so many bits (a double's range)."""

MAX_REPEATED = 1_000_000
"""`range`, `date_range` and `x * n` make at most so many items or characters."""

MAX_JOINED = 10_000_000
"""`+` and `join` make at most so many items or characters."""

_NUMERIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}

_ORDERINGS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_CALENDAR: Mapping[str, tuple[tuple[str, str], ...]] = {
    "+": (("date", "duration"), ("duration", "date"), ("duration", "duration")),
    "-": (("date", "date"), ("date", "duration"), ("duration", "duration")),
    "*": (("duration", "number"), ("number", "duration")),
    "/": (("duration", "duration"), ("duration", "number")),
    "//": (("duration", "duration"),),
    "%": (("duration", "duration"),),
}


def family(value: Any) -> str:
    """The kind of values that `value` can be ordered among: number, text, date, duration, list, other."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, date):
        return "date"
    if isinstance(value, timedelta):
        return "duration"
    return "list" if isinstance(value, (list, tuple, range)) else "other"


def arithmetic(symbol: str, left: Any, right: Any, load: Load) -> Any:
    """`left symbol right`."""
    left, right = plain(opened(left, load)), plain(opened(right, load))
    kinds = family(left), family(right)
    if kinds == ("number", "number"):
        return _numeric(symbol, left, right)
    if symbol == "+" and kinds in (("text", "text"), ("list", "list")):
        return _added(left, right)
    if symbol == "*" and set(kinds) in ({"text", "number"}, {"list", "number"}):
        return _repeated(left, right)
    if kinds in _CALENDAR[symbol]:
        return _calculated(symbol, left, right)
    raise Fault(
        f"`{symbol}` does not work on {describe(left)} and {describe(right)}", hint=_mismatch_hint(symbol, left, right)
    )


def _numeric(symbol: str, left: Any, right: Any) -> Any:
    if symbol == "*" and isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length() - 1)
    result = _calculated(symbol, left, right)
    if isinstance(result, int):
        _check_bits(result.bit_length())
    return result


def _check_bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise Fault(f"a number of more than {MAX_BITS:,} bits", code=LIMIT)


def _calculated(symbol: str, left: Any, right: Any) -> Any:
    try:
        return _NUMERIC[symbol](left, right)
    except ZeroDivisionError:
        raise Fault("division by zero", hint="write `a / b if b != 0 else null`", code=VALUE) from None
    except OverflowError as error:
        raise Fault(f"the result is out of range: {error}", code=VALUE) from None
    except (TypeError, ArithmeticError) as error:
        raise Fault(f"`{symbol}` does not work on {describe(left)} and {describe(right)}: {error}", code=TYPE) from None


def _added(left: Any, right: Any) -> Any:
    check_size(len(left) + len(right), MAX_JOINED)
    if isinstance(left, str):
        return left + right
    return left + right if type(left) is type(right) is tuple else [*left, *right]


def _repeated(left: Any, right: Any) -> Any:
    sequence, times = (right, left) if is_number(left) else (left, right)
    if not isinstance(times, int):
        raise Fault(f"{describe(sequence)} is repeated an integer number of times, not {times}")
    check_size(len(sequence) * max(times, 0), MAX_REPEATED)
    return list(sequence) * times if isinstance(sequence, range) else sequence * times


def check_size(size: int, most: int) -> None:
    """Raises when a result of `size` items or characters is more than an expression may make."""
    if size > most:
        raise Fault(f"the result would have {size:,} items; at most {most:,} are made", code=LIMIT)


def _mismatch_hint(symbol: str, left: Any, right: Any) -> str | None:
    kinds = {family(left), family(right)}
    if left is None or right is None:
        return "null stands for a skipped or missing value: write coalesce(x, default)"
    if kinds == {"text", "number"} and symbol == "+":
        return 'text and numbers do not mix: write join("", [a, b]), or declare the parameter as int or float'
    if symbol == "/" and ("text" in kinds or isinstance(left, PurePath)):
        return 'write join("/", [a, b])'
    if ("text" in kinds and symbol == "%") or isinstance(left, PurePath) or isinstance(right, PurePath):
        return 'write join("", [a, b])'
    if kinds == {"date", "number"}:
        return "write date_add(date, days=1)"
    if "bool" in kinds:
        return "a bool is no number: write `1 if x else 0`"
    return "compute it in a step" if "other" in kinds else None


def signed(symbol: str, value: Any, load: Load) -> Any:
    """`-value` or `+value`."""
    value = plain(opened(value, load))
    if family(value) not in ("number", "duration"):
        raise Fault(f"`{symbol}` does not work on {describe(value)}")
    return -value if symbol == "-" else value


def compare(symbol: str, left: Any, right: Any, load: Load) -> bool:
    """`left symbol right` for == != < <= > >= in, not in."""
    match symbol:
        case "==":
            return equal(left, right, load)
        case "!=":
            return not equal(left, right, load)
        case "in":
            return contains(right, left, load)
        case "not in":
            return not contains(right, left, load)
        case _:
            return _ordered(symbol, left, right, load)


def equal(left: Any, right: Any, load: Load) -> bool:
    """Whether two values are the same; content is opened only when digests do not settle it."""
    if left is None or right is None:
        return left is right
    if type(left) is type(right) is ArtifactRef and (left.digest, left.format) == (right.digest, right.format):
        return True
    return _same(plain(opened_deep(left, load)), plain(opened_deep(right, load)))


def _same(left: Any, right: Any) -> bool:
    left, right = _aligned(left, right)
    try:
        result = plain(left == right)
    except (TypeError, ValueError) as error:
        raise Fault(f"these cannot be compared: {error}") from None
    if isinstance(result, bool):
        return result
    raise Fault(f"{describe(left)} and {describe(right)} are not equal or unequal as a whole", hint="compare in a step")


def _aligned(left: Any, right: Any) -> tuple[Any, Any]:
    """Text beside a date is read as a date, when it is one; a path beside text is its text."""
    if isinstance(left, PurePath) and isinstance(right, str):
        return str(left), right
    if isinstance(left, str) and isinstance(right, PurePath):
        return left, str(right)
    if isinstance(left, date) and isinstance(right, str):
        return left, as_calendar(right, like=left)
    if isinstance(left, str) and isinstance(right, date):
        return as_calendar(left, like=right), right
    return left, right


def contains(container: Any, value: Any, load: Load) -> bool:
    """`value in container`: an item of a list, a key of a mapping, a part of a text."""
    container, value = opened(container, load), plain(value)
    if isinstance(container, str):
        if not isinstance(opened(value, load), str):
            raise Fault(f"text contains text, not {describe(value)}")
        return opened(value, load) in container
    if isinstance(container, (Mapping, AbstractSet)):
        return _is_key(container, opened(value, load))
    if isinstance(container, range) or (isinstance(container, Sequence) and not isinstance(container, bytes)):
        return any(equal(item, value, load) for item in container)
    if hasattr(container, "tolist"):
        return any(equal(item, value, load) for item in container.tolist())
    hint = "write coalesce(x, [])" if container is None else None
    raise Fault(f"`in` looks into a list, a mapping or text, not {describe(container)}", hint=hint)


def _is_key(container: Any, value: Any) -> bool:
    try:
        return value in container
    except TypeError:
        return False


def _ordered(symbol: str, left: Any, right: Any, load: Load) -> bool:
    left, right = _aligned(plain(opened(left, load)), plain(opened(right, load)))
    check_order(left, right, symbol)
    try:
        return bool(_ORDERINGS[symbol](left, right))
    except (TypeError, ArithmeticError) as error:
        raise Fault(f"`{symbol}` cannot compare these: {error}") from None


def check_order(left: Any, right: Any, symbol: str) -> None:
    """Raises unless both are numbers, both text, both dates, both dates with time, or both durations."""
    kinds = family(left), family(right)
    if kinds[0] != kinds[1] or kinds[0] in ("bool", "list", "other"):
        message = f"`{symbol}` cannot compare {describe(left)} with {describe(right)}"
        raise Fault(message, hint=_order_hint(left, right))
    if kinds[0] == "date" and isinstance(left, datetime) != isinstance(right, datetime):
        raise Fault(f"`{symbol}` cannot compare a date with a date with time", hint="compare run.date with dates")


def _order_hint(left: Any, right: Any) -> str | None:
    kinds = {family(left), family(right)}
    if left is None or right is None:
        return "null stands for a skipped or missing value: write coalesce(x, default)"
    if kinds == {"text", "number"}:
        return "text is not turned into numbers: declare the parameter as int or float"
    if kinds == {"date", "text"}:
        return 'dates are written as "2026-01-31"'
    return None
