"""One tree laid over another: `-f overlay.yaml`, and `defaults` under a step.

Mappings merge by key, anything else is replaced, null deletes. Inside `with`,
`set` and a parameter's default null is a value. A step has one of `run`,
`command`, `sh`, `uses`, `steps`, and an argument stands under `inputs` or under
`with`: what is laid over takes the other away. Every key and value keeps the
place where it was written. Pure; knows nothing of the model.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from yamlflow.schema.nodes import Entry, Mapping, Node, Scalar

Path = tuple[str, ...]

_ALTERNATIVES = ("run", "command", "sh", "uses", "steps")
_ARGUMENTS = {"inputs": "with", "with": "inputs"}
_STEP_MAPS = frozenset({"steps", "on_success", "on_failure", "on_exit"})


def lay_over(base: Mapping, over: Mapping, path: Path = ()) -> Mapping:
    """`base` with `over` merged into it; `path` leads to both from the root of the file."""
    entries = {str(entry.key.value): entry for entry in base.entries}
    for entry in over.entries:
        name = str(entry.key.value)
        _displace(entries, entry, path)
        known = entries.get(name)
        if is_null(entry.value) and not keeps_null((*path, name)):
            entries.pop(name, None)
        elif known is None:
            entries[name] = replace(entry, value=_without_nulls(entry.value, (*path, name)))
        else:
            entries[name] = _joined(known, entry, (*path, name))
    return Mapping(base.span, tuple(entries.values()))


def lay_under(inherited: Mapping, own: Mapping, path: Path = ()) -> Mapping:
    """`own` with what `inherited` adds; null in `own` takes an inherited key away."""
    entries = {str(entry.key.value): entry for entry in own.entries}
    for entry in inherited.entries:
        name = str(entry.key.value)
        known = entries.get(name)
        if known is None:
            entries[name] = entry
        elif is_null(known.value) and not keeps_null((*path, name)):
            del entries[name]
        elif isinstance(known.value, Mapping) and isinstance(entry.value, Mapping):
            merged = lay_under(_compatible(entry.value, known.value, name), known.value, (*path, name))
            entries[name] = replace(known, value=merged)
    return Mapping(own.span, tuple(entries.values()))


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None and not node.quoted


def keeps_null(path: Path) -> bool:
    """Whether null is a value here, not the wish to delete."""
    if "with" in path[:-1] or path[-1:] == ("set",) or any(pair == ("catch", "set") for pair in pairwise(path)):
        return True
    return path[:1] == ("params",) and len(path) > 2 and path[2] == "default"


def _joined(known: Entry, entry: Entry, path: Path) -> Entry:
    if isinstance(known.value, Mapping) and isinstance(entry.value, Mapping):
        return replace(known, value=lay_over(known.value, entry.value, path))
    if _is_parameter(path) and isinstance(known.value, Mapping):  # a bare value over the long form is a new default
        key = replace(entry.key, value="default", text="default")
        others = tuple(one for one in known.value.entries if one.key.value not in ("default", "required"))
        return replace(known, value=Mapping(known.value.span, (*others, Entry(key, entry.value))))
    return entry


def _is_parameter(path: Path) -> bool:
    return len(path) == 2 and path[0] == "params"


def _without_nulls(node: Node, path: Path) -> Node:
    """A mapping that is laid over nothing: its nulls have nothing to delete."""
    if not isinstance(node, Mapping):
        return node
    kept = (
        replace(entry, value=_without_nulls(entry.value, (*path, str(entry.key.value))))
        for entry in node.entries
        if not is_null(entry.value) or keeps_null((*path, str(entry.key.value)))
    )
    return Mapping(node.span, tuple(kept))


def _displace(entries: dict[str, Entry], entry: Entry, path: Path) -> None:
    """Takes away what `entry` stands in place of."""
    name = str(entry.key.value)
    if _is_step(path) and name in _ALTERNATIVES and not is_null(entry.value):
        for other in _ALTERNATIVES:
            if other != name:
                entries.pop(other, None)
    if (_is_step(path) or path[-1:] == ("defaults",)) and name in _ARGUMENTS and isinstance(entry.value, Mapping):
        _drop_arguments(entries, _ARGUMENTS[name], {str(one.key.value) for one in entry.value.entries})
    if path[-1:] == ("catch",) and name in ("set", "run"):
        entries.pop("run" if name == "set" else "set", None)


def _drop_arguments(entries: dict[str, Entry], key: str, names: set[str]) -> None:
    known = entries.get(key)
    if known is not None and isinstance(known.value, Mapping):
        kept = tuple(entry for entry in known.value.entries if entry.key.value not in names)
        entries[key] = replace(known, value=Mapping(known.value.span, kept))


def _is_step(path: Path) -> bool:
    return len(path) >= 2 and path[-2] in _STEP_MAPS


def _compatible(inherited: Mapping, own: Mapping, key: str) -> Mapping:
    """`inherited` without what its counterpart in `own` stands in place of."""
    if key != "catch" or not own.entries:
        return inherited
    names = {str(entry.key.value) for entry in own.entries}
    kept = (entry for entry in inherited.entries if not (names & {"set", "run"}) or str(entry.key.value) in names)
    return Mapping(inherited.span, tuple(kept))
