"""Events made into nodes: limits, aliases, merges, duplicate keys, and the traps that are legal YAML.

Every event is looked at once. Limits hold for the expanded tree, so that a
reader may recurse into it freely; passing one ends the reading. Any other
finding is noted and reading goes on. Never raises, whatever the text is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Diagnostic, Span, file_order
from yamlflow.schema.nodes import Mapping, Node, Scalar, Sequence
from yamlflow.schema.source import Source
from yamlflow.schema.text import findings, limits, traps
from yamlflow.schema.text.entries import Pair, entries
from yamlflow.schema.text.events import BrokenError, Event, Kind, Refused, TooDeepError, TooManyError, scan
from yamlflow.schema.text.extents import behind_word
from yamlflow.schema.text.problems import Repair, double_braces, explain
from yamlflow.schema.text.scalars import OutOfRangeError, Plain, resolve

_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_CUES = {":": re.compile(_BLANK.pattern + ":"), "-": re.compile(_BLANK.pattern + "-")}

_MAX_REPAIRS = 20
_REPAIR_BUDGET = 200_000  # characters read again because of repairs


def read_tree(source: Source) -> tuple[Node | None, list[Diagnostic]]:
    """What `nodes.parse` promises."""
    if unfit := findings.unfit_text(source):
        return None, unfit
    text, problems, repairs = source.text, list[Diagnostic](), list[Repair]()
    for _ in range(1 + max(1, min(_MAX_REPAIRS, _REPAIR_BUDGET // max(1, len(text))))):
        reader = _Reader(source, text, repairs)
        root = reader.read()
        if reader.broken is None:
            break
        problem = explain(source, reader.broken)
        if any(_touches(source, repair, problem.diagnostic.span) for repair in repairs):
            break  # an echo of a mistake that is already known
        problems.append(problem.diagnostic)
        if problem.repair is None:
            break
        repairs.append(problem.repair)
        text = _overwrite(text, problem.repair)
    return root, limits.first(file_order([*problems, *reader.findings()]))


def _overwrite(text: str, repair: Repair) -> str:
    return text[: repair.start] + repair.filler * (repair.end - repair.start) + text[repair.end :]


def _touches(source: Source, repair: Repair, span: Span) -> bool:
    start, end = source.index(span.line, span.column), source.index(span.end_line, span.end_column)
    return start < repair.end and repair.start < max(end, start + 1)


class _StopError(Exception):
    """A limit was passed: nothing further is read."""


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for, with what it adds to the expanded tree."""

    node: Node
    place: Span
    nodes: int
    chars: int
    height: int


