"""The JSON Schema: it is the file beside the README, and it agrees with the validator."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from tests.schema.decoding import node_of
from yamlflow.schema.decode import decode
from yamlflow.schema.export import schema, schema_leaves
from yamlflow.schema.model import KINDS, PROFILES, Record
from yamlflow.schema.model.records import layout
from yamlflow.schema.model.steps import Step
from yamlflow.schema.nodes import parse
from yamlflow.schema.source import Source, read
from yamlflow.schema.spans import plain

ROOT = Path(__file__).parents[2]
SCHEMA = schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

# Odd values that each key is tried with, beside its own examples.
ODD = [
    None, True, 0, 1, 3, -1, 2.5, 2**40, "", " ", "x", "1", "10s", "2Gi", "90%", "2x", "a100:2", "auto", "none", "yes",
    "0 3 * * *", "61 3 * * *", "list[str", "[a-", "local", "env:X", "a b", "${{ params.x }}", "${{ params.x }}s",
    [], ["x"], ["x", "y"], [1], [None], [["x"]], [{"a": 1}], {}, {"x": 1}, {"x": "y"}, {"x": None}, {"X Y": 1},
    {"x": {"file": "a"}}, {"x": ["a"]}, {"if": 1}, {"use": "local"}, {"set": None},
]  # fmt: skip

# What only the validator can say: a check that no JSON Schema can make, or a fix for what was surely meant otherwise.
BEYOND_JSON_SCHEMA = {
    ("Param", "type"),  # brackets that do not close
    ("Param", "default"),  # goes with the type, as do the next ones
    ("Param", "choices"),
    ("Param", "min"),
    ("Param", "max"),
    ("Param", "regex"),
    ("Schedule", "cron"),  # ranges
    ("Schedule", "timezone"),
}


def objects(part: object) -> Iterator[dict[str, object]]:
    """Every schema of an object in the schema."""
    if isinstance(part, dict):
        if part.get("type") == "object" and "properties" in part:
            yield part
        for key, inner in part.items():
            if key not in ("examples", "if", "then", "not", "properties"):
                yield from objects(inner)
            if key == "properties":
                for value in inner.values():
                    yield from objects(value)
    elif isinstance(part, list):
        for inner in part:
            yield from objects(inner)


def accepted(document: object) -> bool:
    """Whether the validator has nothing to say."""
    return decode(node_of(document))[2] == []


def records() -> list[type[Record]]:
    found: dict[str, type[Record]] = {}
    pending: list[type[Record]] = list(Record.__subclasses__())
    while pending:
        record = pending.pop()
        found[record.__name__] = record
        pending += record.__subclasses__()
    return [
        record
        for name, record in sorted(found.items())
        if name not in ("Profile", "Defaults", "ProfileDefaults", "Pipeline")
    ]


def around(record: type[Record], value: object) -> dict[str, object]:
    """A whole document with `value` where such a record stands."""
    step: dict[str, object] = {"run": "m:f", "foreach": [1, 2]}
    top: dict[str, object] = {"yamlflow": 1, "steps": {"fit": step}}
    places = {
        "Catch": (step, "catch"), "Retry": (step, "retry"), "Cache": (step, "cache"), "Cluster": (step, "cluster"),
        "Resources": (step, "resources"), "ExecutorUse": (step, "executor"), "Foreach": (step, "foreach"),
        "Hooks": (top, "on_exit"), "Schedule": (top, "schedule"), "Keep": (top, "keep"), "Code": (top, "code"),
    }  # fmt: skip
    if record.__name__ in places:
        holder, key = places[record.__name__]
        holder[key] = value
        return top
    match record.__name__:
        case "Step":
            top["steps"] = {"fit": value}
        case "Growth":
            step["retry"] = {"grow": value}
        case "GrowthLimit":
            step["retry"] = {"grow": {"memory": "2x", "max": value}}
        case "Gpu":
            step["resources"] = {"gpu": value}
        case "GpuDevice":
            top["executors"] = {"here": {"type": "local", "gpus": [value]}}
        case "Notify":
            top["on_exit"] = {"notify": value}
        case "Output":
            top["steps"] = {"fit": {"sh": "true", "outputs": {"x": value}}}
        case "Param":
            top["params"] = {"p": value}
        case "Repeat":
            top["steps"] = {"fit": {"steps": {"inner": {"run": "m:f"}}, "repeat": value}}
        case name:
            assert name.endswith("Profile"), name
            top["executors"] = {"here": value}
    return top


def smallest(record: type[Record]) -> dict[str, object]:
    """The least such a record can be."""
    least: dict[str, dict[str, object]] = {
        "Step": {"run": "m:f"}, "Catch": {"set": 1}, "Output": {"file": "a"}, "Param": {"type": "int"},
        "Growth": {"memory": "2x"}, "Notify": {"ping": "https://x"}, "Cluster": {"nodes": 2}, "Repeat": {"max": 2},
        "Schedule": {"cron": "0 3 * * *"}, "ExecutorUse": {"use": "local"}, "Foreach": {"a": [1]},
        **{profile.__name__: {"type": name} for name, profile in PROFILES.items()},
    }  # fmt: skip
    return copy.deepcopy(least.get(record.__name__, {}))


def documents(record: type[Record], key: str, examples: list[object]) -> Iterator[object]:
    """Whole documents with each odd value, and each example, under one key."""
    for value in (*ODD, *examples):
        base = smallest(record)
        if record is Step:
            base = step_for(key, value)
        elif record.__name__ == "Catch" or (record.__name__ == "Output" and key != "beside"):
            base.clear()
        elif record.__name__ == "Param" and key in ("choices", "regex"):
            base["type"] = "str"
        yield around(record, {**base, key: copy.deepcopy(value)})


def step_for(key: str, value: object) -> dict[str, object]:
    """The least step that can have this key with this value."""
    group = {"steps": {"inner": {"run": "m:f"}}}
    if key in KINDS:
        return {}
    if key == "outputs" and isinstance(value, dict):
        return {"sh": "true"} if all(isinstance(item, dict) for item in value.values()) else copy.deepcopy(group)
    return copy.deepcopy(group) if key == "repeat" else {"run": "m:f", "foreach": [1, 2]}


def differing(record: type[Record], key: str) -> list[tuple[object, bool]]:
    """Documents that the two judge differently, with the validator's word."""
    judged = [(document, accepted(document)) for document in documents(record, key, [])]
    return [(document, taken) for document, taken in judged if VALIDATOR.is_valid(document) != taken]


