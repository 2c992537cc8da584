"""Tasks of the crash tests: each says outside, in $LEDGER, when it starts, whose values it uses, when it ends.

A value knows which attempt made it, so that its readers' lines show which result was kept.
"""

from __future__ import annotations

import os
import time
from typing import Self

from yamlflow import Context

BIG = 9000  # more than fits into an event


def note(*words: object) -> None:
    """One line, in one write: no other line gets between."""
    handle = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, (" ".join(map(str, words)) + "\n").encode())
    os.close(handle)


class Work:
    """`with Work(ctx, name, values) as work:` brackets a task; `work.value` is what it made."""

    def __init__(self, ctx: Context, name: str, *used: dict, seconds: float = 0.01):
        self.ctx, self.name, self.used, self.seconds = ctx, name, used, seconds

    def __enter__(self) -> Self:
        note("start", self.name, self.ctx.attempt_id, os.getpid(), os.getppid())
        for value in self.used:
            note("used", value["name"], value["by"], self.name)
        time.sleep(self.seconds)
        return self

    def value(self, n: int, pad: int = 0) -> dict:
        return {"name": self.name, "by": self.ctx.attempt_id, "n": n, "pad": str(n % 10) * pad}

    def __exit__(self, kind, error, trace) -> None:
        note("end" if kind is None else "fail", self.name, self.ctx.attempt_id)


def beside(i: int, ctx: Context) -> dict:
    with Work(ctx, f"beside-{i}", seconds=0.2) as work:
        return work.value(i)


def seeds(n: int, ctx: Context) -> list[int]:
    with Work(ctx, "seeds"):
        return [number * 10 for number in range(n)]


def square(x: int, ctx: Context) -> dict:
    with Work(ctx, f"square-{x}") as work:
        return work.value(x * x)


def grow(v: dict, ctx: Context) -> dict:
    with Work(ctx, f"grow-{v['n']}", v) as work:
        return work.value(v["n"] + 1, BIG)


def shake(v: dict, ctx: Context) -> dict:
    with Work(ctx, f"shake-{v['n']}", v) as work:
        if ctx.attempt == 1:
            raise OSError("the first try never works")
        return work.value(v["n"] * 2)


def kinds(n: int, ctx: Context) -> list[str]:
    with Work(ctx, "kinds"):
        return [f"kind{number}" for number in range(n)]


def split(kind: str, ctx: Context) -> list[int]:
    with Work(ctx, f"split-{kind}", seconds=0.05):
        return [1, 2, 3]


def part(kind: str, k: int, ctx: Context) -> dict:
    with Work(ctx, f"part-{kind}-{k}", seconds=0.03) as work:
        return work.value(k, BIG * (k == 2))


def whole(kind: str, parts: list[dict], ctx: Context) -> dict:
    with Work(ctx, f"whole-{kind}", *parts, seconds=0.03) as work:
        return work.value(sum(value["n"] for value in parts))


def first(ctx: Context) -> dict:
    with Work(ctx, "first") as work:
        return work.value(0)


def turn(v: dict, ctx: Context) -> dict:
    with Work(ctx, f"turn-{v['n'] + 1}", v, seconds=0.03) as work:
        return work.value(v["n"] + 1)


def last(shaky: list[dict], wholes: list[dict], v: dict, beside: list[dict], ctx: Context) -> dict:
    used = [*shaky, *wholes, v, *beside]
    with Work(ctx, "last", *used, seconds=0.1) as work:
        return work.value(sum(value["n"] for value in used), BIG)


def cheer(v: dict, ctx: Context) -> dict:
    with Work(ctx, "cheer", v, seconds=0.05) as work:
        return work.value(1)


def echo(v: dict, ctx: Context) -> None:
    with Work(ctx, "echo", v, seconds=0.05):
        pass


def linger(ctx: Context) -> None:
    with Work(ctx, "linger", seconds=0.2):
        pass


def tidy(ctx: Context) -> dict:
    with Work(ctx, "tidy", seconds=0.05) as work:
        return work.value(1)


def sweep(v: dict, ctx: Context) -> None:
    with Work(ctx, "sweep", v, seconds=0.05):
        pass
