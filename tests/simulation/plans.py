"""Random pipelines: a small description of our own.

A plan is what both sides are given: the product reads the YAML (`files`), the
naive evaluator reads the plan. Every task computes `digest(name, inputs)`, a small
integer; how its attempts go is scripted by `fate`.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Ref:
    """An input that reads another step: its value, or 0 where it was skipped (`guarded`)."""

    name: str
    guarded: bool = False
    total: bool = False  # sum of a joined loop, None items left out

    def text(self) -> str:
        if self.total:
            return f"sum(compact(flatten([coalesce(steps.{self.name}, [])])))"
        return f"coalesce(steps.{self.name}, 0)" if self.guarded else f"steps.{self.name}"


@dataclass(frozen=True)
class EachRef:
    """An input that reads a loop variable."""

    name: str

    def text(self) -> str:
        return f"each.{self.name}"


@dataclass(frozen=True, slots=True)
class LevelRef:
    """An input that reads the pipeline's parameter."""

    def text(self) -> str:
        return "params.level"


Input = int | Ref | EachRef | LevelRef


@dataclass(frozen=True)
class Loop:
    """`names` bound to literal lists (cartesian), to `range(steps.source % 3)`, or element-wise to `source`."""

    names: tuple[str, ...]
    lists: tuple[tuple[int, ...], ...] = ()
    source: str = ""
    elementwise: bool = False
    where: int | None = None  # keep items whose first variable differs from this
    max_parallel: int | None = None
    fail_fast: bool = False
    min_success: int = 100  # percent
    counted: bool = False  # `range(params.level)`


@dataclass(frozen=True)
class Step:
    name: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    when: str = ""  # "", "true", "false", "odd:STEP", "each:NAME" (odd loop variable)
    policy: str = "all_success"
    loop: Loop | None = None
    attempts: int = 1
    catch: int | None = None
    rescue: bool = False  # `catch: {run: ..}`
    limit: bool = False
    children: tuple[Step, ...] = ()
    output: str = ""  # the child a group's `out` reads
    rounds: int = 0  # of a repeat; stops when its output is divisible by 3
    pause: int = 0  # seconds between its rounds
    delay: int = 0  # seconds before a retry
    cpu: int = 1
    start_timeout: int = 0
    deadline: int = 0
    shared: bool = False  # `isolation: shared`
    blob: bool = False  # its value lies in the store

    def references(self) -> Iterator[str]:
        """The steps this one waits for (an element-wise source left out)."""
        for value in self.inputs.values():
            if isinstance(value, Ref):
                yield value.name
        yield from self.needs
        if self.when.startswith("odd:"):
            yield self.when[4:]
        if self.loop and self.loop.source and not self.loop.elementwise:
            yield self.loop.source


@dataclass(frozen=True)
class Plan:
    seed: int
    steps: tuple[Step, ...]
    limit: int
    hooks: bool = False
    deadline: int = 0
    level: int = 0  # a parameter, where there is one


def mix(*parts: object) -> int:
    return zlib.crc32(repr(parts).encode())


def digest(name: str, inputs: Mapping[str, object]) -> int:
    """The value of a task."""
    return mix(name, sorted(inputs.items())) % 1000


def blob(value: int) -> dict[str, object]:
    """The document of a value that lies in the store; a reader is given this, and digests it."""
    content = blob_content(value)
    body = {"digest": hashlib.sha256(content).hexdigest(), "format": "pickle", "size": len(content)}
    return {"$artifact": body}


def blob_content(value: int) -> bytes:
    return f"the value {value}".encode()


def fate(seed: int, node: str, path: tuple[int, ...], attempt: int) -> str:
    """How an attempt goes: ok, error, skip or lost; the same on both sides."""
    roll = mix(seed, node, path) % 100
    if roll < 3:
        return "error"
    if roll < 13:
        return "ok" if attempt > 1 + roll % 2 else "error"
    if roll < 16:
        return "skip"
    if roll < 22:
        return "ok" if attempt > 1 else "lost"
    return "ok"


def rescue_fate(seed: int, node: str, path: tuple[int, ...], attempt: int) -> str:
    """How a rescue goes: ok, error, skip or lost. It has one try, and one more for each that is lost."""
    roll = mix(seed, "rescue", node, path, attempt) % 100
    return "error" if roll < 20 else "skip" if roll < 30 else "lost" if roll < 45 else "ok"


# --- making them ---------------------------------------------------------------


