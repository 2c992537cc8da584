"""The leaves of the model: what a scalar may be, in types a model can be written with.

An upper-case name is a Kind; the alias of the same word is the type with that
kind in its annotation. An alias that ends in `OrHole` accepts a whole
`${{ e }}` beside literal values. Nothing here knows keys or records.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Final

from yamlflow.schema.model import quantities
from yamlflow.schema.model.cron import CRON_PATTERN, cron
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.model.shapes import HOLE_PATTERN, Hole, Kind, Language, Tree
from yamlflow.schema.nodes import Scalar

SPOKEN_BOOLEANS: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def is_text(scalar: Scalar) -> bool:
    """Whether YAML makes a string of it."""
    return isinstance(scalar.value, str)


def as_text(scalar: Scalar) -> str:
    """A string as it stands; any other scalar is refused: it would not mean what was written."""
    if isinstance(scalar.value, str):
        return scalar.value
    if scalar.value is None:
        raise Refused
    what = "a boolean" if isinstance(scalar.value, bool) else f"the number {scalar.value}"
    raise Refused(
        f"expected text, but `{scalar.text}` without quotes is {what}",
        code="ambiguous-scalar",
        hint=f'quote it: `"{scalar.text}"`',
    )


def as_written(scalar: Scalar) -> str:
    """Text as it stands in the file: `010`, `1e5` and `3.10` keep every character."""
    if scalar.value is None:
        raise Refused
    return scalar.value if isinstance(scalar.value, str) else scalar.text


def as_bool(scalar: Scalar) -> bool:
    """`true` or `false`; words that other YAML versions take for them are refused with the fix."""
    if isinstance(scalar.value, bool):
        return scalar.value
    spoken = {**SPOKEN_BOOLEANS, "true": "true", "false": "false"}.get(str(scalar.value).strip().lower())
    if spoken and is_text(scalar):
        raise Refused(
            f"expected true or false, but `{scalar.value}` is text", code="ambiguous-scalar", hint=f"write `{spoken}`"
        )
    raise Refused


def as_whole(scalar: Scalar) -> int:
    """A whole number; `3.0` and `"3"` are refused with the fix."""
    if isinstance(scalar.value, int) and not isinstance(scalar.value, bool):
        return scalar.value
    if isinstance(scalar.value, float) and scalar.value.is_integer():
        raise Refused(
            f"expected a whole number, got `{scalar.text}`", code="wrong-type", hint=f"write `{int(scalar.value)}`"
        )
    if is_text(scalar) and re.fullmatch(r"-?\d{1,18}", str(scalar.value).strip()):
        raise Refused(
            f"expected a whole number, got the text `{scalar.value}`",
            code="ambiguous-scalar",
            hint=f"remove the quotes: `{str(scalar.value).strip()}`",
        )
    raise Refused


def as_number(scalar: Scalar) -> float:
    """A finite number, whole or not."""
    if isinstance(scalar.value, int | float) and not isinstance(scalar.value, bool) and math.isfinite(scalar.value):
        return float(scalar.value)
    raise Refused


def whole(name: str, wanted: str, at_least: int, at_most: int | None = None) -> Kind:
    """A kind of whole numbers within bounds."""

    def read(scalar: Scalar) -> int:
        value = as_whole(scalar)
        if value < at_least:
            raise Refused(f"`{value}` is too small: the least is {at_least}", code="bad-value")
        if at_most is not None and value > at_most:
            raise Refused(f"`{value}` is too large: the most is {at_most}", code="bad-value")
        return value

    schema: dict[str, object] = {"type": "integer", "minimum": at_least}
    return Kind(name, wanted, read, schema if at_most is None else {**schema, "maximum": at_most})


def words(name: str, *choices: str) -> Kind:
    """A kind that is one of a few words."""
    listed = ", ".join(f"`{choice}`" for choice in choices)

    def read(scalar: Scalar) -> str:
        if str(scalar.value) not in choices:
            raise Refused(
                f"`{scalar.text}` is none of {listed}", code="bad-value", hint=_near(str(scalar.value), choices)
            )
        return str(scalar.value)

    return Kind(name, f"one of {listed}", read, {"type": "string", "enum": list(choices)})


def _near(word: str, choices: tuple[str, ...]) -> str | None:
    from yamlflow.schema.spelling import suggest

    found = suggest(word, choices)
    return f"did you mean `{found}`?" if found else None


def text(
    name: str,
    wanted: str,
    parse: Callable[[str], object] = str,
    pattern: str = r"[\s\S]*\S[\s\S]*",
    language: Language | None = None,
) -> Kind:
    """A kind of text; `parse` gives its value or raises Refused."""

    def read(scalar: Scalar) -> object:
        written = as_text(scalar)
        if not written.strip():
            raise Refused(f"expected {wanted}, got empty text", code="wrong-type")
        return parse(written)

    return Kind(name, wanted, read, {"type": "string", "pattern": pattern}, language=language)


def alone(kind: Kind) -> Kind:
    """One item written without its list: `needs: prep` for `needs: [prep]`."""
    return replace(kind, read=lambda scalar: (kind.read(scalar),))


def _read_duration(scalar: Scalar) -> float:
    if scalar.value == 0 and not isinstance(scalar.value, bool):
        return 0.0
    if isinstance(scalar.value, int | float) and not isinstance(scalar.value, bool):
        raise Refused(f"`{scalar.text}` has no unit", code="bad-duration", hint=_units(scalar.text))
    if not is_text(scalar):
        raise Refused
    return quantities.duration(str(scalar.value))


def _units(number: str) -> str:
    return f"say which: `{number}s`, `{number}m` or `{number}h`"


def _read_time_limit(scalar: Scalar) -> float:
    seconds = _read_duration(scalar)
    if seconds <= 0:
        raise Refused(
            "a time limit of nothing would stop everything", code="bad-duration", hint="leave the key out for no limit"
        )
    return seconds


def _read_size(scalar: Scalar) -> int:
    if isinstance(scalar.value, int) and not isinstance(scalar.value, bool):
        return quantities.size_in_range(scalar.value, scalar.text)
    if isinstance(scalar.value, float):
        raise Refused(f"`{scalar.text}` has no unit", code="bad-size", hint=f"say the unit: `{scalar.text}Gi`")
    if not is_text(scalar):
        raise Refused
    return quantities.size(str(scalar.value))


def _read_percent(scalar: Scalar) -> float:
    if isinstance(scalar.value, int | float) and not isinstance(scalar.value, bool):
        share = scalar.value * 100 if 0 < scalar.value <= 1 else scalar.value
        raise Refused(f"`{scalar.text}` is no percentage", code="bad-percent", hint=f"write `{share:g}%`")
    return quantities.percent(as_text(scalar))


def _read_factor(scalar: Scalar) -> float:
    if isinstance(scalar.value, int | float) and not isinstance(scalar.value, bool):
        raise Refused(f"`{scalar.text}` is not a factor", hint=f"write `{scalar.text}x`")
    return quantities.factor(as_text(scalar))


def _read_cpu(scalar: Scalar) -> float:
    value = as_number(scalar)
    if not 0 < value <= 4096:
        raise Refused(
            f"`{scalar.text}` is no number of CPUs", code="bad-value", hint="more than 0; `0.5` is half a CPU"
        )
    return value


def _read_fraction(scalar: Scalar) -> float:
    return as_number(scalar)


def _read_condition(scalar: Scalar) -> str:
    """Expression text; the literals true and false are expressions too."""
    return str(scalar.value).lower() if isinstance(scalar.value, bool) else _read_expression(scalar)


def _read_expression(scalar: Scalar) -> str:
    """Expression text; a number is no expression where a name or a condition is wanted."""
    if not isinstance(scalar.value, str) or not scalar.value.strip():
        raise Refused
    return scalar.value


def _read_output(scalar: Scalar) -> object:
    """An output's expression; a number, a boolean or null stands for itself."""
    return _read_expression(scalar) if is_text(scalar) else scalar.value


