"""The model as JSON Schema, draft-07, for editors.

The same shapes that `decode` reads, so the two agree. Alternatives only ever
differ in their JSON type, so that an editor's message names one of them. The
result is data in a fixed order; who writes it where is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from yamlflow.schema.model import KINDS, Catch, Foreach, Growth, Notify, Output, Pipeline, Record, Step
from yamlflow.schema.model.kinds import TEXT
from yamlflow.schema.model.outputs import PLACES
from yamlflow.schema.model.pipeline import EXTENSION
from yamlflow.schema.model.records import Slot, layout
from yamlflow.schema.model.shapes import HOLE_PATTERN, Choice, Kind, Listed, Mapped, Recorded, Shape, Tagged, Tree
from yamlflow.schema.model.step_rules import GROUP_REFUSES
from yamlflow.schema.model.steps import Defaults

Json = dict[str, object]


def schema() -> Json:
    """The JSON Schema of a pipeline file."""
    exporter = _Exporter()
    top = exporter.object_of(Pipeline)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "yamlflow pipeline",
        **top,
        "definitions": dict(sorted(exporter.definitions.items())),
    }


class _Exporter:
    """Writes each record once, under `definitions`."""

    def __init__(self) -> None:
        self.definitions: dict[str, Json] = {}

    def object_of(self, record: type[Record]) -> Json:
        keys = layout(record)
        result: Json = {
            "description": _first_line(record),
            "type": "object",
            "properties": {key: self.property_of(slot) for key, slot in keys.slots.items()},
        }
        required = [key for key, slot in keys.slots.items() if slot.required]
        if required:
            result["required"] = required
        return {**result, **self.rest_of(keys.rest, tuple(keys.slots)), **_RULES.get(record, {})}

    def rest_of(self, rest: Slot | None, known: tuple[str, ...]) -> Json:
        """What keys beside the known ones may be."""
        if rest is None or not isinstance(rest.shape, Mapped):
            return {"additionalProperties": False}
        return self.free_keys(rest.shape, known)

    def free_keys(self, shape: Mapped, known: tuple[str, ...] = ()) -> Json:
        value = self.of(shape.value)
        value = nullable(value) if shape.drops_null else value
        if shape.key is TEXT:
            return {"additionalProperties": value}
        but = f"(?!(?:{'|'.join(known)})$)" if known and shape.key is not EXTENSION else ""
        return {
            "patternProperties": {f"^{but}(?:{shape.key.schema['pattern']})$": value},
            "additionalProperties": False,
        }

    def property_of(self, slot: Slot) -> Json:
        """A key's schema with its description and examples; null stands for leaving an optional key out."""
        value = self.of(slot.shape)
        if not slot.required and not isinstance(slot.shape, Tree):
            value = nullable(value)
        value = {"allOf": [value]} if "$ref" in value else value
        return {"description": slot.info.description, **value, "examples": list(slot.info.examples or ())}

    def of(self, shape: Shape) -> Json:
        match shape:
            case Kind():
                return _of_kind(shape)
            case Tree():
                return {}
            case Listed():
                least: Json = {"minItems": shape.at_least} if shape.at_least else {}
                return {"type": "array", "items": self.of(shape.item), **least}
            case Mapped():
                least = {"minProperties": shape.at_least} if shape.at_least else {}
                return {"type": "object", **self.free_keys(shape), **least}
            case Recorded():
                return self.reference(shape.record)
            case Tagged():
                return self.tagged(shape)
            case Choice():
                return self.choice(shape)

    def reference(self, record: type[Record]) -> Json:
        if record.__name__ not in self.definitions:
            self.definitions[record.__name__] = {}
            self.definitions[record.__name__] = self.object_of(record)
        return {"$ref": f"#/definitions/{record.__name__}"}

    def tagged(self, shape: Tagged) -> Json:
        """One record per word under the tag: a chain of conditions, so that only one can be wrong."""
        words = list(shape.records)
        tag: Json = {"type": "string", "enum": words, "description": f"One of {', '.join(words)}.", "examples": words}
        chosen = [
            {
                "if": {"properties": {shape.tag: {"const": word}}, "required": [shape.tag]},
                "then": self.reference(record),
            }
            for word, record in shape.records.items()
        ]
        return {"type": "object", "properties": {shape.tag: tag}, "required": [shape.tag], "allOf": chosen}

    def choice(self, shape: Choice) -> Json:
        parts = [self.of(part) for part in (shape.scalar, shape.listed, shape.mapped) if part is not None]
        if any("$ref" in part for part in parts):
            return {"anyOf": parts}
        merged: Json = {key: value for part in parts for key, value in part.items()}
        return {**merged, "type": [name for part in parts for name in _types(part)]}


def nullable(value: Json) -> Json:
    """The same schema, or null."""
    if not value:
        return value
    if "$ref" in value:
        return {"anyOf": [value, {"type": "null"}]}
    if "anyOf" in value:
        alternatives = value["anyOf"]
        assert isinstance(alternatives, list)
        return {**value, "anyOf": [*alternatives, {"type": "null"}]}
    result: Json = {**value, "type": [*_types(value), *(["null"] if "null" not in _types(value) else [])]}
    if isinstance(words := value.get("enum"), list):
        result["enum"] = [*words, None]
    return result