KEYS = [(record, key) for record in records() for key in layout(record).slots]


def test_the_file_at_the_top_is_the_schema():
    written = (ROOT / "pipeline.schema.json").read_text(encoding="utf-8")
    assert written == json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"


def test_it_is_draft_07():
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_it_uses_no_word_of_a_later_draft():
    text = json.dumps(SCHEMA)
    assert [
        word for word in ("$defs", "prefixItems", "unevaluatedProperties", "dependentRequired") if f'"{word}"' in text
    ] == []


def test_it_is_the_same_each_time():
    assert json.dumps(schema()) == json.dumps(schema())


def test_every_key_has_a_description_and_an_example():
    bare = [
        key
        for found in objects(SCHEMA)
        for key, value in found["properties"].items()  # type: ignore[attr-defined]
        if not value.get("description") or not value.get("examples")
    ]
    assert bare == []


def test_every_object_says_which_other_keys_it_takes():
    open_objects = [found for found in objects(SCHEMA) if "additionalProperties" not in found and "allOf" not in found]
    assert open_objects == []


def test_keys_of_ones_own_begin_with_x_at_the_top():
    good = {"yamlflow": 1, "x-team": {"a": 1}, "steps": {"fit": {"run": "m:f"}}}
    bad = {"yamlflow": 1, "team": {"a": 1}, "steps": {"fit": {"run": "m:f"}}}
    assert VALIDATOR.is_valid(good)
    assert accepted(good)
    assert not VALIDATOR.is_valid(bad)
    assert not accepted(bad)


def test_alternatives_differ_in_their_json_type():
    """A `$ref` is always an object here, so no two alternatives may be objects."""

    def types(part: dict[str, object]) -> list[str]:
        if "$ref" in part:
            return ["object"]
        return part["type"] if isinstance(part["type"], list) else [str(part["type"])]

    def alternatives(part: object) -> Iterator[list[dict[str, object]]]:
        if isinstance(part, dict):
            if "anyOf" in part and all("required" not in one for one in part["anyOf"]):
                yield part["anyOf"]
            for inner in part.values():
                yield from alternatives(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from alternatives(inner)

    found = [[name for one in group for name in types(one)] for group in alternatives(SCHEMA)]
    assert found
    assert [names for names in found if len(names) != len(set(names))] == []


@pytest.mark.parametrize("path", ["tests/reference/pipeline.yaml"])
def test_a_pipeline_of_the_documentation_is_accepted_by_both(path):
    source = read(str(ROOT / path))
    assert isinstance(source, Source)
    tree, found = parse(source)
    assert tree is not None
    assert (found, decode(tree)[2]) == ([], [])
    assert list(VALIDATOR.iter_errors(plain(tree))) == []


@pytest.mark.parametrize(("record", "key"), KEYS, ids=[f"{record.__name__}.{key}" for record, key in KEYS])
def test_the_examples_of_a_key_are_accepted_by_both(record, key):
    examples = list(layout(record).slots[key].info.examples or [])
    refused = [
        document
        for document in list(documents(record, key, examples))[len(ODD) :]
        if not VALIDATOR.is_valid(document) or not accepted(document)
    ]
    assert refused == []


@pytest.mark.parametrize(("record", "key"), KEYS, ids=[f"{record.__name__}.{key}" for record, key in KEYS])
def test_the_schema_and_the_validator_agree_on_odd_values(record, key):
    differ = differing(record, key)
    assert [document for document, taken in differ if taken] == []  # what the validator takes, an editor takes
    assert bool(differ) == ((record.__name__, key) in BEYOND_JSON_SCHEMA), differ


def test_leaves_are_dotted_paths_without_repeats():
    leaves = schema_leaves()
    assert len(leaves) == len(set(leaves))
    assert {"steps.*.retry.attempts", "steps.*.outputs.*.file", "executors.*[docker].image", "keep.runs", "x-*"} <= set(
        leaves
    )


def test_every_key_of_a_step_is_a_leaf_or_above_one():
    leaves = schema_leaves()
    assert [
        key for key in layout(Step).slots if not any(f"{leaf}.".startswith(f"steps.*.{key}.") for leaf in leaves)
    ] == []
