"""How often a step runs: foreach over items, repeat in rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.model.kinds import (
    EXPRESSION,
    Condition,
    CountOrHole,
    DelayOrHole,
    Expressions,
    Name,
    words,
)
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.model.records import Also, Hidden, Problem, Record, Rest
from yamlflow.schema.model.shapes import Choice, Listed, Tree
from yamlflow.schema.nodes import Scalar

_ITEMS = Listed(Tree("template"))
_SOURCE = "an expression such as `steps.regions`"


def _expression(scalar: Scalar) -> object:
    if isinstance(scalar.value, int) and not isinstance(scalar.value, bool):
        raise Refused(
            f"`{scalar.text}` is nothing to loop over", code="wrong-type", hint=f"write `range({scalar.text})`"
        )
    return EXPRESSION.read(scalar)


def _over_expression(scalar: Scalar) -> Foreach:
    return Foreach.build({"names": {"item": _expression(scalar)}}, ("item",))


ITEMS = replace(EXPRESSION, wanted=_SOURCE, read=_expression)
Source = Annotated[str | tuple[object, ...], Choice(ITEMS, _ITEMS, None)]


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a loop: a name and its items, or several names that go in step."""

    names: Mapping[str, Source]
    zipped: bool = False


class Foreach(Record):
    """Names bound to items: every combination of them is one task.

    A source is expression text (str) or a literal list (tuple). `axes` has
    them in the order of the file; the first is the outermost.
    """

    wanted: ClassVar[str] = "a mapping such as `{region: steps.regions}`"
    zip: dict[Name, Source] | None = Field(
        None,
        description="Names whose lists have equal lengths and go in step, as one axis.",
        examples=[{"lr": [0.1, 0.01], "epochs": [5, 50]}],
    )
    names: Annotated[dict[Name, Source], Rest()] = Field(
        {},
        description="A name for each axis, with an expression or a literal list.",
        examples=[{"region": "steps.regions"}],
    )
    order: Annotated[tuple[str, ...], Hidden()] = ()

    @classmethod
    def build(cls, values: dict[str, object], keys: Sequence[str]) -> Self:
        return super().build({**values, "order": tuple(keys)}, keys)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, outermost first."""
        order = self.order or (*self.names, *(["zip"] if self.zip else []))
        found = (Axis(self.zip, zipped=True) if key == "zip" and self.zip else self._single(key) for key in order)
        return tuple(axis for axis in found if axis is not None)

    def _single(self, name: str) -> Axis | None:
        return Axis({name: self.names[name]}) if name in self.names else None

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        if not given:
            yield Problem(
                "missing-key",
                "`foreach` names nothing to loop over",
                hint=f"write `name: items`, with {_SOURCE} or a list",
            )
        for name in sorted(set(self.zip or ()) & set(self.names)):
            yield Problem(
                "conflicting-keys", f"`{name}` is bound twice", at=name, other="zip", hint="rename one of the two"
            )
        if "index" in given:
            yield Problem(
                "bad-name", "`each.index` is already the number of the item", at="index", hint="choose another name"
            )


def _over_list(items: tuple[object, ...]) -> Foreach:
    return Foreach.build({"names": {"item": items}}, ("item",))


Loop = Annotated[
    Foreach,
    Also(replace(ITEMS, read=_over_expression)),
    Also(replace(_ITEMS, build=_over_list)),
]


class Repeat(Record):
    """Rounds of a group: each sees what the round before gave."""

    wanted: ClassVar[str] = "a mapping such as `{start: {model: steps.init}, until: steps.score.ok, max: 10}`"
    start: dict[Name, Expressions] = Field(
        {},
        description="What the first round sees as `each.name`; later rounds see the outputs of the round before.",
        examples=[{"model": "steps.init.model"}],
    )
    until: Condition | None = Field(
        None,
        description="The condition that ends the rounds; it sees the steps of the group.",
        examples=["steps.score.delta < params.tol"],
    )
    max: CountOrHole = Field(..., description="The number of rounds after which it ends in any case.", examples=[10])
    delay: DelayOrHole = Field(0.0, description="The pause between two rounds.", examples=["30s"])
    on_max: Annotated[Literal["fail", "accept"], words("on_max", "fail", "accept")] = Field(
        "fail",
        description="What it means to reach `max` before `until`: fail as not_converged, or accept.",
        examples=["accept"],
    )
