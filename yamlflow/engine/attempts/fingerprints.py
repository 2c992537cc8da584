"""The fingerprint of one task: what it is given, as components, and with its step's code the key.

Files count by what they hold, stored values by their digests. A secret counts by
reference only: what reads a secret parameter, or holds its value, is the same
whatever that is. Changes nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions.faults import NeedsWorkerError
from yamlflow.core.expressions.parser import parse
from yamlflow.core.expressions.references import Reference
from yamlflow.core.expressions.templates import parse_template
from yamlflow.core.fingerprint import Components, digest_of, key_of, text_of
from yamlflow.core.graph import Action, Cache, CommandTarget, TaskId
from yamlflow.core.values import Document
from yamlflow.engine.answers.evaluation import Reader
from yamlflow.engine.answers.scope import World, task_scope
from yamlflow.engine.answers.sight import see, write
from yamlflow.engine.attempts.assembly import Prepared
from yamlflow.engine.attempts.codes import Code, Codes
from yamlflow.engine.attempts.contents import Contents

_WORD = re.compile(r"[^\s'\"=;|&<>()$`]+")
_WILD = re.compile(r"[^/]*[*?\[{].*")
"""What a shell expands: what is before it leads to the folder that it looks in."""
_KERNEL = ("/proc/", "/sys/", "/dev/")
_SECRET = digest_of("a secret")
SHORTEST = 4
"""Characters of a secret value that is looked for in what tasks are given."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The key of a task's result, what it is made of, and what the files in it held."""

    key: bytes
    code: Code
    given: Components
    files: Mapping[Path, str | None]


class Fingerprints:
    """Fingerprints of the tasks of one launch."""

    def __init__(self, world: World, reader: Reader, codes: Codes, contents: Contents) -> None:
        self._world = world
        self._reader = reader
        self._codes = codes
        self._contents = contents
        secret = [param for param in world.graph.params.values() if param.secret]
        self._secret = {param.name for param in secret}
        self._values = [text for param in secret if len(text := json.dumps(param.value).strip('"')) >= SHORTEST]
        self._hidden: dict[str, frozenset[str]] = {}
        self._params = {param.name: param.value for param in world.graph.params.values() if not param.secret}
        self._files: dict[Path, str | None] = {}
        self._classes: set[str] = set()
        self._here = Path(world.graph.code_roots[0]) if world.graph.code_roots else Path()

    def of(self, task: TaskId, prepared: Prepared) -> Fingerprint:
        """The fingerprint of a task of a step that has a cache."""
        node = self._world.graph.nodes[task.node]
        assert node.action is not None
        assert node.cache is not None
        code = self._codes.of(task.node)
        self._files, self._classes = {}, set()
        asked = [name for name in prepared.each if name != "index" or "each" in code.asks]
        given = {f"each.{name}": self._text(prepared.each[name]) for name in asked}
        given |= {f"env.{name}": self._text(value) for name, value in prepared.env.items()}
        if node.cache.key is not None:
            given |= self._wanted(task, node.cache.key, prepared)
        else:
            given |= self._given(node.action, node.cache, prepared)
        if "params" in code.asks:
            given |= {f"params.{name}": text_of(value) for name, value in self._params.items()}
        given |= {f"class {name}": text for name in sorted(self._classes) if (text := self._codes.of_class(name))}
        given |= dict.fromkeys(self._secretive(task.node, node.action, node.cache) & given.keys(), _SECRET)
        return Fingerprint(key_of(task.node, code.digest.hex(), given), code, given, self._files)

    def changes(self, mark: Fingerprint) -> tuple[str, ...]:
        """The files that no longer hold what they held."""
        return tuple(f"file {path.name}" for path, held in mark.files.items() if self._contents.of(path) != held)

    def _given(self, action: Action, cache: Cache, prepared: Prepared) -> dict[str, str]:
        """Inputs and arguments, and for a command its words with the files they name."""
        given = {}
        for name, value in prepared.inputs.items():
            place = "inputs" if name in action.inputs else "with"
            given[f"{place}.{name}"] = self._text(_as_paths(value) if name in cache.paths else value)
        if isinstance(action.target, CommandTarget):
            given |= self._command(action.target, prepared)
        return given

    def _command(self, target: CommandTarget, prepared: Prepared) -> dict[str, str]:
        """The words of a command, and the files that they or its inputs name."""
        filled = prepared.target
        argv: list[str] = filled.get("argv", [])
        given = {f"command.{name}": self._text(value) for name, value in filled.get("roots", {}).items()}
        if argv:
            given["command"] = self._text(list(argv))
        words = argv[1:] if argv else _WORD.findall(target.script or "")
        words += [value for value in prepared.inputs.values() if isinstance(value, str)]
        made = {str(text) for body in target.outputs.values() for text in body.values()}
        for word in dict.fromkeys(words):
            place = self._here / _WILD.sub("", word)
            if word and word not in made and not word.startswith(_KERNEL) and self._is_data(place):
                given[f"{'file' if place.is_file() else 'folder'} {word}"] = self._holds(place) or ""
        return given

    def _is_data(self, place: Path) -> bool:
        """Whether a word leads to a file, or to a folder below the project's; one elsewhere may be anything."""
        try:
            return place.is_file() or (place.is_dir() and self._here in Path(os.path.normpath(place)).parents)
        except (OSError, ValueError):  # a text that is too long for a name, or no name at all
            return False

    def _wanted(self, task: TaskId, expressions: tuple[str, ...], prepared: Prepared) -> dict[str, str]:
        """What `cache.key` says counts."""
        scope = task_scope(self._world, task.node, task.path)
        scope.inputs = {name: _seen(value) for name, value in prepared.inputs.items()}
        found = {}
        for text in expressions:
            try:
                document = write(self._reader.value(text, scope, "cache.key"))
            except NeedsWorkerError:
                document = self._reader.deferred(text, scope)
            found[f"key {text}"] = self._text(document)
        return found

    def _text(self, document: Document) -> str:
        held = self._held(document)
        if self._values and any(value in json.dumps(held) for value in self._values):
            return _SECRET
        return text_of(held)

    def _held(self, document: Any) -> Any:
        """The document with every path that leads somewhere replaced by its name and what lies there."""
        if isinstance(document, list):
            return [self._held(item) for item in document]
        if not isinstance(document, dict):
            return document
        match document:
            case {"$path": str(where)} if len(document) == 1:
                path = self._here / where
                held = self._holds(path)
                return document if held is None else {"$path": path.name, "$content": held}
            case {"$artifact": {"classes": list(classes)}} if len(document) == 1:
                self._classes.update(classes)
            case {"$object": [str(name), *_]} | {"$enum": [str(name), *_]} if len(document) == 1:
                self._classes.add(name)
        return {name: self._held(value) for name, value in document.items()}

    def _holds(self, path: Path) -> str | None:
        """The digest of what lies there, looked at for the task that is asked about."""
        self._files[path] = self._contents.of(path)
        return self._files[path]

    def _secretive(self, step: str, action: Action, cache: Cache) -> frozenset[str]:
        """The components that a secret parameter is part of."""
        if not self._secret:
            return frozenset()
        if step not in self._hidden:
            self._hidden[step] = frozenset(
                name
                for name, references in _references(action, cache)
                if any(one.root == "params" and (not one.path or one.path[0] in self._secret) for one in references)
            )
        return self._hidden[step]


