"""What to say about a key that is not one of a record's: misspelt, foreign, or in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yamlflow.schema.model.pipeline import Pipeline
from yamlflow.schema.model.profiles import PROFILES, Profile
from yamlflow.schema.model.records import Record, layout
from yamlflow.schema.model.shapes import Choice, Recorded
from yamlflow.schema.model.steps import Step
from yamlflow.schema.spans import Path
from yamlflow.schema.spelling import hint

_FEW = 12


def unknown_key(
    key: str, record: type[Record], around: Sequence[type[Record]], path: Path
) -> tuple[str, str, str | None]:
    """Code, message and help for `key`, written at `path` in a `record` that stands in those `around` it."""
    if key in record.misplaced:
        return "misplaced-key", f"`{key}` does not belong under `{path[-1]}`", record.misplaced[key]
    if issubclass(record, Profile) and (types := _profiles_with(key)):
        return (
            "unknown-key",
            f"`{key}` is no key of this type of profile",
            f"it belongs to {' and '.join(types)} profiles",
        )
    return "unknown-key", f"unknown key `{key}`", _hint(key, record, around)


def _hint(key: str, record: type[Record], around: Sequence[type[Record]]) -> str | None:
    known = tuple(layout(record).slots)
    inner = next(_inner(key, record), None)
    if inner is not None and not (around and key in layout(around[-1]).slots):
        return f"it belongs under `{inner}`: `{inner}: {{{key}: …}}`"
    return hint(key, known) or _further_out(key, record, around) or _listed(known)


def _inner(key: str, record: type[Record]) -> Iterator[str]:
    """The keys of `record` under which `key` would be right."""
    for slot in layout(record).slots.values():
        shape = slot.shape.mapped if isinstance(slot.shape, Choice) else slot.shape
        if isinstance(shape, Recorded) and key in layout(shape.record).slots:
            yield slot.key


def _further_out(key: str, record: type[Record], around: Sequence[type[Record]]) -> str | None:
    if record is Pipeline:
        return "it belongs to a step: put it under `steps: name:`" if key in layout(Step).slots else None
    for outer in reversed(around):
        if key in layout(outer).slots:
            return "it belongs at the top of the file" if outer is Pipeline else "it belongs one level further out"
    return None


def _profiles_with(key: str) -> list[str]:
    return [f"`{name}`" for name, profile in PROFILES.items() if key in layout(profile).slots]


def _listed(known: Sequence[str]) -> str | None:
    return f"valid here: {', '.join(f'`{key}`' for key in known)}" if 0 < len(known) <= _FEW else None
