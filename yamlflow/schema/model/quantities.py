"""Text forms of durations, sizes, shares, factors, names and cron lines.

Pure functions from text to a typed value; each raises `Refused` with words a
user understands. The patterns are the ones the JSON Schema shows, so an editor
and the validator agree. Never touches a file, a clock or YAML.
"""

from __future__ import annotations

import keyword
import re
from typing import Final

DAY: Final = 86_400.0
LONGEST: Final = 3650 * DAY
SMALLEST_SIZE: Final = 1024**2
LARGEST_SIZE: Final = 1024**6

_NUMBER: Final = r"\d+(?:\.\d+)?"
DURATION_PATTERN: Final = (
    rf"(?=\d)(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?"  # 1d2h3m4s5ms
)
SIZE_PATTERN: Final = rf"{_NUMBER}(?:[kKMGTP]B?|[KMGTP]iB?)"
PERCENT_PATTERN: Final = r"(?:100|\d{1,2}(?:\.\d+)?)%"
FACTOR_PATTERN: Final = r"[1-9]\d*(?:\.\d+)?x"
GPU_PATTERN: Final = r"[A-Za-z][A-Za-z0-9._-]*(?::[1-9]\d{0,3})?"
ENV_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_]*"
SECRET_PATTERN: Final = "|".join(
    (
        r"aws-sm:[^#\s]+(?:#[^#\s]+)?",
        r"aws-ssm:\S+",
        r"k8s:[a-z0-9][a-z0-9.-]*/[A-Za-z0-9._-]+",
        r"file:\S.*",
        rf"env:{ENV_PATTERN}",
    )
)

_UNITS: Final = {"d": DAY, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_POWERS: Final = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}

RESERVED: Final = tuple(sorted({*keyword.kwlist, "true", "false", "null"}))
_NOT_RESERVED: Final = f"(?!(?:{'|'.join(RESERVED)})$)"
ID_PATTERN: Final = rf"{_NOT_RESERVED}[a-z][a-z0-9_]{{0,39}}"
NAME_PATTERN: Final = rf"{_NOT_RESERVED}[A-Za-z_][A-Za-z0-9_]{{0,63}}"


class Refused(ValueError):  # noqa: N818 - a value is refused; it becomes a diagnostic, not a failure
    """A value that cannot be what its key wants. No message: the caller knows what was wanted."""

    def __init__(self, message: str | None = None, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message or "")
        self.message = message
        self.code = code
        self.hint = hint


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text has the pattern, as the JSON Schema will judge it."""
    return re.fullmatch(pattern, text) is not None


def duration(text: str) -> float:
    """Seconds of `10s`, `1h30m`, `1.5d`."""
    if not matches(DURATION_PATTERN, text):
        raise Refused(f"`{text}` is not a duration", hint=_duration_hint(text))
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(rf"({_NUMBER})(ms|[dhms])", text))
    if seconds > LONGEST:
        raise Refused(f"`{text}` is longer than ten years")
    return float(seconds)


def _duration_hint(text: str) -> str:
    if matches(_NUMBER, text):
        return f"say the unit: `{text}s`, `{text}m` or `{text}h`"
    return "write a number and a unit, largest first: `10s`, `5m`, `1h30m`, `1d`"


def size(text: str) -> int:
    """Bytes of `512Mi` (powers of 1024) or `1G` (powers of 1000)."""
    if not matches(SIZE_PATTERN, text):
        raise Refused(f"`{text}` is not a size", hint=_size_hint(text))
    digits = re.match(_NUMBER, text)
    assert digits is not None
    unit = text[digits.end() :].removesuffix("B")
    return size_in_range(int(float(digits.group()) * (1024 if unit.endswith("i") else 1000) ** _POWERS[unit[0]]), text)


def _size_hint(text: str) -> str:
    found = re.fullmatch(rf"({_NUMBER})\s*([kmgtp])(i?b?)?", text, re.IGNORECASE)
    if found:
        return f"did you mean `{found[1]}{found[2].upper()}i`?"
    if matches(_NUMBER, text):
        return f"say the unit: `{text}Gi` or `{text}Mi`"
    return "write a number and a unit: `512Mi`, `2Gi` (powers of 1024) or `1G` (powers of 1000)"


def size_in_range(count: int, text: str) -> int:
    """The same number of bytes, refused when nobody can have meant it."""
    if count < SMALLEST_SIZE:
        raise Refused(f"`{text}` is only {count} bytes", hint=_size_hint(text) if text.isdigit() else None)
    if count > LARGEST_SIZE:
        raise Refused(f"`{text}` is more than any machine has")
    return count


def percent(text: str) -> float:
    """The share 0.9 of `90%`."""
    if not matches(PERCENT_PATTERN, text):
        raise Refused(f"`{text}` is not a percentage", hint="write a number from 0 to 100 and a percent sign: `90%`")
    return float(text[:-1]) / 100


def factor(text: str) -> float:
    """The number 2.0 of `2x`."""
    if not matches(FACTOR_PATTERN, text):
        raise Refused(f"`{text}` is not a factor", hint="write how many times more each retry gets: `2x` or `1.5x`")
    return float(text[:-1])


def identifier(text: str) -> str:
    """A step's id: lower-case words joined by underscores."""
    if matches(ID_PATTERN, text):
        return text
    if text in RESERVED:
        raise Refused(f"`{text}` is a word of the expression language and cannot be a name", hint=f"try `{text}_step`")
    if len(text) > 40:
        raise Refused(f"`{text}` has {len(text)} characters; a name has at most 40")
    hint = "a name is made of a-z, 0-9 and `_`, and starts with a letter"
    better = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()).strip("_")
    raise Refused(f"`{text}` cannot be a name", hint=f"{hint}: `{better}`" if matches(ID_PATTERN, better) else hint)


def argument(text: str) -> str:
    """A name that Python code can use: an argument, a loop variable, a parameter, an output."""
    if matches(NAME_PATTERN, text):
        return text
    if text in RESERVED:
        raise Refused(f"`{text}` is a word of the expression language and cannot be a name")
    if len(text) > 64:
        raise Refused(f"`{text}` has {len(text)} characters; a name has at most 64")
    raise Refused(
        f"`{text}` cannot be a name", hint="a name is made of letters, digits and `_`, and starts with no digit"
    )


def variable(text: str) -> str:
    """The name of an environment variable."""
    if not matches(ENV_PATTERN, text):
        raise Refused(
            f"`{text}` cannot be an environment variable", hint="letters, digits and `_`, and no digit at the start"
        )
    return text


def secret(text: str) -> str:
    """A reference to a secret, never the secret itself."""
    if not matches(SECRET_PATTERN, text):
        scheme = text.partition(":")[0]
        forms = _SECRET_FORMS.get(scheme, "a reference is one of " + ", ".join(_SECRET_FORMS.values()))
        raise Refused("this is no reference to a secret", hint=f"write {forms}" if scheme in _SECRET_FORMS else forms)
    return text


_SECRET_FORMS: Final = {
    "aws-sm": "`aws-sm:name#key` (Secrets Manager)",
    "aws-ssm": "`aws-ssm:/path` (Parameter Store)",
    "k8s": "`k8s:name/key`",
    "file": "`file:/run/secrets/x`",
    "env": "`env:NAME`",
}
