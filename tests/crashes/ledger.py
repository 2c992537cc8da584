"""What the tasks of the crash tests wrote down outside, read and judged without asking yamlflow anything.

    start NAME ATTEMPT PID PARENT · used NAME ATTEMPT READER · end NAME ATTEMPT · fail NAME ATTEMPT     (the tasks)
    kill MOMENT · hit PID...                                                                       (the test)

`used` proves that a result was kept: a reader starts after the commit of what it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Story:
    """What the ledger says of one task."""

    starts: list[tuple[int, str]] = field(default_factory=list)  # line, attempt
    ends: list[tuple[int, str]] = field(default_factory=list)
    fails: list[tuple[int, str]] = field(default_factory=list)
    uses: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Ledger:
    """The whole of it, for one run."""

    stories: dict[str, Story] = field(default_factory=dict)
    kills: list[int] = field(default_factory=list)
    hits: set[str] = field(default_factory=set)  # pids of tasks and templates
    pids: dict[str, set[str]] = field(default_factory=dict)  # attempt -> its own, its template's

    def again(self) -> int:
        """How many starts were not a task's first, retries of a failure left out."""
        return sum(len(story.starts) - 1 - len(story.fails) for story in self.stories.values())


def read(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def parse(lines: Iterable[str]) -> Ledger:
    ledger = Ledger()
    for at, line in enumerate(lines):
        word, *rest = line.split()
        if word == "kill":
            ledger.kills.append(at)
        elif word == "hit":
            ledger.hits.update(rest)
        else:
            name, attempt = rest[:2]
            story = ledger.stories.setdefault(name, Story())
            {"start": story.starts, "end": story.ends, "fail": story.fails, "used": story.uses}[word].append(
                (at, attempt)
            )
            if word == "start":
                ledger.pids[attempt] = set(rest[2:])
    return ledger


def in_flight(lines: Iterable[str]) -> set[str]:
    """The attempts that have started and have not said that they are done."""
    found = {}
    for line in lines:
        word, *rest = line.split()
        if word == "start":
            found[rest[1]] = rest[0]
        elif word in ("end", "fail"):
            found.pop(rest[1], None)
        elif word == "kill":
            found.clear()
    return set(found)


def complaints(lines: list[str], expected: Iterable[str]) -> list[str]:
    """Everything that breaks the promise: lost, kept twice, run again without need."""
    ledger = parse(lines)
    found = [f"lost: {name} never came to its end" for name in expected if not _ends(ledger, name)]
    found += [f"nobody asked for {name}" for name in ledger.stories if name not in set(expected)]
    for name, story in sorted(ledger.stories.items()):
        kept = {attempt for _, attempt in story.uses}
        if len(kept) > 1:
            found.append(f"kept twice: readers of {name} were given {sorted(kept)}")
        found += [f"kept without an end: {name} {attempt}" for attempt in kept - {one for _, one in story.ends}]
        found += _needless(ledger, name, story)
    return found


def _ends(ledger: Ledger, name: str) -> bool:
    return bool(name in ledger.stories and ledger.stories[name].ends)


def _needless(ledger: Ledger, name: str, story: Story) -> list[str]:
    """Starts after the first one that no failure, no kill and no hit explains, or that come after a use."""
    found = []
    for (before, attempt), (after, _) in zip(story.starts, story.starts[1:], strict=False):
        failed = any(one == attempt and before < at < after for at, one in story.fails)
        killed = any(before < at < after for at in ledger.kills)
        if not (failed or killed or ledger.pids[attempt] & ledger.hits):
            found.append(f"run again: {name}, although nothing happened to {attempt}")
    used = min((at for at, _ in story.uses), default=None)
    if used is not None and any(at > used for at, _ in story.starts):
        found.append(f"run again: {name}, whose result a reader had been given")
    return found


def names(lines: Iterable[str]) -> Counter[str]:
    """How often each task came to its end."""
    return Counter(line.split()[1] for line in lines if line.startswith("end "))
