"""What a step gives back, and when an earlier result may stand for it."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from yamlflow.schema.model.kinds import (
    BOOLEAN,
    EXPRESSION,
    WRITTEN,
    Template,
    TimeLimitOrHole,
    alone,
    words,
)
from yamlflow.schema.model.records import Also, Hidden, Problem, Record
from yamlflow.schema.model.shapes import Kind, Listed
from yamlflow.schema.nodes import Scalar

PLACES = ("file", "dir", "glob", "json", "text", "stdout")


class Output(Record):
    """Where a command leaves one of its results."""

    wanted: ClassVar[str] = "a mapping such as `{file: report.html}`"
    file: Template | None = Field(None, description="A file the command writes.", examples=["report.html"])
    dir: Template | None = Field(None, description="A folder the command writes.", examples=["model/"])
    glob: Template | None = Field(None, description="All files that match, as a list.", examples=["parts/*.parquet"])
    json_: Template | None = Field(
        None,
        alias="json",
        description="A JSON file the command writes; its content is the value.",
        examples=["metrics.json"],
    )
    text: Template | None = Field(
        None, description="A text file the command writes; its content is the value.", examples=["id.txt"]
    )
    stdout: Annotated[Literal["text", "json"] | None, words("stdout", "text", "json")] = Field(
        None, description="What the command prints is the value, as text or as JSON.", examples=["json"]
    )
    beside: tuple[Template, ...] = Field(
        (), description="Companions that travel with the file: names or patterns.", examples=[["*.bai"]]
    )

    @property
    def place(self) -> tuple[str, str]:
        """How the result is left and where: `("file", "report.html")`."""
        fields = {**{name: getattr(self, name) for name in PLACES if name != "json"}, "json": self.json_}
        return next(((name, where) for name, where in fields.items() if where is not None), ("", ""))

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        named = [name for name in PLACES if name in given]
        if not named:
            yield Problem(
                "missing-key",
                "this output has no place",
                hint="say where it is: `{file: report.html}`, `{stdout: text}`",
            )
        for extra in named[1:]:
            hint = "one output has one place; give the other a name of its own"
            yield Problem(
                "conflicting-keys",
                f"this output has both `{named[0]}` and `{extra}`",
                at=extra,
                other=named[0],
                hint=hint,
            )
        if "beside" in given and named and named[0] not in ("file", "glob"):
            yield Problem("misplaced-key", f"`beside` goes with `file` or `glob`, not with `{named[0]}`", at="beside")


class Cache(Record):
    """When an earlier result may be used again. `enabled` is False after `cache: false`."""

    wanted: ClassVar[str] = "a mapping such as `{ttl: 1d}`"
    key: Annotated[tuple[str, ...] | None, Also(alone(EXPRESSION)), Listed(EXPRESSION, at_least=1)] = Field(
        None,
        description="Expressions that decide alone, in place of all inputs.",
        examples=[["inputs.day", "params.version"]],
    )
    version: Annotated[str | None, WRITTEN] = Field(
        None, description="Change it to make earlier results worthless.", examples=["2"]
    )
    ttl: TimeLimitOrHole | None = Field(None, description="How long a result may be used again.", examples=["1d"])
    enabled: Annotated[bool, Hidden()] = True


def _switched(scalar: Scalar) -> Cache:
    return Cache.build({"enabled": BOOLEAN.read(scalar)}, ())


CACHE = Kind("boolean", "true or false", _switched, BOOLEAN.schema)
