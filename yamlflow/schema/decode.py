"""The tree of a file as a Pipeline, and everything that is wrong with it, each with its place.

One pass over the nodes, guided by the shapes of the model's keys. Every value
that cannot be read is reported once and left at its default, so that the rest
of the file is still looked at. Looks only at what one key, or the keys of one
mapping, say: references between steps are the rules' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from yamlflow.schema.diagnostics import Diagnostic, Note, Span, file_order
from yamlflow.schema.misplaced import unknown_key
from yamlflow.schema.model.pipeline import EXTENSION, Pipeline
from yamlflow.schema.model.profiles import PROFILES, AnyProfile, Profile
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.model.records import Problem, Record, Slot, layout, shape_of
from yamlflow.schema.model.shapes import Choice, Hole, Kind, Listed, Mapped, Recorded, Shape, Tagged, Tree
from yamlflow.schema.model.steps import ExecutorUse, Step
from yamlflow.schema.nodes import Entry, Mapping, Node, Scalar, Sequence
from yamlflow.schema.spans import Path, Spans, Text, described, plain
from yamlflow.schema.spelling import condition_hint, suggest


class _Bad:
    """The value of what was refused."""


BAD: Final = _Bad()


def decode(node: Node | None, file: str = "pipeline.yaml") -> tuple[Pipeline | None, Spans, list[Diagnostic]]:
    """The pipeline, the places of its values, and all findings in file order.

    With errors the pipeline is what could be read, refused values left at
    their defaults (`Spans.refused` knows them); None when that is nothing. Of
    no node there is nothing to say: `nodes.parse` has said why.
    """
    reader = _Reader(node, file)
    pipeline = reader.pipeline()
    return pipeline, Spans(node, file, reader.refused, reader.texts), file_order(reader.found)


def decode_profile(node: Node, file: str = "pipeline.yaml") -> tuple[Profile | None, list[Diagnostic]]:
    """One profile that stands alone, as in project or user configuration."""
    reader = _Reader(node, file)
    value = reader.read(shape_of(AnyProfile)[0], node, ())
    return value if isinstance(value, Profile) else None, file_order(reader.found)


class _Reader:
    """One pass over one tree."""

    def __init__(self, root: Node | None, file: str) -> None:
        self.root = root
        self.places = Spans(root, file)
        self.found: list[Diagnostic] = []
        self.refused: set[Path] = set()
        self.texts: list[Text] = []
        self.around: list[type[Record]] = []
        self.profiles = _profile_types(root)

    def pipeline(self) -> Pipeline | None:
        if self.root is None:
            return None
        if not isinstance(self.root, Mapping):
            self.wrong(self.root, (), Pipeline.wanted, code="not-a-pipeline")
            return None
        if not _looks_like_ours(self.root):
            hint = "a pipeline file starts with `yamlflow: 1`"
            span = self.root.entries[0].key.span if self.root.entries else self.root.span
            self.found.append(Diagnostic("not-a-pipeline", "this is no pipeline file", span, help=hint))
            return None
        value = self.record(Pipeline, self.root, ())
        return value if isinstance(value, Pipeline) else None

    # --- findings

    def refuse(self, path: Path, code: str, message: str, span: Span, hint: str | None = None) -> _Bad:
        self.found.append(Diagnostic(code, message, span, help=hint))
        self.refused.add(path)
        return BAD

    def wrong(self, node: Node, path: Path, wanted: str, hint: str | None = None, code: str = "wrong-type") -> _Bad:
        span = self.places.key(path) if _is_nothing(node) and path else node.span
        return self.refuse(path, code, f"expected {wanted}, got {described(node)}", span, hint)

    def refused_value(self, refused: Refused, node: Node, path: Path, wanted: str, code: str) -> _Bad:
        if refused.message is None:
            return self.wrong(node, path, wanted, refused.hint)
        return self.refuse(path, refused.code or code, refused.message, node.span, refused.hint)

    # --- values

    def read(self, shape: Shape, node: Node, path: Path) -> object:
        match shape:
            case Choice():
                return self.choice(shape, node, path)
            case Kind():
                return self.scalar(shape, node, path, shape.wanted)
            case Tree():
                return self.tree(shape, node, path)
            case Listed():
                return self.listed(shape, node, path)
            case Mapped():
                return self.mapped(shape, node, path)
            case Tagged():
                return self.tagged(shape, node, path)
            case Recorded() if isinstance(node, Mapping):
                return self.record(shape.record, node, path)
        return self.wrong(node, path, shape.wanted)

    def choice(self, shape: Choice, node: Node, path: Path) -> object:
        fitting = {Scalar: shape.scalar, Sequence: shape.listed, Mapping: shape.mapped}[type(node)]
        if isinstance(fitting, Kind):
            return self.scalar(fitting, node, path, shape.wanted)
        return self.read(fitting, node, path) if fitting else self.wrong(node, path, shape.wanted)

    def scalar(self, kind: Kind, node: Node, path: Path, wanted: str) -> object:
        if not isinstance(node, Scalar):
            return self.wrong(node, path, wanted)
        if kind.language is None and isinstance(node.value, str) and "${{" in node.value and not kind.free:
            return self.hole(kind, node, path, node.value)
        try:
            value = kind.read(node)
        except Refused as refused:
            return self.refused_value(refused, node, path, wanted, kind.code)
        return self.text(kind, node, path, value) if isinstance(node.value, str) else value

    def hole(self, kind: Kind, node: Scalar, path: Path, written: str) -> object:
        if not kind.hole:
            hint = "write the value itself: this is read before any parameter is known"
            return self.refuse(path, "hole-not-allowed", "`${{ }}` cannot stand here", node.span, hint)
        if not _is_whole_hole(written):
            said = f"`{written}` is text, not {kind.wanted}: here `${{{{ }}}}` must be the whole value"
            return self.refuse(path, "hole-not-allowed", said, node.span, "let one parameter hold all of it")
        return Hole(written.strip(), kind)

    def text(self, kind: Kind | Tree, node: Scalar, path: Path, value: object) -> object:
        """Notes an expression or template; an expression in `${{ }}` is taken out of it."""
        if kind.language is None:
            return value
        written = str(node.value)
        if kind.language == "expression" and _is_whole_hole(written):
            inner = written.strip()[3:-2].strip()
            said = "this is an expression already, it needs no `${{ }}`"
            self.refuse(path, "hole-in-expression", said, node.span, f"write `{inner}`")
            return inner if isinstance(value, str) else value
        self.texts.append(Text(path, kind.language, written, node))
        return value

    def tree(self, shape: Tree, node: Node, path: Path) -> object:
        match node:
            case Mapping():
                entries = ((str(entry.key.value), entry.value) for entry in node.entries)
                return {key: self.tree(shape, value, (*path, key)) for key, value in entries}
            case Sequence():
                return [self.tree(shape, item, (*path, at)) for at, item in enumerate(node.items)]
            case Scalar():
                return self.text(shape, node, path, node.value) if isinstance(node.value, str) else node.value

    def listed(self, shape: Listed, node: Node, path: Path) -> object:
        if not isinstance(node, Sequence):
            return self.wrong(node, path, shape.wanted, _list_hint(shape, node))
        if len(node.items) < shape.at_least:
            return self.wrong(node, path, shape.wanted)
        items = (self.read(shape.item, item, (*path, at)) for at, item in enumerate(node.items))
        read = tuple(item for item in items if item is not BAD)
        if shape.build is None:
            return read
        try:
            return shape.build(read)
        except Refused as refused:
            return self.refused_value(refused, node, path, shape.wanted, "bad-value")

    def mapped(self, shape: Mapped, node: Node, path: Path) -> object:
        if not isinstance(node, Mapping):
            return self.wrong(node, path, shape.wanted, _mapping_hint(shape, node))
        if len(node.entries) < shape.at_least:
            return self.wrong(node, path, "at least one entry")
        return self.entries(shape, node.entries, path)

    def entries(self, shape: Mapped, entries: Iterable[Entry], path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        for entry in entries:
            name = str(entry.key.value)
            self.name(shape.key, entry.key, (*path, name))
            if shape.drops_null and _is_nothing(entry.value):
                continue
            value = self.read(shape.value, entry.value, (*path, name))
            if value is not BAD:
                values.setdefault(name, value)
        return values

    def name(self, kind: Kind, key: Scalar, path: Path) -> None:
        """Reports a key that is no good name; what stands under it is still read."""
        try:
            kind.read(key)
        except Refused as refused:
            self.refused_value(refused, key, path, kind.wanted, kind.code)

    # --- records

    def tagged(self, shape: Tagged, node: Node, path: Path) -> object:
        if not isinstance(node, Mapping):
            return self.wrong(node, path, shape.wanted)
        tag = node.get(shape.tag)
        listed = ", ".join(f"`{name}`" for name in shape.records)
        if tag is None or _is_nothing(tag):
            said = f"this needs a `{shape.tag}`"
            return self.refuse(path, "missing-key", said, self.places.key(path), f"`{shape.tag}` is one of {listed}")
        record = shape.records.get(str(plain(tag)))
        if record is None:
            near = suggest(str(plain(tag)), shape.records)
            hint = f"did you mean `{near}`?" if near else f"it is one of {listed}"
            return self.refuse(
                (*path, shape.tag), "bad-value", f"{described(tag)} is no {shape.tag} of executor", tag.span, hint
            )
        return self.record(record, node, path)

    def record(self, record: type[Record], node: Mapping, path: Path) -> object:
        self.around.append(record)
        values, given = self.fields(record, node, path)
        self.around.pop()
        self.missing(record, given, path)
        lacking = [slot.field for slot in layout(record).slots.values() if slot.required and slot.field not in values]
        if lacking and record is not Pipeline:
            self.refused.add(path)
            return BAD
        made = record.build(
            {**{name: {} for name in lacking}, **values}, [str(entry.key.value) for entry in node.entries]
        )
        if issubclass(record, Step) or not any((*path, key) in self.refused for key in given):
            for problem in made.problems(frozenset(given)):
                self.problem(problem, path)
        return made

    def fields(self, record: type[Record], node: Mapping, path: Path) -> tuple[dict[str, object], set[str]]:
        """The values by field name, and the keys that were written with a value."""
        keys = layout(record)
        values: dict[str, object] = {}
        given: set[str] = set()
        rest: list[Entry] = []
        for entry in node.entries:
            key = str(entry.key.value)
            slot = keys.slots.get(key)
            if slot is None:
                rest.append(entry)
            elif slot.field not in values:
                self.field(slot, entry.value, (*path, key), values, given)
        self.rest(record, keys.rest, rest, path, values, given)
        return values, given

    def field(self, slot: Slot, node: Node, path: Path, values: dict[str, object], given: set[str]) -> None:
        if _is_nothing(node) and not slot.required and not isinstance(slot.shape, Tree):
            values[slot.field] = slot.info.get_default()
            return
        given.add(slot.key)
        value = self.read(slot.shape, node, path)
        if value is not BAD:
            values[slot.field] = value

    def rest(
        self,
        record: type[Record],
        slot: Slot | None,
        entries: list[Entry],
        path: Path,
        values: dict[str, object],
        given: set[str],
    ) -> None:
        """Keys that are no field's: free names where the record has such, else unknown."""
        if record is ExecutorUse and (profile := self.profiles.get(str(values.get("use")))):
            values["overrides"] = self.overrides(profile, entries, path)
        elif slot is not None and isinstance(slot.shape, Mapped):
            known = [entry for entry in entries if slot.shape.key is not EXTENSION or _is_extension(entry)]
            self.unknown(record, [entry for entry in entries if entry not in known], path)
            given.update(str(entry.key.value) for entry in known)
            values[slot.field] = self.entries(slot.shape, known, path)
        else:
            self.unknown(record, entries, path)

    def overrides(self, profile: type[Profile], entries: list[Entry], path: Path) -> dict[str, object]:
        """What a step changes in a profile of this file."""
        values: dict[str, object] = {}
        keys = layout(profile).slots
        for entry in entries:
            key = str(entry.key.value)
            if key in keys and key not in ("type", "defaults"):
                self.field(keys[key], entry.value, (*path, key), values, set())
            else:
                self.unknown(profile, [entry], path)
        return values

    def unknown(self, record: type[Record], entries: Iterable[Entry], path: Path) -> None:
        for entry in entries:
            key = str(entry.key.value)
            code, said, hint = unknown_key(key, record, self.around[:-1], path)
            self.refuse((*path, key), code, said, entry.key.span, _condition(entry) or hint)

    def missing(self, record: type[Record], given: set[str], path: Path) -> None:
        for slot in layout(record).slots.values():
            if slot.required and slot.key not in given:
                code = "missing-version" if slot.key == "yamlflow" else "missing-key"
                example = _example(slot)
                span = self.places.key(path) if path else self.first_key()
                self.refuse((*path, slot.key), code, f"`{slot.key}` is missing", span, f"add `{slot.key}: {example}`")

    def first_key(self) -> Span:
        assert isinstance(self.root, Mapping)
        return self.root.entries[0].key.span

    def problem(self, problem: Problem, path: Path) -> None:
        at = _below(path, problem.at)
        span = self.places.key(at) if problem.on_key else self.places.value(at)
        notes: tuple[Note, ...] = ()
        if problem.other is not None:
            other = _below(path, problem.other)
            notes = (Note(f"`{other[-1]}` stands here", self.places.key(other)),)
        self.found.append(Diagnostic(problem.code, problem.message, span, notes=notes, help=problem.hint))
        self.refused.add(at)


