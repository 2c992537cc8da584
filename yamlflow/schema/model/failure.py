"""What happens when a task fails: retry and catch."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from yamlflow.schema.model import quantities
from yamlflow.schema.model.kinds import (
    TEXT,
    BooleanOrHole,
    CountOrHole,
    DelayOrHole,
    Factor,
    Json,
    Size,
    Text,
    TimeLimit,
    alone,
    is_text,
    whole,
    words,
)
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.model.records import Also, Problem, Record
from yamlflow.schema.model.shapes import Hole, Kind, Listed
from yamlflow.schema.nodes import Scalar

RETRY_REASONS = ("error", "timeout", "oom")
INFRASTRUCTURE = ("spot", "lost", "image_pull", "start_failed")


class GrowthLimit(Record):
    """Where growing stops."""

    wanted: ClassVar[str] = "a size such as `64Gi`, or a mapping such as `{memory: 64Gi, timeout: 6h}`"
    memory: Size | None = Field(None, description="No attempt asks for more memory than this.", examples=["64Gi"])
    timeout: TimeLimit | None = Field(None, description="No attempt gets more time than this.", examples=["6h"])


def _read_limit(scalar: Scalar) -> GrowthLimit:
    """`64Gi` limits the memory, `6h` the time."""
    written = str(scalar.value) if is_text(scalar) else ""
    if quantities.matches(quantities.DURATION_PATTERN, written) and written:
        return GrowthLimit.build({"timeout": quantities.duration(written)}, ())
    if quantities.matches(quantities.SIZE_PATTERN, written):
        return GrowthLimit.build({"memory": quantities.size(written)}, ())
    raise Refused(
        f"`{scalar.text}` is neither a size nor a duration", hint="write `64Gi` to limit memory, `6h` to limit time"
    )


_LIMIT = Kind(
    "limit",
    "a size such as `64Gi` or a duration such as `6h`",
    _read_limit,
    {"type": "string", "pattern": f"{quantities.DURATION_PATTERN}|{quantities.SIZE_PATTERN}"},
)


class Growth(Record):
    """What the next attempt gets more of."""

    wanted: ClassVar[str] = "a mapping such as `{memory: 2x, max: 64Gi}`"
    memory: Factor | None = Field(
        None, description="After an attempt ran out of memory, the next one gets this many times more.", examples=["2x"]
    )
    timeout: Factor | None = Field(
        None, description="After an attempt ran out of time, the next one gets this many times more.", examples=["1.5x"]
    )
    max: Annotated[GrowthLimit | None, Also(_LIMIT)] = Field(
        None,
        description="Where growing stops: a size, a duration, or both.",
        examples=["64Gi", {"memory": "64Gi", "timeout": "6h"}],
    )

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        if not given & {"memory", "timeout"}:
            yield Problem("missing-key", "`grow` says nothing to grow", hint="add `memory: 2x` or `timeout: 2x`")


class Retry(Record):
    """How often a failed task is tried again, and after what pause."""

    wanted: ClassVar[str] = "a mapping such as `{attempts: 3, delay: 10s}`"
    attempts: CountOrHole = Field(
        1, description="How often the task is tried in all, the first try included.", examples=[3]
    )
    backoff: Annotated[Literal["fixed", "exponential"], words("backoff", "fixed", "exponential")] = Field(
        "exponential",
        description="Whether the pause stays the same or doubles with each attempt.",
        examples=["exponential"],
    )
    delay: DelayOrHole = Field(1.0, description="The pause before the second attempt.", examples=["10s"])
    max_delay: DelayOrHole = Field(300.0, description="No pause is longer than this.", examples=["5m"])
    jitter: BooleanOrHole = Field(
        True, description="Vary each pause at random, so that many tasks do not retry at once.", examples=[False]
    )
    on: Annotated[
        tuple[str, ...], Also(alone(TEXT)), Listed(TEXT, at_least=1, wanted="a list such as `[error, timeout]`")
    ] = Field(
        RETRY_REASONS,
        description="What is retried: error, timeout, oom, or names of exceptions. Lost machines need no naming.",
        examples=[["error", "oom"], ["ConnectionError"]],
    )
    infra: Annotated[int | Hole, whole("count", "a whole number", 0).or_hole()] = Field(
        10,
        description="How often a task that lost its machine is started again; not counted in attempts.",
        examples=[10],
    )
    grow: Growth | None = Field(
        None, description="What later attempts get more of.", examples=[{"memory": "2x", "max": "64Gi"}]
    )

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        named = [word for word in self.on if word in INFRASTRUCTURE]
        if named and "on" in given:
            yield Problem(
                "bad-value",
                f"`{named[0]}` needs no naming: a lost machine is always retried",
                at="on",
                hint="`infra: N` says how often",
                on_key=False,
            )


class Catch(Record):
    """What stands for the value of a task whose last attempt failed."""

    wanted: ClassVar[str] = "`{set: value}` or `{run: package.module:callable}`"
    set: Json = Field(None, description="The task's value when its last attempt fails.", examples=[{"auc": None}, 0])
    run: Text | None = Field(
        None,
        description="A callable that gives the value; it gets the step's own arguments and `error`.",
        examples=["churn.train:fallback"],
    )

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        if {"set", "run"} <= given:
            yield Problem(
                "conflicting-keys", "`catch` has both `set` and `run`", at="run", other="set", hint="keep one"
            )
        if not given:
            yield Problem(
                "missing-key",
                "`catch` says nothing to use instead",
                hint="add `set: null` or `run: package.module:callable`",
            )
