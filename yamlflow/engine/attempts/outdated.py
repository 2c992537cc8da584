"""On a resume: results that stand although the code of their step has changed since.

Fix and resume is the normal case: changed code alone runs nothing again, it is
listed. `recorded` is which code each step had in each launch of the run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from yamlflow.core.fingerprint import Components, differences
from yamlflow.core.graph import Graph
from yamlflow.core.messages import CodeChanged
from yamlflow.engine.attempts.assembly import definition_digest
from yamlflow.engine.attempts.codes import Codes
from yamlflow.engine.attempts.earlier import Earlier
from yamlflow.store.results import Results

Recorded = Mapping[str, Mapping[str, str]]


def outdated(
    at: float,
    earlier: Earlier,
    graph: Graph,
    codes: Codes,
    recorded: Recorded,
    results: Results,
    refresh: Collection[str] = (),
) -> list[CodeChanged]:
    """One event for each step whose kept results were made with other code than today's."""
    found: list[CodeChanged] = []
    for step, launches in earlier.made().items():
        action = graph.nodes[step].action if step in graph.nodes and step not in refresh else None
        if action is None:
            continue
        kept = {launch: count for (launch, own), count in launches.items() if own == definition_digest(action)}
        parts: dict[str, None] = {}
        number = 0
        for launch, count in kept.items():
            words = _words(recorded.get(str(launch), {}).get(step), codes, step, results)
            parts |= dict.fromkeys(words)
            number += count if words else 0
        if parts:
            found.append(CodeChanged(at, step, tuple(parts), number))
    return found


def _words(digest: str | None, codes: Codes, step: str, results: Results) -> list[str]:
    """What is different from the code of this digest; nothing where it is not known."""
    if digest is None or digest == codes.of(step).digest.hex():
        return []
    before = results.source(bytes.fromhex(digest))
    now = codes.of(step).components
    return differences(_common(before, now), _common(now, before)) if before is not None else []


def _common(one: Components, other: Components) -> dict[str, str]:
    """The parts of files that both know: with a cache, a step's imports are followed too."""
    files = {name.partition(": ")[0] for name in other}
    return {name: text for name, text in one.items() if name.partition(": ")[0] in files and "." in name}