_EXPRESSION_PATTERN: Final = rf"(?!\s*{HOLE_PATTERN}\s*$)[\s\S]*\S[\s\S]*"  # no `${{ }}` around it

BOOLEAN: Final = Kind("boolean", "true or false", as_bool, {"type": "boolean"})
WHOLE: Final = Kind("whole number", "a whole number", as_whole, {"type": "integer"})
FRACTION: Final = Kind("number", "a number", _read_fraction, {"type": "number"})
COUNT: Final = whole("count", "a whole number", 1)
TEXT: Final = text("text", "text")
TEMPLATE: Final = text("text", "text", language="template")
WRITTEN: Final = Kind("text", "text", as_written, {"type": ["string", "number", "boolean"]}, language="template")
EXPRESSION: Final = Kind(
    "expression",
    "an expression such as `steps.prep`",
    _read_expression,
    {"type": "string", "pattern": _EXPRESSION_PATTERN},
    language="expression",
)
CONDITION: Final = Kind(
    "condition",
    "a condition such as `params.deploy`",
    _read_condition,
    {"type": ["string", "boolean"], "pattern": _EXPRESSION_PATTERN},
    language="expression",
)
OUTPUT: Final = Kind(
    "output",
    "an expression such as `steps.fit.auc`",
    _read_output,
    {"type": ["string", "number", "boolean", "null"], "pattern": _EXPRESSION_PATTERN},
    language="expression",
)
ID: Final = text("name", "a name such as `fit_model`", quantities.identifier, quantities.ID_PATTERN)
NAME: Final = text("name", "a name such as `region`", quantities.argument, quantities.NAME_PATTERN)
VARIABLE: Final = text(
    "name", "an environment variable such as `HF_TOKEN`", quantities.variable, quantities.ENV_PATTERN
)
SECRET: Final = text("secret", "a reference such as `env:DB_URL`", quantities.secret, quantities.SECRET_PATTERN)
DELAY: Final = Kind(
    "duration",
    "a duration such as `10s`",
    _read_duration,
    {"type": ["string", "integer"], "pattern": quantities.DURATION_PATTERN, "minimum": 0, "maximum": 0},
)
TIME_LIMIT: Final = Kind(
    "duration",
    "a duration such as `1h30m`",
    _read_time_limit,
    {"type": "string", "pattern": quantities.DURATION_PATTERN},
)
SIZE: Final = Kind(
    "size",
    "a size such as `2Gi`",
    _read_size,
    {"type": ["string", "integer"], "pattern": quantities.SIZE_PATTERN, "minimum": quantities.SMALLEST_SIZE},
)
PERCENT: Final = Kind(
    "percent", "a percentage such as `90%`", _read_percent, {"type": "string", "pattern": quantities.PERCENT_PATTERN}
)
FACTOR: Final = Kind(
    "factor", "a factor such as `2x`", _read_factor, {"type": "string", "pattern": quantities.FACTOR_PATTERN}
)
CPUS: Final = Kind(
    "cpus",
    "a number of CPUs such as `4` or `0.5`",
    _read_cpu,
    {"type": "number", "exclusiveMinimum": 0, "maximum": 4096},
)
CRON: Final = text("cron", "a cron line such as `0 3 * * *`", cron, CRON_PATTERN)

