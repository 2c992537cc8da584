"""The scheduler's questions and their answers: evaluated here, or by a worker first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Outcome
from yamlflow.core.messages import Evaluated, Event, ItemsKnown, What
from yamlflow.core.records import dump
from yamlflow.core.values import INLINE_LIMIT, Document, decode_ref, encode_ref
from yamlflow.engine.answers.evaluation import Evaluation, Known, Reader
from yamlflow.engine.answers.expansion import Expansion
from yamlflow.engine.answers.scope import World
from yamlflow.engine.answers.sight import write

Recorded = Mapping[str, Any] | None


class Questions:
    """Answers Evaluate; Wrong and Defer pass through to whoever asked."""

    def __init__(self, world: World, reader: Reader, evaluation: Evaluation, expansion: Expansion) -> None:
        self._world = world
        self._reader = reader
        self._evaluation = evaluation
        self._expansion = expansion

    def answer(self, at: float, task: TaskId, what: What, known: Known) -> tuple[Event, Recorded]:
        """The event that answers, and what is recorded with it; what it stands for is in the table of values."""
        match what:
            case "when" | "until":
                return Evaluated(at, task, what, self._evaluation.condition(task, what, known)), None
            case "foreach":
                found = self._expansion.expand(task, known)
                self._world.values.expand(task, found.items)
                return ItemsKnown(at, task, len(found.items), found.keys), None
            case "start":
                self._evaluation.begin(task, known)
                return Evaluated(at, task, what), None
            case "outputs":
                outputs = self._evaluation.outputs(task, known)
                return Evaluated(at, task, what), {"state": "succeeded", "value": self._storable(outputs)}

    def _storable(self, outputs: Mapping[str, Any]) -> Document:
        """The outputs as a document for the record; a large one is a reference into the store."""
        document = write(dict(outputs))
        body = dump(document).encode(errors="replace")
        if len(body) <= INLINE_LIMIT:
            return document
        return encode_ref(self._reader.store(body))

    def results(self, known: Known) -> dict[str, Any]:
        """The pipeline's own outputs."""
        return self._evaluation.results(known)

    def known(self, outcome: Outcome) -> Known:
        """What a worker found, by name."""
        value = outcome.value
        while isinstance(value, dict) and len(value) == 1 and "$artifact" in value:
            body: Any = value["$artifact"]
            value = self._reader.document(decode_ref(body))
        assert isinstance(value, dict)
        return value


def refused(at: float, task: TaskId, what: What, failure: Failure) -> Event:
    """The answer to a question that cannot be answered."""
    return Evaluated(at, task, what, error=failure)
