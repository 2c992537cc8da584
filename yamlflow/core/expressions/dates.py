"""Dates: `date_add`, `date_range`, `strftime`, and text that is a date.

Everything is computed from the values that are given; there is no "now" here
(`run.date` and `run.time` are values like any other). A date is given as a
date, a date with time, or ISO text.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta
from typing import Any

from yamlflow.core.expressions.contents import describe, is_number, plain
from yamlflow.core.expressions.faults import LIMIT, VALUE, Fault

MOST_DATES = 1_000_000

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DIRECTIVE = re.compile(r"%([-_0^#]?[A-Za-z%])?")


def as_calendar(text: str, *, like: date | None = None) -> Any:
    """The date or date with time that ISO `text` says, in the manner of `like`; the text itself when it is none."""
    try:
        if _DATE.fullmatch(text):
            return _as_like(date.fromisoformat(text), like)
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        return text
    return moment.replace(tzinfo=like.tzinfo) if moment.tzinfo is None and isinstance(like, datetime) else moment


def _as_like(day: date, like: date | None) -> date:
    """A day beside a date with time is that day's midnight in the same zone."""
    return datetime.combine(day, time(), like.tzinfo) if isinstance(like, datetime) else day


def day_or_time(value: Any, function: str) -> date:
    """A date or datetime; ISO text is read as one."""
    value = plain(value)
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        read = as_calendar(value)
        if isinstance(read, date):
            return read
        raise Fault(f"{function}: {value!r} is no date", hint='dates are written as "2026-01-31"', code=VALUE)
    raise Fault(f"{function} takes a date, not {describe(value)}")


def date_add(
    date: Any,
    days: Any = 0,
    *,
    weeks: Any = 0,
    months: Any = 0,
    years: Any = 0,
    hours: Any = 0,
    minutes: Any = 0,
    seconds: Any = 0,
) -> Any:
    start = day_or_time(date, "date_add")
    amounts = [_amount(value) for value in (days, weeks, months, years, hours, minutes, seconds)]
    days, weeks, months, years, hours, minutes, seconds = amounts
    if not isinstance(start, datetime) and (hours or minutes or seconds):
        raise Fault("a date has no hours, minutes or seconds to add to", hint="add to run.time instead")
    try:
        moved = _months_later(start, years * 12 + months)
        return moved + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (OverflowError, ValueError):
        raise Fault("there is no such date: years run from 1 to 9999", code=VALUE) from None


def _amount(value: Any) -> int:
    value = plain(value)
    if is_number(value) and isinstance(value, int):
        return value
    raise Fault(f"an amount of time is an integer, not {describe(value)}")


def _months_later(start: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month."""
    if not months:
        return start
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    if not 1 <= year <= 9999:
        raise OverflowError
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))


def date_range(start: Any, end: Any, days: Any = 0, *, weeks: Any = 0, months: Any = 0, hours: Any = 0) -> list[Any]:
    first, last = day_or_time(start, "date_range"), day_or_time(end, "date_range")
    if isinstance(first, datetime) != isinstance(last, datetime):
        raise Fault("date_range: both ends are dates, or both have a time")
    days, weeks, months, hours = (_amount(value) for value in (days, weeks, months, hours))
    if min(days, weeks, months, hours) < 0:
        raise Fault("date_range counts forward", hint="swap start and end", code=VALUE)
    if not (days or weeks or months or hours):
        days = 1
    return _steps(first, last, {"days": days, "weeks": weeks, "months": months, "hours": hours})


def _steps(first: date, last: date, step: dict[str, int]) -> list[Any]:
    found: list[Any] = []
    current: Any = first
    try:
        while current <= last:
            if len(found) >= MOST_DATES:
                raise Fault(f"more than {MOST_DATES:,} dates", code=LIMIT)
            found.append(current)
            times = len(found)
            current = date_add(first, **{unit: amount * times for unit, amount in step.items()})
    except TypeError as error:
        raise Fault(f"date_range: {error}") from None
    except Fault as fault:
        if fault.code == VALUE:  # past the year 9999: there is nothing after the last one
            return found
        raise
    return found


def strftime(date: Any, format: Any) -> str:  # noqa: A002 - the name users write
    moment, pattern = day_or_time(date, "strftime"), plain(format)
    if not isinstance(pattern, str):
        raise Fault(f'strftime takes a format such as "%Y-%m-%d", not {describe(pattern)}')
    wrong = next((found for found in _DIRECTIVE.finditer(pattern) if found[1] is None), None)
    if wrong is not None:  # a width, as in %999999d, could make text of any length
        raise Fault(f"strftime: {pattern[wrong.start() :][:3]!r} is no directive", hint='as in "%Y-%m-%d"', code=VALUE)
    try:
        return moment.strftime(pattern)
    except ValueError as error:
        raise Fault(f"strftime: {error}", code=VALUE) from None
