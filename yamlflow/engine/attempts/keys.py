"""What a loop's items are called, and attempts' names.

A data key is the items' own value where that is short and unique along its
axis, else the index: one rule for a whole axis, so that keys never collide.
Everything here is a pure function of its arguments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from yamlflow.core.expressions.faults import Fault
from yamlflow.core.expressions.texts import fill
from yamlflow.core.graph import TaskId
from yamlflow.core.values import Document, decode
from yamlflow.engine.answers.values import Axis, Items

LONGEST = 40
_SPECIAL = re.compile(r"[\[\],*]")


def data_keys(items: Items) -> tuple[str, ...]:
    """The keys of all items, or () when they are just the indexes."""
    axes = items.axes
    if len(axes) == 1 and len(axes[0].names) == 1:
        labels = _labels(axes[0])
        return () if labels is None else tuple(labels[items.positions(at)[0]] for at in range(len(items)))
    named = [_named(axis) for axis in axes]
    return tuple(
        ",".join(labels[position] for labels, position in zip(named, items.positions(at), strict=True))
        for at in range(len(items))
    )


def _labels(axis: Axis) -> list[str] | None:
    """One short, unique text per place on a single-name axis, or None."""
    labels = [short(document) for document in axis.columns[0]]
    if None in labels or len(set(labels)) < len(labels):
        return None
    return [label for label in labels if label is not None]


def _named(axis: Axis) -> list[str]:
    """`a=x` or, for a zipped axis, `a=x,b=y` per place; the index where a value is long or a place repeats."""
    columns = []
    for name, documents in zip(axis.names, axis.columns, strict=True):
        texts = [short(document) for document in documents]
        shown = [str(at) if None in texts else text for at, text in enumerate(texts)]
        columns.append([f"{name}={text}" for text in shown])
    places = [",".join(row) for row in zip(*columns, strict=True)]
    if len(set(places)) == len(places):
        return places
    return [",".join(f"{name}={at}" for name in axis.names) for at in range(len(places))]


def short(document: Document) -> str | None:
    """The text of a short scalar; None for anything that makes no good name."""
    value = decode(document)
    try:
        text = fill(value)
    except Fault:
        return None
    ok = 0 < len(text) <= LONGEST and text.isprintable() and text == text.strip() and not _SPECIAL.search(text)
    return text if ok else None


def repeated(keys: Sequence[str]) -> str | None:
    """The first key that occurs twice."""
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None


def attempt_id(run_id: str, launch: int, task: TaskId, attempt: int) -> str:
    """The name of an attempt: deterministic, unique, at most 63 of [a-z0-9-], a letter or digit at both ends."""
    body = f"{run_id}/{launch}/{task.node}/{task.path}".encode()
    digest = hashlib.blake2b(body, digest_size=6).hexdigest()
    slug = task.node.replace(".", "-").replace("_", "-").lower()[:30].strip("-")
    tail = re.sub(r"[^a-z0-9]", "", run_id.lower())[-4:] or "run"
    return f"{tail}-{slug}-{digest}-a{attempt}"


def seed(run_id: str, task: TaskId, attempt: int) -> int:
    """Where random numbers of an attempt start: 32 bits from run, task and attempt."""
    body = f"{run_id}/{task.node}/{task.path}/{attempt}".encode()
    return int.from_bytes(hashlib.blake2b(body, digest_size=4).digest(), "big")