def _as_paths(value: Document) -> Document:
    """Texts of an argument whose annotation says that it is a path, or a list of them."""
    if isinstance(value, list):
        return [_as_paths(item) for item in value]
    if isinstance(value, dict) and not any(name.startswith("$") for name in value):
        return {name: _as_paths(item) for name, item in value.items()}
    return {"$path": value} if isinstance(value, str) else value


def _seen(document: Any) -> Any:
    """An input as an expression sees it; what only a worker can work out stays as it is asked."""
    tag = next(iter(document), "") if isinstance(document, dict) else ""
    if tag == "$join":
        return see(document["$join"]["items"])
    return document if tag == "$expr" else see(document)


def _references(action: Action, cache: Cache) -> Iterator[tuple[str, list[Reference]]]:
    for name, source in action.inputs.items():
        yield f"inputs.{name}", list(_in_expressions(source))
    for name, source in action.arguments.items():
        yield f"with.{name}", list(_in_templates(source))
    for name, text in action.env.items():
        yield f"env.{name}", list(_in_templates(text))
    for text in cache.key or ():
        yield f"key {text}", list(parse(text).references)
    if isinstance(action.target, CommandTarget):
        yield "command", list(_in_templates(list(action.target.argv)))


def _in_expressions(source: Document) -> Iterator[Reference]:
    match source:
        case str():
            yield from parse(source).references
        case dict():
            for part in source.values():
                yield from _in_expressions(part)
        case list():
            for part in source:
                yield from _in_expressions(part)


def _in_templates(source: Document) -> Iterator[Reference]:
    match source:
        case str():
            template = parse_template(source)
            for hole in () if isinstance(template, str) else template.holes:
                yield from hole.expression.references
        case dict():
            for part in source.values():
                yield from _in_templates(part)
        case list():
            for part in source:
                yield from _in_templates(part)
