"""What the value of a key may look like: the vocabulary the model's types are written in.

A shape stands in a type annotation (`Annotated[float | Hole, DURATION]`) and is
read twice: by `decode`, which turns YAML nodes into values, and by `export`,
which turns it into JSON Schema. So the two cannot disagree.

Unions are only ever between different JSON types: a scalar, a list, a mapping.
Nothing here reads YAML text or makes diagnostics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final, Literal, Union

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Span
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.nodes import Scalar

if TYPE_CHECKING:
    from yamlflow.schema.model.records import Record

HOLE_PATTERN: Final = r"\$\{\{(?:(?!\$\{\{).)+\}\}"
_CODED: Final = ("cron", "duration", "gpu", "name", "percent", "secret", "size", "type")
Language = Literal["expression", "template"]


@dataclass(frozen=True, slots=True, eq=False)  # in annotations: hashed by identity
class Kind:
    """A leaf: what a scalar may be. `read` gives the typed value or raises Refused.

    `schema` holds draft-07 keywords; `pattern` there is a whole-text pattern
    without anchors. With `hole`, a whole `${{ e }}` may stand in its place.
    `language` says that the text is an expression, or may have holes.
    """

    name: str
    wanted: str
    read: Callable[[Scalar], object]
    schema: Mapping[str, object]
    hole: bool = False
    language: Language | None = None

    @property
    def free(self) -> bool:
        """Any text will do, also text with `${{` in it."""
        return self.name == "text"

    @property
    def code(self) -> str:
        """The diagnostic of a scalar of the right type that says nothing sensible."""
        return f"bad-{self.name}" if self.name in _CODED else "bad-value"

    def or_hole(self) -> Kind:
        """The same kind, where a whole `${{ e }}` may stand for a value that params decide."""
        return replace(self, hole=True)


@dataclass(frozen=True, slots=True, eq=False)  # in annotations: hashed by identity
class Tree:
    """Any JSON value; `language` is what its strings are."""

    language: Language | None = None
    wanted: str = "a value"


@dataclass(frozen=True, slots=True, eq=False)  # in annotations: hashed by identity
class Listed:
    """A list of one shape; `build` turns the read items into the value."""

    item: Shape
    at_least: int = 0
    build: Callable[[tuple[object, ...]], object] | None = None
    wanted: str = "a list"


@dataclass(frozen=True, slots=True, eq=False)  # in annotations: hashed by identity
class Mapped:
    """A mapping with free keys. `drops_null`: a null value takes the entry away."""

    key: Kind
    value: Shape
    at_least: int = 0
    build: Callable[[dict[str, object]], object] | None = None
    wanted: str = "a mapping"
    drops_null: bool = False


@dataclass(frozen=True, slots=True, eq=False)  # in annotations: hashed by identity
class Recorded:
    """A mapping with known keys."""

    record: type[Record]
    wanted: str = "a mapping"


@dataclass(frozen=True, slots=True, eq=False)  # in annotations: hashed by identity
class Tagged:
    """A mapping whose `tag` key decides which record it is."""

    tag: str
    records: Mapping[str, type[Record]]
    wanted: str = "a mapping"


@dataclass(frozen=True, slots=True, eq=False)  # in annotations: hashed by identity
class Choice:
    """Shapes of different JSON types: the node's own type decides."""

    scalar: Kind | None
    listed: Listed | None
    mapped: Mapped | Recorded | Tagged | None

    @property
    def wanted(self) -> str:
        return " or ".join(dict.fromkeys(one.wanted for one in (self.scalar, self.listed, self.mapped) if one))


Shape = Union[Kind, Tree, Listed, Mapped, Recorded, Tagged, Choice]


@dataclass(frozen=True, slots=True)
class Hole:
    """A whole `${{ e }}` in place of a typed scalar; `fill` makes the value once `e` is known."""

    text: str
    kind: Kind = field(repr=False, compare=False)

    @property
    def expression(self) -> str:
        """The text between the braces."""
        return self.text.strip().removeprefix("${{").removesuffix("}}").strip()

    def fill(self, value: object) -> object:
        """The typed value when `e` gave `value`; Refused, with words, when it is not what the key wants."""
        if not isinstance(value, bool | int | float | str):
            raise Refused(f"expected {self.kind.wanted}, got a value of type {type(value).__name__}")
        if self.kind.name == "duration" and isinstance(value, int | float) and not isinstance(value, bool):
            value = f"{value:.3f}".rstrip("0").rstrip(".") + "s"  # what an expression computes is in seconds
        written = Scalar(Span("", 1, 1, 1, 1), value, str(value), quoted=isinstance(value, str))
        try:
            return self.kind.read(written)
        except Refused as refused:
            said = refused.message or f"expected {self.kind.wanted}, got `{value}`"
            raise Refused(said, code=refused.code, hint=refused.hint) from None