Text = Annotated[str, TEXT]
Template = Annotated[str, TEMPLATE]
Written = Annotated[str, WRITTEN]
Expression = Annotated[str, EXPRESSION]
Condition = Annotated[str, CONDITION]
OutputValue = Annotated[object, OUTPUT]
Id = Annotated[str, ID]
Name = Annotated[str, NAME]
Variable = Annotated[str, VARIABLE]
Secret = Annotated[str, SECRET]
Count = Annotated[int, COUNT]
CountOrHole = Annotated[int | Hole, COUNT.or_hole()]
BooleanOrHole = Annotated[bool | Hole, BOOLEAN.or_hole()]
TimeLimit = Annotated[float, TIME_LIMIT]
TimeLimitOrHole = Annotated[float | Hole, TIME_LIMIT.or_hole()]
DelayOrHole = Annotated[float | Hole, DELAY.or_hole()]
Size = Annotated[int, SIZE]
SizeOrHole = Annotated[int | Hole, SIZE.or_hole()]
PercentOrHole = Annotated[float | Hole, PERCENT.or_hole()]
Factor = Annotated[float, FACTOR]
Cpus = Annotated[float, CPUS]
CpusOrHole = Annotated[float | Hole, CPUS.or_hole()]
Json = Annotated[object, Tree()]
Expressions = Annotated[object, Tree("expression", "an expression, a number or a structure of them")]
Templates = Annotated[object, Tree("template")]
