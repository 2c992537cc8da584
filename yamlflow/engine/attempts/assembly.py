"""From a submit command to a Job: everything the worker needs, as plain data.

Inputs become documents: a value that is passed on whole keeps its references, a
loop's whole value becomes a `$join` that the worker reads lazily, what needs
content travels as an expression. A mistake is a Wrong, and the attempt fails.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as Folder
from typing import Any

from yamlflow.core.commands import Submit
from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions.faults import NeedsWorkerError
from yamlflow.core.expressions.parser import parse
from yamlflow.core.expressions.references import static_reference
from yamlflow.core.graph import Action, CommandTarget, Node, PythonTarget, TaskId
from yamlflow.core.jobs import Grant, Job
from yamlflow.core.naming import Names
from yamlflow.core.values import Document, UnstorableError, renewed
from yamlflow.engine.answers.evaluation import Deferred, Reader, Wrong
from yamlflow.engine.answers.scope import TaskScope, World, task_scope
from yamlflow.engine.answers.sight import write
from yamlflow.engine.attempts.commands import Templates
from yamlflow.engine.attempts.keys import attempt_id, seed

_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode
_LOCAL: Mapping[str, Any] = {"type": "local"}
EVALUATE = "yamlflow.worker.evaluation:evaluate"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run keeps things on this machine."""

    run: Folder
    store: Folder

    def log(self, name: str) -> str:
        return f"{self.run}/logs/{name}.log"

    def scratch(self, name: str) -> str:
        return f"{self.run}/scratch/{name}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a task is given: documents by name, variables, and for a command its argv with the roots it reads."""

    inputs: dict[str, Document]
    env: dict[str, str]
    each: dict[str, Document]
    target: dict[str, Any]


