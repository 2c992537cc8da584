"""What people call a task: `by_region[eu].fit[model=xgb,fold=2]`, and back again.

A loop's items have keys; without one an item is called by its index. The same
task may be written `by_region#0.fit#5` or `by_region:eu/fit:xgb,2`, and in any
part only `*` is special. Fed by ItemsKnown events; knows nothing of values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from yamlflow.core.dataclass import dataclass
from yamlflow.core.graph import Path, TaskId
from yamlflow.core.outline import Level, Outline


class Names:
    """The keys of every expanded loop of a run."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._levels: dict[str, tuple[Level, ...]] = {}
        self._keys: dict[tuple[str, Path], tuple[str, ...]] = {}
        self._counts: dict[tuple[str, Path], int] = {}

    def forget(self) -> None:
        """No loop has been expanded."""
        self._keys.clear()
        self._counts.clear()

    def learn(self, task: TaskId, count: int, keys: tuple[str, ...]) -> None:
        """A loop has been expanded: `task` is its node and the indexes around it."""
        self._counts[task] = count
        if keys:
            self._keys[task] = keys

    def count(self, step: str, prefix: Path) -> int | None:
        """How many items this loop has there; None when nobody knows yet."""
        return self._counts.get((step, prefix))

    def levels(self, step: str) -> tuple[Level, ...]:
        if step not in self._levels:
            self._levels[step] = self._outline.levels(step)
        return self._levels[step]

    def key(self, level: Level, prefix: Path, index: int) -> str:
        """What one index of a path is called."""
        if level.kind == "round":
            return f"round={index + 1}"
        keys = self._keys.get((level.step, prefix))
        return keys[index] if keys and index < len(keys) else str(index)

    def keys(self, task: TaskId) -> tuple[str, ...]:
        """The names of a path's indexes: the same in another run whose loops have the same items."""
        if not task.path:
            return ()
        levels = self.levels(task.node)
        return tuple(
            self.key(level, task.path[:at], task.path[at])
            for at, level in zip(range(len(task.path)), levels, strict=False)
        )

    def display(self, task: TaskId) -> str:
        """`by_region[eu].fit[model=xgb,fold=2]`."""
        shown: dict[str, str] = {}
        for level, key in zip(self.levels(task.node), self.keys(task), strict=False):
            shown[level.step] = f"{shown.get(level.step, '')}[{key}]"
        parts = []
        step = ""
        for name in task.node.split("."):
            step = f"{step}.{name}" if step else name
            parts.append(name + shown.get(step, ""))
        return ".".join(parts)

    def keys_of(self, step: str, prefix: Path) -> tuple[str, ...]:
        """The keys as they were learnt: () for plain indexes."""
        return self._keys.get((step, prefix), ())

    def item_keys(self, step: str, prefix: Path) -> list[str]:
        """The keys of all items of a loop, in order."""
        count = self._counts.get((step, prefix), 0)
        return list(self._keys.get((step, prefix)) or map(str, range(count)))


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a pattern: its name and what was said of its items (a key, `#5`, or nothing)."""

    name: str
    selectors: tuple[str, ...] = ()

    def admits(self, keys: Sequence[str], indexes: Sequence[int]) -> bool:
        """Does what was said fit these items (none said: all do)?"""
        if not self.selectors:
            return True
        return len(self.selectors) <= len(keys) and all(
            _fits(selector, key, index) for selector, key, index in zip(self.selectors, keys, indexes, strict=False)
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """A task, or several, as a person writes them; `field` is what follows the step's own name."""

    parts: tuple[Part, ...]
    field: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Does it name items, not just a step?"""
        return any(part.selectors for part in self.parts)

    def admits(self, names: Names, task: TaskId) -> bool:
        """Is this one of the tasks that are meant? A group means what lies inside it."""
        steps = task.node.split(".")
        if len(steps) < len(self.parts):
            return False
        groups = _by_step(names, task)
        step = ""
        for part, name in zip(self.parts, steps, strict=False):
            step = f"{step}.{name}" if step else name
            keys, indexes = groups.get(step, ((), ()))
            if not glob(part.name, name) or not part.admits(keys, indexes):
                return False
        return True


def _by_step(names: Names, task: TaskId) -> dict[str, tuple[list[str], list[int]]]:
    found: dict[str, tuple[list[str], list[int]]] = {}
    for level, key, index in zip(names.levels(task.node), names.keys(task), task.path, strict=False):
        keys, indexes = found.setdefault(level.step, ([], []))
        keys.append(key)
        indexes.append(index)
    return found


def _fits(selector: str, key: str, index: int) -> bool:
    """`#5`, the whole key, its values alone (`xgb,2`), or some of its `name=value` parts."""
    if selector.startswith("#"):
        return selector[1:] == str(index) or selector == "#*"
    if glob(selector, key):
        return True
    wanted, parts = selector.split(","), key.split(",")
    if len(wanted) == len(parts) and all(
        glob(want, part.partition("=")[2] or part) for want, part in zip(wanted, parts, strict=True)
    ):
        return True
    return "=" in key and all("=" in want and any(glob(want, part) for part in parts) for want in wanted)


def glob(pattern: str, text: str) -> bool:
    """Only `*` is special."""
    if "*" not in pattern:
        return pattern == text
    return fnmatchcase(text, re.sub(r"([\[?])", r"[\1]", pattern))


_STEP = re.compile(r"[A-Za-z0-9_*]+")


def parse_pattern(text: str, outline: Outline) -> Pattern:
    """What a person means by `text`; a ValueError says what is wrong with it."""
    tokens = list(_tokens(text))
    depth = _step_depth([name for name, _ in tokens], outline)
    if any(selectors for _, selectors in tokens[depth:]):
        raise ValueError(f"there is no step {'.'.join(name for name, _ in tokens[: depth + 1])!r}")
    parts = tuple(Part(name, selectors) for name, selectors in tokens[:depth])
    return Pattern(parts, tuple(name for name, _ in tokens[depth:]))


def _step_depth(words: Sequence[str], outline: Outline) -> int:
    """How many of the words name a step; the others are fields of its value."""
    paths = [step.split(".") for step in outline.steps]
    best = 0
    for depth in range(1, len(words) + 1):
        if any(len(path) == depth and all(map(glob, words[:depth], path)) for path in paths):
            best = depth
    if not best:
        raise ValueError(f"there is no step {words[0]!r}")
    return best


def _tokens(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    at = 0
    while at < len(text) or not text:
        found = _STEP.match(text, at)
        if found is None:
            raise ValueError(f"{text!r}: a step's name is missing at character {at + 1}")
        at, selectors = _selectors(text, found.end())
        yield found.group(), selectors
        if at < len(text):
            if text[at] not in "./":
                raise ValueError(f"{text!r}: `.` or `/` is missing at character {at + 1}")
            at += 1


def _selectors(text: str, at: int) -> tuple[int, tuple[str, ...]]:
    found: list[str] = []
    while at < len(text) and text[at] in "[#:":
        end, selector = _SELECTORS[text[at]](text, at)
        found.append(selector)
        at = end
    return at, tuple(found)


def _bracketed(text: str, at: int) -> tuple[int, str]:
    end = text.find("]", at)
    if end < 0:
        raise ValueError(f"{text!r}: `[` is never closed")
    return end + 1, text[at + 1 : end]


def _numbered(text: str, at: int) -> tuple[int, str]:
    found = re.compile(r"#(\d+|\*)").match(text, at)
    if found is None:
        raise ValueError(f"{text!r}: a number belongs after `#`")
    return found.end(), found.group()


def _after_colon(text: str, at: int) -> tuple[int, str]:
    end = text.find("/", at)
    end = len(text) if end < 0 else end
    return end, text[at + 1 : end]


_SELECTORS = {"[": _bracketed, "#": _numbered, ":": _after_colon}
