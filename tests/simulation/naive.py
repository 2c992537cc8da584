"""A second opinion: what a plan must come to, evaluated step by step, in order.

Imports nothing of the scheduler or the compiler. It knows no slots, no events,
no time: it walks the plan as a person would read pipeline-file rules, assuming
`--keep-going` (with it, the end does not depend on the order of things).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from tests.simulation.plans import EachRef, LevelRef, Loop, Plan, Ref, Step, blob, digest, fate, rescue_fate

Path = tuple[int, ...]
Place = tuple[str, Path]
GOOD = {"succeeded", "caught"}
FAILED = {"failed", "upstream_failed"}


@dataclass
class Result:
    state: str
    value: object = None
    items: list[Result] | None = None


class BrokenError(Exception):
    """An expression met a value it cannot work with."""


@dataclass
class Naive:
    """Final states and values of a plan, by (node, path)."""

    plan: Plan
    states: dict[Place, str] = field(default_factory=dict)
    values: dict[Place, object] = field(default_factory=dict)
    attempts: dict[Place, int] = field(default_factory=dict)
    outcome: str = ""
    steps: dict[str, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        waiting = list(self.plan.steps)
        while waiting:
            step = waiting.pop()
            self.steps[step.name] = step
            waiting += step.children

    def run(self) -> Naive:
        frame = self.scope(self.plan.steps, [], "", (), {})
        bad = any(result.state not in GOOD | {"skipped"} for result in frame.values())
        self.outcome = "failed" if bad else "succeeded"
        return self

    def scope(
        self, steps: Sequence[Step], outer: list[dict[str, Result]], parent: str, path: Path, each: Mapping[str, object]
    ) -> dict[str, Result]:
        frame: dict[str, Result] = {}
        for step in steps:
            node = f"{parent}.{step.name}" if parent else step.name
            body = Body(self, step, node, [*outer, frame], path, each)
            frame[step.name] = body.result()
        return frame


@dataclass
class Body:
    """One step in one scope."""

    world: Naive
    step: Step
    node: str
    frames: list[dict[str, Result]]
    path: Path
    each: Mapping[str, object]

    def find(self, name: str) -> Result:
        return next(frame[name] for frame in reversed(self.frames) if name in frame)

    def result(self) -> Result:
        result = self.whole()
        self.world.states[(self.node, self.path)] = result.state
        return result

    def whole(self) -> Result:
        source = self.elementwise_source()
        verdict = self.judge(())
        if verdict != "ready":
            return Result(verdict)
        try:
            if not self.step.when.startswith("each:") and not self.condition(self.each):
                return Result("skipped")
            if source is not None and source.items is None:
                verdict = self.judge((source.state,))
                return Result("skipped" if verdict == "ready" else verdict)
            bindings = self.bindings(source)
        except BrokenError:
            return Result("failed")
        if self.step.loop is None:
            return self.item(self.path, self.each)
        return self.join([self.one(index, binding, source) for index, binding in enumerate(bindings)])

    def elementwise_source(self) -> Result | None:
        loop = self.step.loop
        return self.find(loop.source) if loop and loop.elementwise else None

    def judge(self, more: tuple[str, ...]) -> str:
        """The verdict over everything this step waits for; `more` are states that may not be skipped."""
        lenient = [self.find(name).state for name in self.step.needs]
        strict = list(more)
        for name, guarded in self.reads():
            (lenient if guarded else strict).append(self.find(name).state)
        states = {*lenient, *strict}
        if self.step.policy == "all_done":
            return "ready"
        if self.step.policy == "any_failed":
            return "ready" if states & FAILED else "skipped"
        if states & FAILED:
            return "upstream_failed"
        return "skipped" if "skipped" in strict else "ready"

    def reads(self) -> Iterator[tuple[str, bool]]:
        for value in self.step.inputs.values():
            if isinstance(value, Ref):
                yield value.name.partition(".")[0], value.guarded or value.total
        if self.step.when.startswith("odd:"):
            yield self.step.when[4:], False
        if self.step.loop and self.step.loop.source and not self.step.loop.elementwise:
            yield self.step.loop.source, False

    def number(self, value: object) -> int:
        if not isinstance(value, int):
            raise BrokenError
        return value

    def condition(self, each: Mapping[str, object]) -> bool:
        when = self.step.when
        if when.startswith("odd:"):
            return self.number(self.find(when[4:]).value) % 2 == 1
        if when.startswith("each:"):
            return self.number(each[when[5:]]) % 2 == 1
        return when != "false"

    def bindings(self, source: Result | None) -> list[dict[str, object]]:
        loop = self.step.loop
        if loop is None:
            return [{}]
        if source is not None and source.items is not None:
            return [{loop.names[0]: item.value} for item in source.items]
        if loop.counted:
            lists: Sequence[Sequence[int]] = (range(self.world.plan.level),)
        elif loop.source:
            lists = (range(self.number(self.find(loop.source).value) % 3),)
        else:
            lists = loop.lists
        rows = [dict(zip(loop.names, row, strict=True)) for row in product(*lists)]
        return [row for row in rows if loop.where is None or row[loop.names[0]] != loop.where]

    def one(self, index: int, binding: dict[str, object], source: Result | None) -> Result:
        path = (*self.path, index)
        result = self.one_judged(path, {**self.each, **binding}, source.items[index] if source else None)  # type: ignore[index]
        self.world.states[(self.node, path)] = result.state
        return result

    def one_judged(self, path: Path, each: Mapping[str, object], source: Result | None) -> Result:
        verdict = self.judge((self.seen(source),)) if source else "ready"
        if verdict != "ready":
            return Result(verdict)
        if self.step.when.startswith("each:"):
            try:
                if not self.condition(each):
                    return Result("skipped")
            except BrokenError:
                return Result("failed")
        return self.item(path, each)

    def seen(self, source: Result) -> str:
        """A failure that the source loop tolerates is a gap for who reads it item by item."""
        assert self.step.loop is not None
        tolerant = self.loop_of(self.step.loop.source).min_success < 100
        gap = tolerant and source.state in FAILED and self.step.policy == "all_success"
        return "skipped" if gap else source.state

    def loop_of(self, name: str) -> Loop:
        found = self.world.steps[name].loop
        assert found is not None
        return found

    def join(self, items: list[Result]) -> Result:
        assert self.step.loop is not None
        bad = [item.state for item in items if item.state not in GOOD | {"skipped"}]
        needed = -(-self.step.loop.min_success * len(items) // 100)
        if len(items) - len(bad) >= needed:
            return Result("succeeded", [item.value for item in items], items)
        return Result("failed" if "failed" in bad else "upstream_failed", None, items)

    def item(self, path: Path, each: Mapping[str, object]) -> Result:
        if not self.step.children:
            return self.task(path, each)
        return self.rounds(path, each) if self.step.rounds else self.body(path, each)

    def body(self, path: Path, each: Mapping[str, object]) -> Result:
        frame = self.world.scope(self.step.children, self.frames, self.node, path, each)
        states = {result.state for result in frame.values()}
        for bad in ("failed", "upstream_failed"):
            if bad in states:
                return Result(bad)
        if states == {"skipped"}:
            return Result("skipped")
        value = {"out": frame[self.step.output].value} if self.step.output else None
        return Result("succeeded", value)

    def rounds(self, path: Path, each: Mapping[str, object]) -> Result:
        carry: object = 1
        for turn in range(self.step.rounds):
            result = self.body((*path, turn), {**each, "carry": carry})
            if result.state != "succeeded":
                return result
            carry = result.value["out"]  # type: ignore[index]
            if not isinstance(carry, int):
                return Result("failed")
            result.value = {"carry": carry, "out": carry}
            if carry % 3 == 0:
                break
        return result

    def task(self, path: Path, each: Mapping[str, object]) -> Result:
        failures = 0
        for attempt in range(1, 100):
            self.world.attempts[(self.node, path)] = attempt
            ending = fate(self.world.plan.seed, self.node, path, attempt)
            if ending == "ok":
                number = digest(self.step.name, self.resolve(each))
                value = blob(number) if self.step.blob else number
                self.world.values[(self.node, path)] = value
                return Result("succeeded", value)
            if ending == "skip":
                return Result("skipped")
            failures += ending == "error"
            if failures >= self.step.attempts:
                break
        if self.step.rescue:
            return self.rescue(path, each, attempt + 1)
        if self.step.catch is not None:
            return Result("caught", self.step.catch)
        return Result("failed")

    def rescue(self, path: Path, each: Mapping[str, object], attempt: int) -> Result:
        """What `catch.run` makes of it: one try that is not lost, with the step's own inputs."""
        ending = rescue_fate(self.world.plan.seed, self.node, path, attempt)
        while ending == "lost":
            attempt += 1
            ending = rescue_fate(self.world.plan.seed, self.node, path, attempt)
        self.world.attempts[(self.node, path)] = attempt
        if ending != "ok":
            return Result("skipped" if ending == "skip" else "failed")
        value = digest("rescue", self.resolve(each))
        self.world.values[(self.node, path)] = value
        return Result("caught", value)

    def resolve(self, each: Mapping[str, object]) -> dict[str, object]:
        return {name: self.read(value, each) for name, value in self.step.inputs.items()}

    def read(self, value: object, each: Mapping[str, object]) -> object:
        if isinstance(value, EachRef):
            return each[value.name]
        if isinstance(value, LevelRef):
            return self.world.plan.level
        if not isinstance(value, Ref):
            return value
        name, _, part = value.name.partition(".")
        found = self.find(name).value
        if value.total:
            return sum(item for item in found or [] if item is not None)  # type: ignore[attr-defined]
        if part:
            found = found[part] if found is not None else None  # type: ignore[index]
        return 0 if found is None and value.guarded else found
