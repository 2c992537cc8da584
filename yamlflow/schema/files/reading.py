"""Files into units: read, lay overlays over, complete with defaults, decode, and follow `uses:`.

Collects every finding on the way; a file that cannot be used leaves a hole,
never an exception. Knows nothing of references between steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.schema import nodes, source
from yamlflow.schema.decode import decode
from yamlflow.schema.diagnostics import Diagnostic, Note, Severity, without_echoes
from yamlflow.schema.files.inheritance import Placement, inherit, passed_down
from yamlflow.schema.files.overlays import lay_over
from yamlflow.schema.scopes.places import Place, Unit, lay_out
from yamlflow.schema.source import STDIN, Source

MAX_USES = 8
MAX_FILES = 64
_SILENT_INSIDE = ("on_success", "on_failure", "on_exit", "schedule", "deadline", "store", "code", "keep")


@dataclass(slots=True, eq=False)
class Reader:
    """One load: every source it read by the path that is shown, and everything it found."""

    placement: Placement
    stdin: str | bytes | None = None
    sources: dict[str, Source] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)
    used: int = 0
    warned: set[str] = field(default_factory=set)

    def unit(self, path: str, overlays: Sequence[str] = ()) -> Unit | None:
        """The file and its overlays as a unit, with the files it uses."""
        text = source.read(path, self.stdin)
        return self._unit(text, path, overlays)

    def unit_of_text(self, text: str, path: str, overlays: Sequence[str] = ()) -> Unit | None:
        """The same for a text at hand; `path` says where it belongs."""
        read = source.decode(path, text)
        return self._unit(read, path, overlays)

    def _unit(self, read: Source | Diagnostic, path: str, overlays: Sequence[str]) -> Unit | None:
        root = self._parse(read)
        for overlay in overlays:
            over = self._parse(source.read(overlay, self.stdin))
            if isinstance(root, nodes.Mapping) and isinstance(over, nodes.Mapping):
                root = lay_over(root, over)
            elif over is not None:
                hint = "write the keys that are to be different, as they stand in the pipeline"
                self.found.append(Diagnostic("wrong-type", "an overlay is a mapping", over.span, help=hint))
        if not isinstance(read, Source):
            return None
        folder = Path.cwd() if path == STDIN else Path(path).absolute().parent
        return self._finish(root, read.path, folder, None)

    def _parse(self, read: Source | Diagnostic) -> nodes.Node | None:
        if isinstance(read, Diagnostic):
            self.found.append(read)
            return None
        self.sources[read.path] = read
        root, problems = nodes.parse(read)
        self.found.extend(problems)
        return root

    def _finish(self, root: nodes.Node | None, file: str, folder: Path, owner: Place | None) -> Unit | None:
        """A tree as a unit; `owner` is the step that uses the file."""
        if root is None:
            return None
        if isinstance(root, nodes.Mapping):
            root = inherit(root, self.placement, *_handed(owner))
        model, spans, problems = decode(root, file)
        self.found = without_echoes(self.found, problems)
        if model is None:
            return None
        unit = Unit(file, folder, model, spans, self.sources, owner)
        lay_out(unit)
        for place in list(unit.places()):
            if place.step.uses is not None and place.unit is unit:
                place.inner = self._used(place)
        return unit

    # ------------------------------------------------------------ uses

    def _used(self, place: Place) -> Unit | None:
        unit, span = place.unit, place.value("uses")
        assert place.step.uses is not None
        target = unit.folder / place.step.uses
        shown = str(Path(unit.file).parent / place.step.uses)
        chain = list(_files(unit))
        self.used += 1
        if any(_same_file(target, one.folder / Path(one.file).name) for one in chain):
            path = " → ".join([Path(one.file).name for one in reversed(chain)] + [Path(shown).name])
            said = f"files use each other in a circle: {path}"
            self.found.append(Diagnostic("uses-cycle", said, span, help="a file cannot use itself"))
            return None
        if len(chain) > MAX_USES or self.used > MAX_FILES:
            said = f"files are used more than {MAX_USES} deep, or more than {MAX_FILES} times"
            self.found.append(Diagnostic("limit", said, span))
            return None
        return self._read_used(place, shown, target)

    def _read_used(self, place: Place, shown: str, target: Path) -> Unit | None:
        read = source.read(str(target))
        if isinstance(read, Diagnostic):
            help_text = "a path is relative to the file it stands in"
            found = Diagnostic(
                "unreadable-file", f"`{place.step.uses}`: {read.message}", place.value("uses"), help=help_text
            )
            self.found.append(found)
            return None
        root = self._parse(Source(shown, read.text))
        unit = self._finish(root, shown, target.absolute().parent, place)
        if unit is not None and shown not in self.warned:
            self.warned.add(shown)
            self.found.extend(_not_run(unit, place))
        return unit


def _handed(owner: Place | None) -> tuple[tuple[str, ...], nodes.Mapping | None]:
    if owner is None:
        return (), None
    node = owner.unit.spans.node(owner.path)
    return tuple(owner.id.split(".")), passed_down(node) if isinstance(node, nodes.Mapping) else None


def _files(unit: Unit) -> Iterator[Unit]:
    """The unit and those that use it, innermost first."""
    yield unit
    while unit.owner is not None:
        unit = unit.owner.unit
        yield unit


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve()
    except (OSError, RuntimeError, ValueError):
        return False


def _not_run(unit: Unit, place: Place) -> Iterator[Diagnostic]:
    """Warns of top-level keys that only mean something to a run of the file itself."""
    for key in _SILENT_INSIDE:
        if key in unit.model.model_fields_set:
            said = f"`{key}` has no effect when this file is used as a step"
            note = Note(f"`{place.name}` uses it", place.value("uses"))
            yield Diagnostic("unused-key", said, unit.key(key), Severity.WARNING, (note,))
