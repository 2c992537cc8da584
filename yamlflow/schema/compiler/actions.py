"""What a task does, as plain data: its target, arguments, variables, and the digest that says when it changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from yamlflow.core.graph import Action, CommandTarget, PythonTarget, Target
from yamlflow.core.values import Document
from yamlflow.schema.files.holes import fill_text
from yamlflow.schema.model import Profile
from yamlflow.schema.scopes.places import Place


def make_action(place: Place, profile: Profile | None, iterated: tuple[str, ...], loop: object) -> Action:
    """The action of a step that is no group; `loop` is part of what defines it."""
    step = place.step
    target = _target(place)
    env = {**(profile.env if profile is not None else {}), **step.env}
    secrets = {**(profile.secrets if profile is not None else {}), **step.secrets}
    cwd = step.cwd or ("code" if step.run is not None else "scratch")
    python = fill_text(step.python, place.unit.values) if step.python is not None else None
    inputs, arguments = as_documents(step.inputs), as_documents(step.with_)
    return Action(
        target=target,
        inputs=inputs,
        arguments=arguments,
        env=env,
        secrets=secrets,
        env_pass=tuple(dict.fromkeys((*(profile.env_pass if profile is not None else ()), *step.env_pass))),
        cwd=cwd,
        python=python,
        iterated=iterated,
        definition=_digest(target, inputs, arguments, env, sorted(secrets), cwd, python, loop),
    )


def _target(place: Place) -> Target:
    step = place.step
    if step.run is not None:
        return PythonTarget(step.run, step.output_names)
    outputs = {name: _place(output) for name, output in step.output_places.items()}
    return CommandTarget(argv=step.command or (), script=step.sh, outputs=outputs)


def _place(output: Any) -> dict[str, Document]:
    kind, where = output.place
    place: dict[str, Document] = {kind: where}
    if output.beside:
        place["beside"] = list(output.beside)
    return place


def as_documents(values: Mapping[str, Any]) -> dict[str, Document]:
    """Trees of the model as documents: tuples are lists there."""
    return {name: _document(value) for name, value in values.items()}


def _document(value: Any) -> Document:
    match value:
        case dict():
            return {str(key): _document(item) for key, item in value.items()}
        case list() | tuple():
            return [_document(item) for item in value]
    return value  # type: ignore[no-any-return]


def _digest(*parts: object) -> str:
    text = json.dumps([repr(part) for part in parts], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