def _of_kind(kind: Kind) -> Json:
    result: Json = {key: value for key, value in kind.schema.items() if key != "pattern"}
    patterns = [str(kind.schema["pattern"])] if "pattern" in kind.schema else []
    types = _types(result)
    if kind.hole:
        patterns.append(HOLE_PATTERN)
        types = [*types, *(["string"] if "string" not in types else [])]
    if patterns:
        result["pattern"] = f"^(?:{'|'.join(patterns)})$"
    return {**result, "type": types if len(types) > 1 else types[0]}


def _types(value: Mapping[str, object]) -> list[str]:
    found = value["type"]
    return [str(name) for name in found] if isinstance(found, list) else [str(found)]


def _first_line(record: type[Record]) -> str:
    return (record.__doc__ or "").split("\n\n")[0].split("\n")[0].strip()


def _written(key: str) -> Json:
    """The key is there, and not as null, which means the same as leaving it out; but `set: null` is a value."""
    return {"required": [key]} if key == "set" else {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _without(key: str, *others: str) -> Json:
    """When `key` is there, the others must not be; editors show `errorMessage`."""
    refused: Json = {"type": "null", "errorMessage": f"This cannot stand beside `{key}`."}
    return {"if": _written(key), "then": {"properties": dict.fromkeys(others, refused)}}


def _at_least_one(keys: tuple[str, ...]) -> Json:
    return {"anyOf": [_written(key) for key in keys]}


def _exactly_one(keys: tuple[str, ...]) -> Json:
    return {
        **_at_least_one(keys),
        "allOf": [_without(key, *(other for other in keys if other != key)) for key in keys],
    }


_OUTPUTS: Final[Mapping[str, Json]] = {
    "run": {"type": ["array", "object", "null"], "maxProperties": 0},
    "command": {"type": ["object", "array", "null"], "maxItems": 0, "additionalProperties": {"type": "object"}},
    "sh": {"type": ["object", "array", "null"], "maxItems": 0, "additionalProperties": {"type": "object"}},
    "uses": {"type": ["object", "array", "null"], "maxItems": 0, "maxProperties": 0},
    "steps": {
        "type": ["object", "array", "null"],
        "maxItems": 0,
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    },
}


def _step_rules() -> Json:
    one = _exactly_one(KINDS)
    conditions = one["allOf"]
    assert isinstance(conditions, list)
    grouped = _without("steps", *GROUP_REFUSES)
    tasks = [_without(kind, "repeat") for kind in KINDS if kind != "steps"]
    outputs = [{"if": _written(kind), "then": {"properties": {"outputs": _OUTPUTS[kind]}}} for kind in KINDS]
    looped: Json = {"where": ["foreach"], "key": ["foreach"]}
    return {**one, "allOf": [*conditions, grouped, *tasks, *outputs], "dependencies": looped}


_RULES: Final[Mapping[type[Record], Json]] = {
    Step: _step_rules(),
    Catch: _exactly_one(("set", "run")),
    Output: _exactly_one(PLACES),
    Growth: _at_least_one(("memory", "timeout")),
    Notify: _at_least_one(("slack", "webhook", "email", "ping")),
    Foreach: {"minProperties": 1},
}


def schema_leaves() -> list[str]:
    """Every key that can be written, as a dotted path: `steps.*.retry.attempts`, `executors.*[docker].image`.

    `*` is a free name. A record that stands elsewhere in full (`defaults`, the
    steps of a group or a hook) is one leaf where it is used again.
    """
    return list(dict.fromkeys(_leaves(Pipeline, "", (Pipeline,))))


def _leaves(record: type[Record], path: str, around: tuple[type[Record], ...]) -> Iterator[str]:
    keys = layout(record)
    for key, slot in keys.slots.items():
        yield from _shape_leaves(slot.shape, f"{path}.{key}" if path else key, around)
    if keys.rest is not None and isinstance(keys.rest.shape, Mapped):
        name = "x-*" if record is Pipeline else "*"
        yield from _shape_leaves(keys.rest.shape.value, f"{path}.{name}" if path else name, around)


def _shape_leaves(shape: Shape, path: str, around: tuple[type[Record], ...]) -> Iterator[str]:
    match shape:
        case Recorded() if _stands_elsewhere(shape.record, path, around):
            yield path
        case Recorded():
            yield from _leaves(shape.record, path, (*around, shape.record))
        case Tagged():
            for word, record in shape.records.items():
                yield from _leaves(record, f"{path}[{word}]", (*around, record))
        case Mapped() if not isinstance(shape.value, Kind | Tree):
            yield from _shape_leaves(shape.value, f"{path}.*", around)
        case Listed() if not isinstance(shape.item, Kind | Tree):
            yield from _shape_leaves(shape.item, f"{path}[]", around)
        case Choice():
            for part in (shape.scalar, shape.listed, shape.mapped):
                if part is not None:
                    yield from _shape_leaves(part, path, around)
        case _:
            yield path


def _stands_elsewhere(record: type[Record], path: str, around: tuple[type[Record], ...]) -> bool:
    """Steps within steps or hooks, and defaults: their keys are listed at `steps.*`."""
    return record in around or (issubclass(record, Defaults) and path != "steps.*")
