"""YAML text as a stream of events with character indexes: the only module that knows ruamel.

ruamel's scanner is bounded and made to recover: it refuses to open more than
MAX_DEPTH brackets, and it steps over tags and directives, which this format
does not have, noting their places. Every other failure is one Broken, whatever
ruamel raised. Nothing here knows a line, a column or a pipeline.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field
from enum import Enum
from typing import Any, NamedTuple

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scanner import Scanner

from yamlflow.core.dataclass import dataclass

MAX_DEPTH = 64
MAX_REFUSED = 200


class Kind(Enum):
    DOCUMENT = "document"
    SCALAR = "scalar"
    ALIAS = "alias"
    SEQUENCE = "sequence"
    MAPPING = "mapping"
    END = "end"


class Event(NamedTuple):
    """One event; `start` and `end` are character indexes as ruamel has them (properties included)."""

    kind: Kind
    start: int
    end: int
    value: str = ""
    style: str = ""  # of a scalar: "" is plain, else its first character
    anchor: str | None = None
    flow: bool = False  # of a collection


class BrokenError(Exception):
    """The text is not YAML from here on: ruamel's words and the indexes that explain them."""

    def __init__(self, what: str, index: int, opened: int, scanner: _Scanner | None) -> None:
        super().__init__(what)
        self.what = what  # "context: problem"
        self.index = index
        self.opened = opened  # where the thing began that could not be finished, or `index`
        starts = scanner.scalars if scanner else []  # ruamel looks ahead: some may lie behind `index`
        self.scalars = starts[: bisect_left(starts, index)]  # where the scalars before it began
        self.flow = "flow" in what or (scanner is not None and scanner.in_flow)

    @property
    def scalar(self) -> int:
        """Where the last scalar before the failure began, or -1."""
        return self.scalars[-1] if self.scalars else -1


class TooDeepError(Exception):
    """A bracket too many, at `index`."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class TooManyError(Exception):
    """More tags or directives than anybody wants to read about."""


@dataclass(slots=True)
class Refused:
    """What was stepped over: start and end indexes of tags and directives."""

    tags: dict[int, int] = field(default_factory=dict)
    tagged: dict[int, int] = field(default_factory=dict)  # the end of a tag and that of the scalar behind it
    directives: dict[int, int] = field(default_factory=dict)


def scan(text: str, refused: Refused) -> Iterator[Event]:
    """The events of `text`; fills `refused`; raises BrokenError, TooDeepError, TooManyError and nothing else."""
    yaml = YAML(typ="safe", pure=True)
    scanner: list[_Scanner] = []

    def build(loader: Any = None) -> _Scanner:
        scanner.append(_Scanner(loader, refused))
        return scanner[0]

    yaml.Scanner = build
    try:
        for event in yaml.parse(text):
            if (made := _event(event)) is not None:
                yield made
    except (TooDeepError, TooManyError):
        raise
    except Exception as error:  # ruamel lets OverflowError, ValueError, KeyError … out for bad input
        raise _broken(error, scanner[0] if scanner else None) from error


class _Scanner(Scanner):
    """ruamel's scanner with a bound, a memory for scalars, and no tags or directives."""

    def __init__(self, loader: Any, refused: Refused) -> None:
        self.refused = refused
        self.scalars: list[int] = []
        self.in_flow = False  # ruamel forgets it when it fails
        self.furthest = 0
        super().__init__(loader=loader)

    def fetch_more_tokens(self) -> Any:
        self.furthest, self.in_flow = self.reader.index, self.flow_level > 0
        return super().fetch_more_tokens()

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803 - ruamel's name
        if self.flow_level >= MAX_DEPTH:
            raise TooDeepError(self.reader.index)
        super().fetch_flow_collection_start(TokenClass, to_push)

    def fetch_plain(self) -> None:
        self.scalars.append(self.reader.index)
        super().fetch_plain()

    def fetch_flow_scalar(self, style: Any) -> None:
        self.scalars.append(self.reader.index)
        super().fetch_flow_scalar(style)

    def fetch_tag(self) -> None:
        self._step_over(_TAG, self.refused.tags)

    def fetch_directive(self) -> None:
        self._step_over(_LINE, self.refused.directives)

    def _step_over(self, pattern: re.Pattern[str], places: dict[int, int]) -> None:
        reader = self.reader
        found = pattern.match(reader.buffer, reader.pointer)
        length = len(found.group()) if found else 1
        if len(places) >= MAX_REFUSED:
            raise TooManyError
        places[reader.index] = reader.index + length
        reader.forward(length)


_TAG = re.compile(r"!<[^>\s]*>|![^\s\0,\[\]{}]*")
_LINE = re.compile(r"[^\r\n\0]*")

_STARTS = {
    events.DocumentStartEvent: Kind.DOCUMENT,
    events.SequenceStartEvent: Kind.SEQUENCE,
    events.MappingStartEvent: Kind.MAPPING,
    events.SequenceEndEvent: Kind.END,
    events.MappingEndEvent: Kind.END,
    events.AliasEvent: Kind.ALIAS,
    events.ScalarEvent: Kind.SCALAR,
}


def _event(event: Any) -> Event | None:
    kind = _STARTS.get(type(event))
    if kind is None:
        return None
    start, end = event.start_mark.index, event.end_mark.index
    match kind:
        case Kind.SCALAR:
            return Event(kind, start, end, event.value, event.style or "", event.anchor)
        case Kind.ALIAS:
            return Event(kind, start, end, anchor=event.anchor)
        case Kind.SEQUENCE | Kind.MAPPING:
            return Event(kind, start, end, anchor=event.anchor, flow=bool(event.flow_style))
        case Kind.DOCUMENT | Kind.END:
            return Event(kind, start, end)


def _broken(error: Exception, scanner: _Scanner | None) -> BrokenError:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        index = error.problem_mark.index
        opened = error.context_mark.index if error.context_mark is not None else index
        return BrokenError(f"{error.context or ''}: {error.problem}", index, opened, scanner)
    index = scanner.furthest if scanner else 0
    return BrokenError(type(error).__name__, index, index, scanner)