class _Reader:
    """One pass over one text."""

    def __init__(self, source: Source, text: str, repairs: list[Repair]) -> None:
        self.source = source
        self.text = text
        self.repairs = repairs
        self.refused = Refused()
        self.events: Iterator[Event] = scan(text, self.refused)
        self.found: list[Diagnostic] = []
        self.broken: BrokenError | None = None
        self.anchors: dict[str, _Anchored] = {}
        self.open: dict[str, Span] = {}
        self.at = 0  # the end of what has been read, for values that are not there
        self.nodes = self.chars = self.aliases = self.merges = self.depth = self.reached = self.flow = 0

    def read(self) -> Node | None:
        """The root, or None when there is none or reading had to stop; see `broken` and `found`."""
        try:
            return self._document()
        except BrokenError as broken:
            self.broken = broken
        except TooDeepError as deep:
            self.found.append(limits.depth(self.source.span(deep.index, deep.index + 1)))
        except (TooManyError, _StopError):
            pass  # what has been found says enough
        return None

    def findings(self) -> list[Diagnostic]:
        """Everything this pass has found, the stepped-over tags and directives included."""
        return [*self.found, *findings.refused(self.source, self.refused)]

    def _document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self.events:
            if event.kind is not Kind.DOCUMENT:
                root = self._node(event, "")
                continue
            documents += 1
            if documents > 1:
                self.found.append(findings.second_document(self.source, event.start))
                break
        if root is None or (isinstance(root, Scalar) and not root.text and not root.quoted):
            if not self.findings():
                self.found.append(findings.empty(self.source))
            return None
        return root

    # -------------------------------------------------------------- nodes

    def _node(self, event: Event, cue: str) -> Node:
        """The node that begins with `event`; `cue` is the sign an absent value stands behind."""
        if event.kind is Kind.ALIAS:
            return self._alias(event)
        if event.anchor is None:
            return self._bare_node(event, cue)
        return self._anchored_node(event, event.anchor, cue)

    def _bare_node(self, event: Event, cue: str) -> Node:
        self._count(1, event.end - event.start + 1, event)
        if event.kind is Kind.SCALAR:
            return self._scalar(event, cue)
        self.depth += 1
        self.reached = max(self.reached, self.depth)
        if self.depth > limits.MAX_DEPTH:
            self._stop(limits.depth(self.source.span(event.start, event.start + 1)))
        self.flow += event.flow
        node = self._sequence(event) if event.kind is Kind.SEQUENCE else self._mapping(event)
        self.flow -= event.flow
        self.depth -= 1
        return node

    def _anchored_node(self, event: Event, name: str, cue: str) -> Node:
        place = self.source.span(event.start, event.start + 1 + len(name))
        earlier, outer = self.anchors.get(name), self.open.get(name)
        if (first := earlier.place if earlier else outer) is not None:
            self.found.append(findings.duplicate_anchor(name, place, first))
        nodes, chars, reached = self.nodes, self.chars, self.reached
        self.open[name], self.reached = place, self.depth
        node = self._bare_node(event, cue)
        if outer is None:
            del self.open[name]
        else:
            self.open[name] = outer
        added = _Anchored(node, place, self.nodes - nodes, self.chars - chars, self.reached - self.depth)
        self.anchors[name] = added
        self.reached = max(reached, self.reached)
        return node

    def _alias(self, event: Event) -> Node:
        name = event.anchor or ""
        span = self.source.span(event.start, event.end)
        self.at = event.end
        self.aliases += 1
        if self.aliases > limits.MAX_ALIASES:
            self._stop(limits.aliases(span))
        anchored = self.anchors.get(name)
        if name in self.open or anchored is None:
            cycle = self.open.get(name)
            known = [*self.anchors, *self.open]
            self.found.append(findings.cycle(name, span, cycle) if cycle else findings.no_anchor(name, span, known))
            return Scalar(span, self.text[event.start : event.end], self.text[event.start : event.end])
        self._count(anchored.nodes, anchored.chars, event)
        if self.depth + anchored.height > limits.MAX_DEPTH:
            self._stop(limits.depth(span))
        self.reached = max(self.reached, self.depth + anchored.height)
        return replace(anchored.node, span=span)

    def _count(self, nodes: int, chars: int, event: Event) -> None:
        self.nodes += nodes
        self.chars += chars
        if len(self.found) > limits.MAX_FINDINGS:
            raise _StopError
        if self.nodes > limits.MAX_NODES:
            self._stop(limits.nodes(self.source.span(event.start, event.end)))
        if self.chars > limits.MAX_EXPANSION * max(len(self.text), 1):
            self._stop(limits.expansion(self.source.span(event.start, event.end)))

    def _stop(self, found: Diagnostic) -> None:
        self.found.append(found)
        raise _StopError

    # -------------------------------------------------------------- scalars

    def _scalar(self, event: Event, cue: str) -> Scalar:
        start, end = self._content(event), event.end
        if not event.value and not event.style:
            return self._absent(start if event.anchor else self._behind(cue))
        if event.style in {"|", ">"}:
            end = start + len(self.text[start:end].rstrip())
        self.at = end
        if self.refused.tags:
            self.refused.tagged[behind_word(self.text, start)] = end
        span = self.source.span(start, end)
        if any(start < repair.end and repair.start < end for repair in self.repairs):
            return Scalar(span, self.source.text[start:end], self.source.text[start:end])
        value = self._string(event.value, span) if event.style else self._plain(event.value, span)
        return Scalar(span, value, event.value if event.style == "" else str(value), quoted=bool(event.style))

    def _plain(self, text: str, span: Span) -> Plain:
        try:
            return resolve(text)
        except OutOfRangeError as error:
            self.found.append(findings.number_range(text, str(error), span))
            return text

    def _string(self, text: str, span: Span) -> str:
        text, found = findings.checked_string(text, span)
        self.found.extend(found)
        return text

    def _absent(self, index: int) -> Scalar:
        """An empty value at `index`; the tag that was written in its place, if there is one."""
        behind = index + len(self.text[index:]) - len(self.text[index:].lstrip(" "))
        end = self.refused.tags.get(behind)
        self.at = max(self.at, end or index)
        if end is None:
            return Scalar(self.source.span(index, index), None, "")
        return Scalar(self.source.span(behind, end), self.text[behind:end], self.text[behind:end])

    def _behind(self, cue: str) -> int:
        found = _CUES[cue].match(self.text, self.at) if cue else None
        return found.end() if found else self.at

    def _content(self, event: Event) -> int:
        """Where a node begins behind its anchor, and behind what was stepped over there."""
        if event.anchor is None:
            return event.start
        index = event.start + 1 + len(event.anchor)
        while True:
            blank = _BLANK.match(self.text, index)
            behind = blank.end() if blank else index
            if behind not in self.refused.tags:
                return behind if behind < event.end or event.kind is not Kind.SCALAR else index
            index = self.refused.tags[behind]

    # -------------------------------------------------------------- collections

    def _sequence(self, start: Event) -> Node:
        begin = self.at = self._content(start)
        items: list[Node] = []
        for event in self.events:
            if event.kind is Kind.END:
                break
            items.append(self._node(event, "-"))
        end = event.end if start.flow else self.at
        self.at = max(self.at, end)
        if start.flow:
            items = traps.join_items(self.source, items, self.found)
        return Sequence(self.source.span(begin, end), tuple(items))

    def _mapping(self, start: Event) -> Node:
        begin = self.at = self._content(start)
        known = len(self.found)
        pairs: list[Pair] = []
        for event in self.events:
            if event.kind is Kind.END:
                break
            merge = event.kind is Kind.SCALAR and not event.style and event.value == "<<"
            key = self._node(event, "")
            pairs.append(Pair(key, self._node(next(self.events), ":"), merge))
        end = event.end if start.flow else self.at
        self.at = max(self.at, end)
        span = self.source.span(begin, end)
        if start.flow and self.text.startswith("{{", begin):
            del self.found[known:]
            self.found.append(double_braces(self.source, begin, end, flow=self.flow > 1))
            return Scalar(span, self.text[begin:end], self.text[begin:end])
        pairs = traps.join_pairs(self.source, pairs, self.found) if start.flow else pairs
        self._count_merges(pairs)
        return Mapping(span, entries(pairs, self.found))

    def _count_merges(self, pairs: list[Pair]) -> None:
        for pair in pairs:
            if pair.merge:
                self.merges += len(pair.value.items) if isinstance(pair.value, Sequence) else 1
                if self.merges > limits.MAX_MERGES:
                    self._stop(limits.merges(pair.key.span))