class Maker:
    """Draws one plan from a seed; `budget` bounds the number of tasks."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.names = (f"s{number}" for number in range(1000))
        self.variables = (f"v{number}" for number in range(1000))
        self.budget = self.random.randint(5, 60)

    def plan(self) -> Plan:
        steps: list[Step] = []
        while self.budget > 0 and len(steps) < 16:
            steps.append(self.step(steps, depth=0, each=()))
        return Plan(self.seed, tuple(steps), self.random.randint(1, 3))

    def step(self, before: list[Step], depth: int, each: tuple[str, ...], width: int = 1) -> Step:
        kind = self.random.random()
        if kind < 0.18 and depth < 2 and self.budget > 4 * width:
            return self.group(before, depth, each, width)
        if kind < 0.5:
            return self.loop_step(before, each, width)
        return self.task(before, each, width)

    def task(self, before: list[Step], each: tuple[str, ...], width: int) -> Step:
        self.budget -= width
        roll = self.random.random
        return Step(
            next(self.names),
            self.inputs(before, each),
            needs=self.some(before, 0.15),
            when=self.when(before),
            policy=self.random.choice(["all_success"] * 14 + ["all_done", "any_failed"]),
            attempts=self.random.choice([1, 1, 2, 3]),
            limit=roll() < 0.2,
            **self.catch(roll()),
        )

    def catch(self, roll: float) -> dict[str, Any]:
        if roll < 0.15:
            return {"catch": self.random.randint(0, 9)}
        return {"rescue": roll < 0.3}

    def loop_step(self, before: list[Step], each: tuple[str, ...], width: int) -> Step:
        loop, count = self.loop(before)
        base = self.task(before, (*each, *loop.names), width * max(1, count))
        when = f"each:{loop.names[0]}" if loop.lists and self.random.random() < 0.15 else base.when
        return _changed(base, loop=loop, when=when, policy=self.no_handler(base))

    def no_handler(self, base: Step) -> str:
        return "all_success" if base.policy == "any_failed" else base.policy

    def group(self, before: list[Step], depth: int, each: tuple[str, ...], width: int) -> Step:
        name = next(self.names)
        rounds = self.random.choice([0, 0, 0, 1, 2, 3])
        loop, count = (None, 1) if rounds or self.random.random() < 0.2 else self.loop(before)
        inner = width * max(1, count) * max(1, rounds)
        bound = (*each, *(loop.names if loop else ()), *(("carry",) if rounds and "carry" not in each else ()))
        rounds = rounds if "carry" in bound and "carry" not in each else 0
        children: list[Step] = []
        for _ in range(self.random.randint(1, 3)):
            visible = [*before, *children]
            children.append(self.step(visible, depth + 1, bound, inner))
        plain = [child for child in children if child.loop is None and not child.children and not child.when]
        output = plain[-1].name if plain else ""
        if rounds and not output:
            rounds = 0
            bound = tuple(name for name in bound if name != "carry")
            children = [_without_carry(child) for child in children]
        return Step(
            name,
            needs=self.some(before, 0.1),
            when=self.when(before),
            loop=loop,
            children=tuple(children),
            output=output,
            rounds=rounds,
        )

    def loop(self, before: list[Step]) -> tuple[Loop, int]:
        roll = self.random.random()
        shape = {
            "max_parallel": self.random.choice([None, None, 1, 2]),
            "min_success": self.random.choice([100, 100, 100, 50]),
        }
        loops = [step for step in before if step.loop is not None and (not step.children or step.output)]
        if roll < 0.25 and loops:
            return Loop((next(self.variables),), source=self.random.choice(loops).name, elementwise=True, **shape), 3
        plain = [step for step in before if step.loop is None and not step.children and not _skippable(step)]
        if roll < 0.45 and plain:
            return Loop((next(self.variables),), source=self.random.choice(plain).name, **shape), 2
        axes = self.random.choice([1, 1, 2])
        lists = tuple(tuple(range(self.random.randint(0 if axes == 1 else 1, 3))) for _ in range(axes))
        count = 1
        for values in lists:
            count *= len(values)
        where = self.random.choice([None, None, 1])
        return Loop(tuple(next(self.variables) for _ in lists), lists, where=where, **shape), count

    def inputs(self, before: list[Step], each: tuple[str, ...]) -> dict[str, Input]:
        inputs: dict[str, Input] = {}
        for number, name in enumerate(self.some(before, 0.35)):
            step = next(step for step in before if step.name == name)
            if not step.children or (step.output and step.loop is None):
                inputs[f"x{number}"] = self.ref(step)
        for number, name in enumerate(each):
            if self.random.random() < 0.7:
                inputs[f"e{number}"] = EachRef(name)
        inputs.setdefault("n", self.random.randint(0, 9))
        return inputs

    def ref(self, step: Step) -> Ref:
        if step.loop is not None:
            return Ref(step.name, total=True)
        return Ref(_value_name(step), guarded=_skippable(step) or self.random.random() < 0.3)

    def when(self, before: list[Step]) -> str:
        roll = self.random.random()
        plain = [step for step in before if step.loop is None and not step.children and not _skippable(step)]
        if roll < 0.1 and plain:
            return f"odd:{self.random.choice(plain).name}"
        return "true" if roll < 0.14 else "false" if roll < 0.18 else ""

    def some(self, before: list[Step], chance: float) -> tuple[str, ...]:
        return tuple(step.name for step in before[-6:] if self.random.random() < chance)


def _changed(step: Step, **fields: object) -> Step:
    return Step(**{**step.__dict__, **fields})  # type: ignore[arg-type]


def _without_carry(step: Step) -> Step:
    inputs = {name: value for name, value in step.inputs.items() if value != EachRef("carry")}
    return _changed(step, inputs=inputs, children=tuple(map(_without_carry, step.children)))


def _skippable(step: Step) -> bool:
    """May be skipped for a reason the file shows (`when`, or a policy that skips)."""
    return bool(step.when) or step.policy == "any_failed"


def _value_name(step: Step) -> str:
    return f"{step.name}.out" if step.children else step.name


def make(seed: int, *, hasty: bool = False) -> Plan:
    """The plan of a seed: 5 to about 60 tasks. `hasty`: half of its loops fail fast."""
    plan = Maker(seed).plan()
    if not hasty:
        return plan
    order = random.Random(seed + 2)
    return replace(plan, steps=tuple(_hasten(step, order) for step in plan.steps))


def _hasten(step: Step, order: random.Random) -> Step:
    loop = replace(step.loop, fail_fast=order.random() < 0.5) if step.loop else None
    return replace(step, loop=loop, children=tuple(_hasten(child, order) for child in step.children))
