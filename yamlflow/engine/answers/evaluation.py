"""Expressions of a graph, evaluated for one task: when, foreach, start, until, outputs, inputs.

    answer = evaluation.answer(task, what)

An answer is a fact (written into the table of values at once), a Failure, or a
Deferred: expressions that need the content of stored values, to be evaluated by
a worker; its result is handed in as `known` and the same question asked again.
A mistake in an expression is a Failure with the expression's text, never an
exception.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import StateError
from yamlflow.core.expressions import access
from yamlflow.core.expressions.contents import opened, truth
from yamlflow.core.expressions.evaluator import evaluate
from yamlflow.core.expressions.fanned import Fanned
from yamlflow.core.expressions.faults import ExpressionError, Fault, NeedsWorkerError
from yamlflow.core.expressions.nodes import Field, Item, Literal, Root, Tree
from yamlflow.core.expressions.parser import Expression, parse
from yamlflow.core.expressions.references import static_reference
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import ARTIFACT_LOST, Failure
from yamlflow.core.messages import What
from yamlflow.core.values import READABLE_LIMIT, ArtifactRef, Document, UnstorableError, classes_in, renewed
from yamlflow.engine.answers.offload import for_worker
from yamlflow.engine.answers.scope import TaskScope, World, body_scope, task_scope
from yamlflow.engine.answers.sight import see, write
from yamlflow.engine.answers.values import Bundle
from yamlflow.worker.storage import ArtifactLostError, LocalStorage

ITERATED_LIMIT = 1 << 26
"""A list that a loop iterates is opened in the launcher up to so many bytes of JSON: its items are references."""

Known = Mapping[str, Document]


@dataclass(frozen=True, slots=True)
class Deferred:
    """Expressions for a worker, by a name each; `lists`: their items are wanted one by one."""

    expressions: Mapping[str, Document]
    lists: bool = False


class Wrong(Exception):  # noqa: N818 - a user's mistake on its way to becoming a Failure
    """An expression that cannot be evaluated: what, where, what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.failure = Failure("error", f"{message} ({hint})" if hint else message, final=True)


class LostValue(Wrong):
    """What an expression needs is no longer in the store."""

    def __init__(self, error: ArtifactLostError) -> None:
        super().__init__(str(error))
        self.failure = Failure(ARTIFACT_LOST, str(error), final=True, lost=tuple(error.digests))


class Defer(Exception):  # noqa: N818 - not an error: the answer comes from a worker
    def __init__(self, deferred: Deferred) -> None:
        super().__init__("a worker is needed")
        self.deferred = deferred


class Reader:
    """Evaluates single expressions; opens small stored JSON on the way."""

    def __init__(self, storage: LocalStorage) -> None:
        self._storage = storage
        self.replaced: dict[str, ArtifactRef] = {}  # what was made anew, by the digest it had before

    def load(self, ref: ArtifactRef) -> Any:
        return self._load(ref, READABLE_LIMIT)

    def load_list(self, ref: ArtifactRef) -> Any:
        return self._load(ref, ITERATED_LIMIT)

    def _load(self, ref: ArtifactRef, limit: int) -> Any:
        if ref.format != "json" or ref.size > limit:
            raise NeedsWorkerError(ref)
        return see(self.document(ref))

    def document(self, ref: ArtifactRef) -> Any:
        """The JSON behind a reference."""
        try:
            return json.loads(self._storage.read(self.replaced.get(ref.digest, ref)))
        except ArtifactLostError as error:
            raise LostValue(error) from error

    def store(self, body: bytes) -> ArtifactRef:
        """JSON put into the store."""
        try:
            digest, size = self._storage.put_bytes([body])
        except OSError as error:
            said = f"the store {self._storage.root} cannot be written: {error.strerror}"
            raise StateError(said, hint="free some space") from error
        return ArtifactRef(digest, "json", size, classes=classes_in(body))

    def value(self, text: str, scope: TaskScope, place: str) -> Any:
        """The value of an expression; Wrong when it has none, NeedsWorkerError when a worker must find it."""
        try:
            return evaluate(parse(text), scope, self.load)
        except ExpressionError as error:
            raise wrong(place, text, error) from error

    def seen(self, text: str, scope: TaskScope, place: str) -> Any:
        """As `value`, but a reference to a loop's value stays a Fanned."""
        expression = parse(text)
        if static_reference(expression.tree) is None or not _reads_steps(expression):
            return self.value(text, scope, place)
        try:
            return self._walk(expression.tree, scope)
        except Fault as fault:
            raise wrong(place, text, fault.at(0, len(text))) from fault

    def _walk(self, tree: Tree, scope: TaskScope) -> Any:
        if isinstance(tree, Root):
            return scope.root(tree.name)
        assert isinstance(tree, (Field, Item))
        target = self._walk(tree.target, scope)
        if target is None:
            return None
        if isinstance(tree, Field):
            return access.field(target, tree.name, self.load)
        assert isinstance(tree.key, Literal)
        return access.item(target, tree.key.value, self.load)

    def deferred(self, source: Document, scope: TaskScope) -> Document:
        """The same expression, or structure of expressions, for a worker."""
        return for_worker(source, scope, self.load)


