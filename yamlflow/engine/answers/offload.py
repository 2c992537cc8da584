"""Expressions that need the content of stored values, made ready for a worker.

Every reference in the expression is read here, unopened, and handed over under
a name of its own; the text is rewritten to those names, and questions about
states are answered in place. The worker needs no graph to finish the work.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from yamlflow.core.expressions.contents import Load
from yamlflow.core.expressions.evaluator import Scope, evaluate
from yamlflow.core.expressions.faults import NeedsWorkerError
from yamlflow.core.expressions.nodes import Call, Tree, children
from yamlflow.core.expressions.parser import Expression, parse
from yamlflow.core.expressions.references import STATUS_FUNCTIONS, Reference, find_references
from yamlflow.core.values import Document
from yamlflow.engine.answers.sight import write_plainly


def for_worker(source: Document, scope: Scope, load: Load) -> Document:
    """`{"$expr": {"text", "roots"}}` for an expression, or for a structure whose string leaves are expressions."""
    offload = _Offload(scope, load)
    text = offload.text(source)
    return {"$expr": {"text": text, "roots": {"inputs": offload.given}}}


class _Offload:
    """One expression on its way to a worker; `given` is what it reads, by name."""

    def __init__(self, scope: Scope, load: Load) -> None:
        self.given: dict[str, Document] = {}
        self._scope = scope
        self._load = load

    def text(self, source: Document) -> str:
        if isinstance(source, str):
            return self._rewritten(parse(source))
        if isinstance(source, dict):
            return f"{{{', '.join(f'{json.dumps(key)}: {self.text(part)}' for key, part in source.items())}}}"
        if isinstance(source, list):
            return f"[{', '.join(map(self.text, source))}]"
        return self._name(source)

    def _name(self, document: Document) -> str:
        name = f"r{len(self.given)}"
        self.given[name] = document
        return f'inputs["{name}"]'

    def _rewritten(self, expression: Expression) -> str:
        pieces: list[str] = []
        done = 0
        for start, end, replacement in sorted(self._replacements(expression)):
            pieces += [expression.text[done:start], replacement]
            done = end
        return f"({''.join([*pieces, expression.text[done:]])})"

    def _replacements(self, expression: Expression) -> Iterator[tuple[int, int, str]]:
        for call in _status_calls(expression.tree):
            answer = evaluate(parse(expression.text[call.start : call.end]), self._scope)
            yield call.start, call.end, json.dumps(answer)
        for reference in find_references(expression.tree):
            if not reference.status_only:
                end, value = self._read(reference, expression.text)
                yield reference.start, end, self._name(write_plainly(value))

    def _read(self, reference: Reference, text: str) -> tuple[int, Any]:
        """The value of as much of a reference as can be read here, and where that part ends in the text."""
        text = text[reference.start : reference.end]
        target = parse(text).tree
        while True:
            words = text[: target.end]
            try:
                found = evaluate(parse(f"coalesce({words})" if reference.guarded else words), self._scope, self._load)
            except NeedsWorkerError:
                target = children(target)[0]
            else:
                return reference.start + target.end, found


def _status_calls(tree: Tree) -> Iterator[Call]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call) and node.function in STATUS_FUNCTIONS:
            yield node
        else:
            waiting.extend(children(node))
