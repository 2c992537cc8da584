"""Text with holes: `s3://raw/${{ run.date }}/x`.

`$${{` is a literal `${{`. A text that is one whole hole keeps the type of its
expression; any other text with a hole is text, and only str, int, float, bool,
date and path may fill it. What fills a hole is never looked at again for
holes. Positions are offsets into the text of the template.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions import texts
from yamlflow.core.expressions.contents import Load, needs_worker, opened
from yamlflow.core.expressions.evaluator import Scope, evaluate
from yamlflow.core.expressions.faults import ExpressionError, Fault
from yamlflow.core.expressions.parser import ROOTS, Expression, parse
from yamlflow.core.expressions.references import Reference
from yamlflow.core.expressions.scanner import find_end

_OPENING = re.compile(r"\$?\$\{\{")


@dataclass(frozen=True, slots=True)
class Hole:
    """`${{ e }}` from `start` to `end` of the template; the text of `e` begins at `inside`."""

    expression: Expression
    start: int
    inside: int
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """Text and holes in turn, as they stand."""

    text: str
    parts: tuple[str | Hole, ...]

    @property
    def whole(self) -> Expression | None:
        """The expression of a template that is one hole and nothing else."""
        (first, *rest) = self.parts
        return first.expression if isinstance(first, Hole) and not rest else None

    @property
    def holes(self) -> tuple[Hole, ...]:
        return tuple(part for part in self.parts if isinstance(part, Hole))

    @property
    def references(self) -> tuple[Reference, ...]:
        """What all holes read, with offsets into the template."""
        return tuple(
            dataclasses.replace(found, start=found.start + hole.inside, end=found.end + hole.inside)
            for hole in self.holes
            for found in hole.expression.references
        )


def parse_template(text: str, roots: Collection[str] = ROOTS) -> Template | str:
    """The template that `text` is, or plain text (escapes undone) when it has no hole."""
    parts = tuple(_merged(_parts(text, roots)))
    if any(isinstance(part, Hole) for part in parts):
        return Template(text, parts)
    return "".join(part for part in parts if isinstance(part, str))


def _parts(text: str, roots: Collection[str]) -> Iterator[str | Hole]:
    done = 0
    while (opening := _OPENING.search(text, done)) is not None:
        yield text[done : opening.start()]
        if opening[0].startswith("$$"):
            yield "${{"
            done = opening.end()
        else:
            hole = _hole(text, opening.start(), opening.end(), roots)
            yield hole
            done = hole.end
    yield text[done:]


def _hole(text: str, start: int, inside: int, roots: Collection[str]) -> Hole:
    end = find_end(text, inside)
    if end is None:
        hint = "write }} after the expression, or $${{ for a literal ${{"
        raise ExpressionError("this `${{` is never closed", start, inside, hint)
    if not text[inside:end].strip():
        raise ExpressionError("the hole is empty", start, end + 2, "write an expression, or $${{ for a literal ${{")
    try:
        return Hole(parse(text[inside:end], roots), start, inside, end + 2)
    except ExpressionError as error:
        raise error.moved(inside) from None


def _merged(parts: Iterator[str | Hole]) -> Iterator[str | Hole]:
    """Neighbouring texts as one, empty ones left out."""
    pending = ""
    for part in parts:
        if isinstance(part, str):
            pending += part
            continue
        if pending:
            yield pending
        pending = ""
        yield part
    if pending:
        yield pending


def render(template: Template, scope: Scope, load: Load = needs_worker) -> Any:
    """The value of a whole hole, else the text with its holes filled."""
    whole = template.whole
    if whole is not None:
        return _evaluated(template.holes[0], scope, load)
    return "".join(part if isinstance(part, str) else _filled(part, scope, load) for part in template.parts)


def _evaluated(hole: Hole, scope: Scope, load: Load) -> Any:
    try:
        return evaluate(hole.expression, scope, load)
    except ExpressionError as error:
        raise error.moved(hole.inside) from None


def _filled(hole: Hole, scope: Scope, load: Load) -> str:
    value = _evaluated(hole, scope, load)
    try:
        return fill(value, load)
    except ExpressionError as error:
        raise ExpressionError(error.message, hole.start, hole.end, error.hint, error.code) from None


def fill(value: Any, load: Load = needs_worker) -> str:
    """The text of a value in a hole, an argument or a variable.

    str, int, float, bool (true, false), date (ISO) and path only; anything
    else is an ExpressionError without a place that says what to write.
    """
    try:
        return texts.fill(opened(value, load))
    except Fault as fault:
        raise ExpressionError(f"{fault.message}, and fills no hole", 0, 0, fault.hint, fault.code) from None


RUN_FIELDS = frozenset({"id", "name", "date", "time", "attempt", "dir", "state", "error"})


def looks_like_expression(text: str, known: Callable[[Reference], bool] | None = None) -> bool:
    """Whether plain text was probably meant as an expression: it parses as one and reads a `root.name`.

    `known` says whether a reference names something that exists; without it
    every name counts (of `run`, its own fields: `run.sh` is a file).
    """
    try:
        references = parse(text).references
    except ExpressionError:
        return False
    return any(found.path and (known or _is_plausible)(found) for found in references)


def _is_plausible(reference: Reference) -> bool:
    return reference.root != "run" or reference.path[0] in RUN_FIELDS