def _reads_steps(expression: Expression) -> bool:
    return all(reference.root == "steps" for reference in expression.references)


def wrong(place: str, text: str, error: ExpressionError) -> Wrong:
    """A user's mistake in an expression, in one line."""
    shown = text if len(text) <= 120 else f"{text[:119]}…"
    at = f" at character {error.start + 1}" if error.start else ""
    return Wrong(f"{place}: `{shown}`: {error.message}{at}", error.hint)


class Evaluation:
    """Answers the scheduler's questions and writes what it finds into the table of values."""

    def __init__(self, world: World, reader: Reader) -> None:
        self._world = world
        self._reader = reader

    # --- conditions ---

    def condition(self, task: TaskId, what: What, known: Known) -> bool:
        """`when` or `until`."""
        node = self._world.graph.nodes[task.node]
        if what == "until":
            assert node.repeat is not None
            text, scope = node.repeat.until, body_scope(self._world, node.id, task.path)
        else:
            text, scope = node.when, task_scope(self._world, node.id, task.path)
        assert text is not None
        value = self._one(text, scope, what, known)
        try:
            return truth(opened(value, self._reader.load), f"`{what}`")
        except Fault as fault:
            raise wrong(what, text, fault.at(0, len(text))) from fault

    def _one(self, text: str, scope: TaskScope, place: str, known: Known) -> Any:
        if "value" in known:
            return see(known["value"])
        try:
            return self._reader.value(text, scope, place)
        except NeedsWorkerError:
            raise Defer(Deferred({"value": self._reader.deferred(text, scope)})) from None

    # --- values by name ---

    def begin(self, task: TaskId, known: Known) -> None:
        """`repeat.start`: what the first round sees."""
        repeat = self._world.graph.nodes[task.node].repeat
        assert repeat is not None
        scope = task_scope(self._world, task.node, task.path)
        self._world.values.begin(task, self._named(repeat.start, scope, "repeat.start", known))

    def outputs(self, task: TaskId, known: Known) -> dict[str, Any]:
        """`outputs` of a group: what they give, for the record too."""
        node = self._world.graph.nodes[task.node]
        scope = body_scope(self._world, node.id, task.path)
        found = self._named(node.outputs, scope, "outputs", known)
        self._world.values.put(task, Bundle(found))
        return found

    def results(self, known: Known) -> dict[str, Document]:
        """`outputs` of the whole pipeline."""
        scope = body_scope(self._world, "", ())
        found = self._named(self._world.graph.outputs, scope, "outputs", known)
        documents = {name: _document(value, f"outputs.{name}") for name, value in found.items()}
        return {name: renewed(document, self._reader.replaced) for name, document in documents.items()}

    def _named(self, sources: Mapping[str, Document], scope: TaskScope, place: str, known: Known) -> dict[str, Any]:
        found: dict[str, Any] = {}
        waiting: dict[str, Document] = {}
        for name, source in sources.items():
            if name in known:
                found[name] = see(known[name])
                continue
            try:
                found[name] = self.structure(source, scope, f"{place}.{name}")
            except NeedsWorkerError:
                if not isinstance(source, str):
                    raise Wrong(
                        f"{place}.{name}: needs the content of a stored value", "let a step compute it"
                    ) from None
                waiting[name] = self._reader.deferred(source, scope)
        if waiting:
            raise Defer(Deferred(waiting))
        return found

    def structure(self, source: Document, scope: TaskScope, place: str) -> Any:
        """The value of a structure whose string leaves are expressions."""
        if isinstance(source, str):
            return self._reader.seen(source, scope, place)
        if isinstance(source, dict):
            return {key: _plain(self.structure(part, scope, f"{place}.{key}")) for key, part in source.items()}
        if isinstance(source, list):
            return [_plain(self.structure(part, scope, f"{place}[{at}]")) for at, part in enumerate(source)]
        return source


def _plain(value: Any) -> Any:
    return list(value.items) if isinstance(value, Fanned) else value


def _document(value: Any, place: str) -> Document:
    try:
        return write(value)
    except UnstorableError as error:
        raise Wrong(f"{place}: {error}") from error