def _example(slot: Slot) -> str:
    """A short example of a key's value, for "add `key: value`"."""
    example = (slot.info.examples or ["…"])[0]
    return "…" if isinstance(example, dict | list) else str(example)


def _below(path: Path, at: str | tuple[str | int, ...] | None) -> Path:
    return path if at is None else (*path, at) if isinstance(at, str) else (*path, *at)


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _condition(entry: Entry) -> str | None:
    """The help for another tool's whole condition, `if: always()`: what is meant is no `when` here."""
    written = entry.value.text if entry.key.value == "if" and isinstance(entry.value, Scalar) else ""
    return condition_hint(written)


def _is_whole_hole(written: str) -> bool:
    text = written.strip()
    return text.startswith("${{") and text.endswith("}}") and "${{" not in text[3:]


def _is_extension(entry: Entry) -> bool:
    return str(entry.key.value).startswith("x-")


def _list_hint(shape: Listed, node: Node) -> str | None:
    """One item where a list is wanted."""
    if isinstance(node, Scalar) and not _is_nothing(node) and isinstance(shape.item, Kind):
        words = str(node.value).split() if isinstance(node.value, str) and node.value.split() else [node.text]
        return f"write a list: `[{', '.join(words)}]`"
    return None


def _mapping_hint(shape: Mapped, node: Node) -> str | None:
    """Dashes where names are wanted."""
    if not isinstance(node, Sequence):
        return None
    if isinstance(shape.value, Recorded) and shape.value.record is Step:
        return "a step is named by its key: write `fit:` in place of `- name: fit`"
    return "write `name: value` pairs, without dashes or brackets"


def _looks_like_ours(root: Mapping) -> bool:
    """Whether one of the keys is ours, or nearly: else it is some other tool's file."""
    known = layout(Pipeline).slots
    return any(
        str(entry.key.value) in known or suggest(str(entry.key.value), ("yamlflow", "steps")) for entry in root.entries
    )


def _profile_types(root: Node | None) -> dict[str, type[Profile]]:
    """The profiles of the file by name, as far as their types can be read."""
    found = {"local": PROFILES["local"]}
    executors = root.get("executors") if isinstance(root, Mapping) else None
    for entry in executors.entries if isinstance(executors, Mapping) else ():
        tag = entry.value.get("type") if isinstance(entry.value, Mapping) else None
        profile = PROFILES.get(str(plain(tag))) if tag is not None else None
        if profile is not None:
            found[str(entry.key.value)] = profile
    return found
