"""Five-field cron lines, checked field by field.

Only says what is wrong with a line; when it fires next is not decided here.
"""

from __future__ import annotations

import re
from typing import Final

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.model.quantities import Refused

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORT: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_LONGEST_MONTH: Final = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
CRON_PATTERN: Final = r"\s*(?:\S+\s+){4}\S+\s*"


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        value = self._value(text)
        if not self.low <= value <= self.high:
            raise Refused(f"the {self.name} `{text}` is not between {self.low} and {self.high}")
        return value

    def _value(self, text: str) -> int:
        if text.lower() in self.words:
            return self.words.index(text.lower()) + self.low
        if not re.fullmatch(r"\d{1,4}", text):
            raise Refused(f"`{text}` is no {self.name} of a cron line")
        return int(text)


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


def cron(text: str) -> str:
    """The line with single spaces, or Refused."""
    if text.strip() in _SHORT:
        raise Refused("a schedule has five fields", hint=f"write `{_SHORT[text.strip()]}` for `{text.strip()}`")
    parts = text.split()
    if len(parts) != 5:
        wanted = "minute, hour, day of the month, month, day of the week"
        raise Refused(f"a cron line has five fields, this one has {len(parts)}", hint=f"{wanted}: `0 3 * * *`")
    for field, part in zip(_FIELDS, parts, strict=True):
        for item in part.split(","):
            _check_item(field, item)
    _check_day_exists(parts)
    return " ".join(parts)


def _check_item(field: _Field, item: str) -> None:
    span, slash, step = item.partition("/")
    if slash and not re.fullmatch(r"[1-9]\d{0,3}", step):
        raise Refused(f"`{item}` is no {field.name} of a cron line", hint="a step is a whole number: `*/15`")
    if span == "*":
        return
    first, dash, last = span.partition("-")
    low = field.number(first)
    if dash and field.number(last) < low:
        raise Refused(f"the {field.name} `{span}` runs backwards")


def _check_day_exists(parts: list[str]) -> None:
    """Refuses a date that no year has, such as the 31st of February."""
    day, month, weekday = parts[2:]
    if weekday != "*" or not re.fullmatch(r"\d+", day) or not re.fullmatch(r"\w+", month):
        return
    longest = _LONGEST_MONTH.get(_FIELDS[3].number(month), 31)
    if int(day) > longest:
        raise Refused(f"month {month} has no day {day}: this would never run")
