"""Keys and values of one mapping made into entries: string keys, no duplicates, `<<` merged.

Merging is YAML 1.1's: the mapping's own keys win, then the first of several
merged mappings. Merged entries keep the places where they were written.
"""

from __future__ import annotations

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Diagnostic, Span
from yamlflow.schema.nodes import Entry, Mapping, Node, Scalar, Sequence
from yamlflow.schema.text import findings


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and a value as they stand in the text; `merge` for an unquoted `<<`."""

    key: Node
    value: Node
    merge: bool = False


def entries(pairs: list[Pair], found: list[Diagnostic]) -> tuple[Entry, ...]:
    """The entries in the order of the text; what is wrong is added to `found` and left out."""
    result: dict[str, Entry] = {}
    places: dict[str, Span] = {}
    for pair in pairs:
        key = pair.key if pair.merge else _string_key(pair.key, found)
        if not isinstance(key, Scalar):
            continue
        if key.text in places:
            found.append(findings.duplicate_key(key, places[key.text], merge=pair.merge))
            continue
        places[key.text] = key.span
        if pair.merge:
            for entry in _merged(pair.value, found):
                result.setdefault(entry.key.text, entry)
        else:
            result[key.text] = Entry(key, pair.value)
    return tuple(result.values())


def _string_key(key: Node, found: list[Diagnostic]) -> Scalar | None:
    """The key as a string, noting what is wrong with it; None when it is a collection."""
    if not isinstance(key, Scalar):
        found.append(findings.collection_key(key))
        return None
    if not isinstance(key.value, str):
        found.append(findings.key_type(key))
        return Scalar(key.span, key.text, key.text)
    found.extend(findings.unprintable_key(key))
    return key


def _merged(value: Node, found: list[Diagnostic]) -> list[Entry]:
    sources = value.items if isinstance(value, Sequence) else (value,)
    known = {finding.span for finding in found}  # an unknown alias is no second mistake
    wrong = [source.span for source in sources if not isinstance(source, Mapping)]
    found.extend(findings.bad_merge(span) for span in wrong if span not in known)
    return [entry for source in sources if isinstance(source, Mapping) for entry in source.entries]