class Assembly:
    """Makes jobs of one launch of a run."""

    def __init__(
        self,
        world: World,
        reader: Reader,
        names: Names,
        places: Places,
        run_id: str,
        launch: int,
        shipped: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._world = world
        self._reader = reader
        self._names = names
        self._places = places
        self._run_id = run_id
        self._launch = launch
        self._shipped = shipped or {}  # executor -> the code roots in the package that its tasks find
        self._asked: dict[TaskId, int] = {}
        self._shared: tuple[Submit | None, str] = (None, "")
        self._params = {param.name: param.value for param in world.graph.params.values() if not param.secret}
        self._masked = tuple(_texts(param.value for param in world.graph.params.values() if param.secret))

    def prepare(self, task: TaskId, attempt: int = 1) -> Prepared:
        """Evaluates all that a task is given; Wrong says what is not right."""
        node = self._world.graph.nodes[task.node]
        assert node.action is not None
        try:
            prepared = self._prepared(node.action, task_scope(self._world, task.node, task.path, attempt=attempt))
            return self._renewed(prepared) if self._reader.replaced else prepared
        except NeedsWorkerError as error:
            raise Wrong(f"{task.node}: {error}", "let the step before it return what is asked") from error
        except UnstorableError as error:
            raise Wrong(f"{task.node}: {error}") from error

    def _renewed(self, prepared: Prepared) -> Prepared:
        """The same, with what was made anew in place of what was lost."""
        parts = (prepared.inputs, prepared.env, prepared.each, prepared.target)
        return Prepared(*(renewed(part, self._reader.replaced) for part in parts))

    def _prepared(self, action: Action, scope: TaskScope) -> Prepared:
        templates = Templates(self._reader, scope)
        inputs = {name: self._input(name, source, scope) for name, source in action.inputs.items()}
        inputs.update((name, templates.document(source, f"with.{name}")) for name, source in action.arguments.items())
        each = {name: write(value) for name, value in scope.each.items()}
        env = {name: templates.variable(name, source) for name, source in action.env.items()}
        return Prepared(inputs, env, each, _target(action, templates))

    def _input(self, name: str, source: Document, scope: TaskScope) -> Document:
        place = f"inputs.{name}"
        if isinstance(source, str):
            joined = self._joined(source, scope)
            return self._expression(source, scope, place) if joined is None else joined
        if isinstance(source, (dict, list)):
            return self._structure(source, scope, place)
        return source

    def _expression(self, source: str, scope: TaskScope, place: str) -> Document:
        try:
            return write(self._reader.value(source, scope, place))
        except NeedsWorkerError:
            return self._reader.deferred(source, scope)

    def _structure(self, source: Document, scope: TaskScope, place: str) -> Document:
        try:
            return self._built(source, scope, place)
        except NeedsWorkerError:
            return self._reader.deferred(source, scope)

    def _built(self, source: Document, scope: TaskScope, place: str) -> Document:
        if isinstance(source, str):
            return write(self._reader.value(source, scope, place))
        if isinstance(source, dict):
            return {key: self._built(part, scope, f"{place}.{key}") for key, part in source.items()}
        if isinstance(source, list):
            return [self._built(part, scope, f"{place}[{at}]") for at, part in enumerate(source)]
        return source

    def _joined(self, source: str, scope: TaskScope) -> Document:
        """`$join` for a reference to a loop's whole value or one field of it; None for anything else."""
        reference = static_reference(parse(source).tree)
        if reference is None or reference.root != "steps" or not reference.path:
            return None
        name, *fields = reference.path
        if "each" in fields or any(isinstance(field, int) for field in fields):
            return None
        step = self._world.find(scope.body, str(name))
        if step.names is None:
            return None
        try:
            items = write(self._reader.value(source, scope, "inputs"))
        except NeedsWorkerError:
            return None
        keys: list[Document] = list(self._names.item_keys(step.id, scope.path[: step.depth]))
        return {"$join": {"keys": keys, "items": items}}

    # --- jobs ---

    def job(self, submit: Submit, task: TaskId, prepared: Prepared, extra: Mapping[str, Document]) -> Job:
        """The job of one attempt; `extra` are inputs of a rescue."""
        node = self._world.graph.nodes[task.node]
        action = node.action
        assert action is not None
        name = attempt_id(self._run_id, self._launch, task, submit.attempt)
        profile = self._world.graph.profiles.get(node.executor, _LOCAL)
        inherits = bool(profile.get("env_inherit", profile["type"] == "local"))
        rescue = node.catch.callable if submit.rescue and node.catch is not None else None
        return Job(
            attempt_id=name,
            run_id=self._run_id,
            task=task,
            display=self._names.display(task),
            attempt=submit.attempt,
            target={"kind": "python", "callable": rescue} if rescue else prepared.target,
            inputs={**prepared.inputs, **extra} if extra else prepared.inputs,
            each=prepared.each,
            params=self._params,
            env={**_passed(action, inherits), **prepared.env},
            secrets=action.secrets,
            grant=submit.grant,
            timeout=_timeout(node, submit.grows[1]),
            seed=seed(self._run_id, task, submit.attempt),
            cwd=action.cwd,
            code_roots=self._shipped.get(node.executor, self._world.graph.code_roots),
            python=action.python,
            iterated=action.iterated,
            log=self._places.log(name),
            scratch=self._places.scratch(name),
            store=str(self._places.store),
            env_inherit=inherits,
            shares=self._shares(submit),
            packed=node.items_per_task > 0,
            isolation=node.isolation,
            masked=self._masked,
        )

    def _shares(self, submit: Submit) -> str:
        """What the jobs of one grant are told apart by from those of another: the first attempt's name."""
        if len(submit.tasks) == 1:
            return ""
        if self._shared[0] is not submit:
            self._shared = (submit, attempt_id(self._run_id, self._launch, submit.tasks[0], submit.attempt))
        return self._shared[1]

    def evaluation(self, task: TaskId, what: str, deferred: Deferred) -> Job:
        """A job that evaluates expressions where stored values may be opened."""
        around = TaskId(f"{task.node}.{what}", task.path)
        self._asked[around] = self._asked.get(around, 0) + 1
        name = attempt_id(self._run_id, self._launch, around, self._asked[around])
        return Job(
            attempt_id=name,
            run_id=self._run_id,
            task=around,
            display=f"{task.node or 'run'}: {what}",
            attempt=1,
            target={"kind": "python", "callable": EVALUATE},
            inputs=renewed(deferred.expressions, self._reader.replaced),
            grant=Grant(),
            code_roots=self._world.graph.code_roots,
            iterated=tuple(deferred.expressions) if deferred.lists else (),
            log=self._places.log(name),
            scratch=self._places.scratch(name),
            store=str(self._places.store),
        )


def _texts(documents: Iterable[Document]) -> Iterator[str]:
    """The values of secret parameters as a task would print them."""
    for document in documents:
        if isinstance(document, list):
            yield from _texts(document)
        elif isinstance(document, (str, int, float)) and not isinstance(document, bool):
            yield str(document)


def _passed(action: Action, inherits: bool) -> dict[str, str]:
    """Variables of the caller that a clean environment gets; all of them are there anyway when it is inherited."""
    return {} if inherits else {name: os.environ[name] for name in action.env_pass if name in os.environ}


def _timeout(node: Node, grown: int) -> float | None:
    if node.timeout is None or not grown:
        return node.timeout
    longest = node.retry.grow_max_timeout
    timeout = node.timeout * node.retry.grow_timeout**grown
    return timeout if longest is None else min(timeout, max(longest, node.timeout))


def _target(action: Action, templates: Templates) -> dict[str, Any]:
    match action.target:
        case PythonTarget(callable=name, outputs=outputs):
            return {"kind": "python", "callable": name, "outputs": list(outputs)}
        case CommandTarget(argv=argv, script=script, outputs=outputs):
            declared = {name: dict(body) for name, body in outputs.items()}
            if script is not None:
                return {"kind": "command", "script": script, "outputs": declared}
            filled = templates.argv(argv)
            return {"kind": "command", "argv": filled, "outputs": declared, "roots": templates.roots}


def digest(action: Action, prepared: Prepared) -> bytes:
    """16 bytes: half for the definition, half for all the task is given. Equal bytes: the result stands."""
    each = {name: value for name, value in prepared.each.items() if name != "index"}
    given = [prepared.inputs, prepared.env, prepared.target.get("argv"), each]
    return definition_digest(action) + _half(_encoded(given).encode())


def definition_digest(action: Action) -> bytes:
    """The half of a digest that says whether the step's definition is the same."""
    return _half(action.definition.encode())


def _half(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=8).digest()
