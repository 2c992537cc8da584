"""Argv templates: what can be filled here is filled here, holes over `inputs` go to the worker.

Files and folders become local paths only where the task runs, so a hole that
reads `inputs` travels as it is, with the other roots it reads beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yamlflow.core.expressions.evaluator import evaluate
from yamlflow.core.expressions.faults import ExpressionError, Fault, NeedsWorkerError
from yamlflow.core.expressions.references import Reference
from yamlflow.core.expressions.templates import Hole, Template, parse_template, render
from yamlflow.core.expressions.texts import fill
from yamlflow.core.values import Document
from yamlflow.engine.answers.evaluation import Reader, Wrong, wrong
from yamlflow.engine.answers.scope import TaskScope
from yamlflow.engine.answers.sight import see, write, write_plainly


class Templates:
    """Fills the holes of one task's texts."""

    def __init__(self, reader: Reader, scope: TaskScope) -> None:
        self._reader = reader
        self._scope = scope
        self.roots: dict[str, Document] = {}

    def document(self, source: Document, place: str) -> Document:
        """A literal whose strings may have holes; a whole hole keeps its type."""
        if isinstance(source, str):
            return self._text(source, place) if "{{" in source else source
        if isinstance(source, dict):
            return {key: self.document(part, f"{place}.{key}") for key, part in source.items()}
        if isinstance(source, list):
            return [self.document(part, f"{place}[{at}]") for at, part in enumerate(source)]
        return source

    def _text(self, source: str, place: str) -> Document:
        template = parse_template(source)
        if isinstance(template, str):
            return template
        try:
            return write(render(template, self._scope, self._reader.load))
        except NeedsWorkerError as error:
            if template.whole is not None:
                return self._reader.deferred(template.whole.text, self._scope)
            raise Wrong(f"{place}: {error}", "move it to `inputs`") from error
        except ExpressionError as error:
            raise wrong(place, source, error) from error

    def variable(self, name: str, source: str) -> str:
        """The text of an environment variable."""
        template = parse_template(source) if "{{" in source else source
        if isinstance(template, str):
            return template
        place = f"env.{name}"
        try:
            return fill(render(template, self._scope, self._reader.load))
        except NeedsWorkerError as error:
            raise Wrong(f"{place}: {error}", "pass it under `inputs`") from error
        except ExpressionError as error:
            raise wrong(place, source, error) from error
        except Fault as fault:
            raise wrong(place, source, fault.at(0, len(source))) from fault

    def argv(self, sources: Sequence[str]) -> list[str]:
        """Arguments as templates over `inputs` alone; lists that are whole arguments are spliced."""
        return [argument for source in sources for argument in self._arguments(source)]

    def _arguments(self, source: str) -> list[str]:
        template = parse_template(source) if "{{" in source else source
        if isinstance(template, str):
            return [_escaped(template)]
        try:
            if template.whole is not None and self._is_ours(template.holes[0]):
                value = write_plainly(evaluate(template.whole, self._scope, self._reader.load))
                return [_escaped(fill(item)) for item in (value if isinstance(value, list) else [see(value)])]
            return [self._partly(template)]
        except (NeedsWorkerError, ExpressionError, Fault) as error:
            raise _argument_wrong(source, error) from error

    def _partly(self, template: Template) -> str:
        pieces = []
        for part in template.parts:
            if isinstance(part, str):
                pieces.append(_escaped(part))
            elif self._is_ours(part):
                pieces.append(_escaped(fill(evaluate(part.expression, self._scope, self._reader.load))))
            else:
                pieces.append(template.text[part.start : part.end])
                self._carry(part.expression.references)
        return "".join(pieces)

    def _is_ours(self, hole: Hole) -> bool:
        return all(reference.root != "inputs" for reference in hole.expression.references)

    def _carry(self, references: Sequence[Reference]) -> None:
        """What a hole over `inputs` reads beside them."""
        for reference in references:
            if reference.root != "inputs" and reference.root not in self.roots:
                if reference.root == "steps":
                    raise Wrong(f"command: `{reference}` beside `inputs` in one hole", "name it under `inputs` first")
                found: Mapping[str, Any] = self._scope.root(reference.root)
                self.roots[reference.root] = write(dict(found))


def _escaped(text: str) -> str:
    return text.replace("${{", "$${{")


def _argument_wrong(source: str, error: Exception) -> Wrong:
    match error:
        case ExpressionError():
            return wrong("command", source, error)
        case Fault():
            return wrong("command", source, error.at(0, len(source)))
        case _:
            return Wrong(f"command: `{source}`: {error}", "name it under `inputs` and write ${{ inputs.NAME }}")
