"""What steps are made of, beside what their tasks are given: source, version, interpreter, image.

Read from source once a launch and step, when it is first asked for; nothing is
imported. `changes` looks again, so that what was made by other code than it
seems is not kept. A step without a cache is only read in its callable's module.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.core.fingerprint import Components, differences, digest_of, key_of, text_of
from yamlflow.core.graph import Action, CommandTarget, Graph, Node, PythonTarget
from yamlflow.engine.attempts.contents import Contents, Stamp, stamp
from yamlflow.schema.callables.sources import Sources
from yamlflow.store.selection import code_files

_ASKED = frozenset({"params", "each"})


@dataclass(frozen=True, slots=True)
class Code:
    """A step's components, the digest of them all, and the files they came from as they were.

    `asks`: what of a Context its tasks may read that is not among what they are given.
    """

    digest: bytes
    components: Components
    files: Mapping[Path, Stamp | None]
    asks: frozenset[str] = frozenset()


class Codes:
    """The code of every step of one launch."""

    def __init__(self, graph: Graph, contents: Contents) -> None:
        self.contents = contents
        self._graph = graph
        self._roots = tuple(Path(root) for root in graph.code_roots)
        self._sources = Sources(self._roots)
        self._package: dict[str, Path] | None = None
        self._known: dict[str, Code] = {}
        self._classes: dict[str, str] = {}
        self._changes: dict[str, tuple[float, tuple[str, ...]]] = {}

    def of(self, step: str) -> Code:
        """The code of a step as it was when it was first asked for."""
        if step not in self._known:
            self._known[step] = self._read(self._graph.nodes[step])
        return self._known[step]

    def changes(self, step: str, at: float) -> tuple[str, ...]:
        """What of a step's code is different from what `of` says; looked up once for each time `at`."""
        known = self._changes.get(step)
        if known is None or (known[0] != at and not known[1]):
            self._changes[step] = at, self._look(step)
        return self._changes[step][1]

    def _look(self, step: str) -> tuple[str, ...]:
        code = self.of(step)
        if all(stamp(path) == mark for path, mark in code.files.items()):
            return ()
        fresh = Codes(self._graph, self.contents).of(step)
        words = tuple(differences(code.components, fresh.components))
        if not words:
            self._known[step] = fresh
        return words

    def _read(self, node: Node) -> Code:
        assert node.action is not None
        asks: frozenset[str] = frozenset()
        match node.action.target:
            case PythonTarget(callable=name, outputs=outputs):
                source = self._sources.of(name, deep=node.cache is not None)
                said = {"run": name, **({"outputs": text_of(list(outputs))} if outputs else {})}
                parts, marks = source.parts, {path: stamp(path) for path in source.files}
                asks = _ASKED & source.attributes if node.cache is not None and node.cache.context else asks
            case CommandTarget() as target:
                said = _command(target)
                found = self._files() if node.cache is not None else {}
                marks = {path: stamp(path) for path in found.values()}  # before reading: it may take a while
                parts = self._digests(found)
        components = {**said, **_surroundings(node, node.action), **parts}
        return Code(key_of(components), components, marks, asks)

    def of_class(self, name: str) -> str:
        """The digest of the project's own code of a class, `module:QualName`; nothing for a class of others."""
        if name not in self._classes:
            parts = self._sources.of(name).parts if name.partition(".")[0] not in sys.stdlib_module_names else {}
            self._classes[name] = digest_of(key_of(parts)) if parts else ""
        return self._classes[name]

    def _files(self) -> dict[str, Path]:
        if self._package is None:
            self._package = code_files(*_package(self._graph))
        return self._package

    def _digests(self, files: Mapping[str, Path]) -> dict[str, str]:
        found = ((name, self.contents.of(path)) for name, path in files.items())
        return {name: digest for name, digest in found if digest is not None}


def _package(graph: Graph) -> tuple[list[Path], tuple[str, ...], tuple[str, ...]]:
    """What code counts: the package's root, and import roots of used files that lie elsewhere."""
    home = Path(graph.code.root)
    others = [root for root in map(Path, graph.code_roots) if not home.is_relative_to(root)]
    return [home, *others], graph.code.include, graph.code.exclude


def _command(target: CommandTarget) -> dict[str, str]:
    said = {"sh": digest_of(target.script)} if target.script is not None else {}
    return {**said, "outputs": text_of({name: dict(body) for name, body in target.outputs.items()})}


def _surroundings(node: Node, action: Action) -> dict[str, str]:
    """What a task finds around it, as far as the file says."""
    cache = node.cache
    python = action.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    said = {"version": cache.version if cache else "", "image": cache.image if cache else "", "python": python}
    said["cwd"] = action.cwd
    secrets = {f"secrets.{name}": reference for name, reference in action.secrets.items()}
    return {name: text_of(text) for name, text in {**said, **secrets}.items() if text}
