"""What a command leaves: its declared outputs, found and stored.

    {file: p} {dir: p} {glob: p}     paths, relative to where the command ran
    {json: p} {text: p}              the content of a file
    {stdout: text | json}            what it wrote

`beside: [patterns]` names companions of a file, which arrive next to it. An
output that is missing is a failure that lists what is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from yamlflow.core.jobs import Failure
from yamlflow.core.values import ArtifactRef, Document, encode_ref
from yamlflow.worker.codecs import store_value
from yamlflow.worker.invocation import CommandFailedError, Invocation

LISTED = 20
KINDS = ("file", "dir", "glob", "json", "text", "stdout")


def made_names(outputs: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The top-level names that a command declares to make; patterns are matched by their first part."""
    paths = [str(body[kind]) for body in outputs.values() for kind in KINDS[:-1] if kind in body]
    return frozenset(os.path.normpath(path).split(os.sep)[0] for path in paths)


def collect(invocation: Invocation, folder: str, captured: str) -> Document:
    """The command's value: its outputs by name, or nothing when it declares none."""
    outputs: Mapping[str, Mapping[str, Any]] = invocation.job.target.get("outputs") or {}
    if not outputs:
        return None
    collector = _Collector(invocation, Path(folder), captured)
    fields = {name: collector.output(name, body) for name, body in outputs.items()}
    stored = {name: document for name, (document, ready) in fields.items() if ready}
    plain = {name: value for name, (value, ready) in fields.items() if not ready}
    job = invocation.job
    rest = store_value(plain, invocation.store, scratch=job.scratch, iterated=job.iterated) if plain else {}
    assert isinstance(rest, dict)
    return {name: stored[name] if name in stored else rest[name] for name in outputs}


class _Collector:
    """Finds the outputs of one command; gives each as a value, or as a document that is ready."""

    def __init__(self, invocation: Invocation, folder: Path, captured: str) -> None:
        self._invocation = invocation
        self._folder = folder
        self._captured = captured

    def output(self, name: str, body: Mapping[str, Any]) -> tuple[Any, bool]:
        kind = next(kind for kind in KINDS if kind in body)
        if kind == "stdout":
            return self._content(name, Path(self._captured), str(body[kind])), False
        if kind == "glob":
            return self._glob(name, str(body[kind])), False
        path = self._folder / str(body[kind])
        wanted = path.is_dir if kind == "dir" else path.is_file
        if not wanted():
            raise self._missing(name, kind, str(body[kind]))
        if kind in ("json", "text"):
            return self._content(name, path, kind), False
        if body.get("beside"):
            return self._together(name, path, body["beside"]), True
        return path, False

    def _content(self, name: str, path: Path, kind: str) -> Any:
        text = path.read_text(encoding="utf-8", errors="strict" if kind == "json" else "replace")
        if kind == "text":
            return text.removesuffix("\n")
        try:
            return json.loads(text)
        except ValueError as error:
            shown = text.strip()[:80] or "nothing"
            raise _failed(f"output `{name}` is not JSON ({error}): {shown}") from None

    def _glob(self, name: str, pattern: str) -> list[Path]:
        found = sorted(path for path in self._folder.glob(pattern) if not _is_ours(path.relative_to(self._folder)))
        if not found:
            raise self._missing(name, "glob", pattern)
        return found

    def _together(self, name: str, path: Path, patterns: Iterable[str]) -> Document:
        """A file and its companions as one folder, for which the file stands."""
        members = {path.name: path}
        for pattern in patterns:
            found = sorted(path.parent.glob(str(pattern)))
            if not found:
                raise self._missing(name, "beside", str(pattern))
            members.update((companion.name, companion) for companion in found if companion.is_file())
        store, scratch = self._invocation.store, self._invocation.job.scratch
        pairs = [(member, str(place)) for member, place in members.items()]
        digest, size = store.put_members(pairs, take_from=scratch, main=path.name)
        return encode_ref(ArtifactRef(digest, "dir", size, type="Path", name=path.name))

    def _missing(self, name: str, kind: str, wanted: str) -> CommandFailedError:
        said = {"glob": "no file matches", "beside": "no companion matches", "dir": "there is no folder"}
        return _failed(f"output `{name}`: {said.get(kind, 'there is no file')} `{wanted}`; there is: {self._there()}")

    def _there(self) -> str:
        """What the command left, without the links to the code."""
        left = [
            f"{entry.name}/" if entry.is_dir() else entry.name
            for entry in sorted(self._folder.iterdir())
            if not entry.is_symlink() and not _is_ours(entry.relative_to(self._folder))
        ]
        more = f", … ({len(left)} in all)" if len(left) > LISTED else ""
        return ", ".join(left[:LISTED]) + more if left else "nothing"


def _is_ours(path: Path) -> bool:
    return path.parts[0] in (".yamlflow", ".lines")


def _failed(message: str) -> CommandFailedError:
    return CommandFailedError(Failure("error", message))
