"""A pipeline's parameters: what each may be, and the value a text or JSON gives it.

`Param.of_json` reads a value of the file or of a parameters file, `of_text` one
of the command line or the environment. Both raise Refused with plain words.
Values: str, int, float, bool, `date`, `datetime`, seconds for a duration, text
for a path (whoever knows the folder resolves it), plain JSON for json, lists
and dicts of these.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from yamlflow.schema.model.kinds import Json, Text, is_text
from yamlflow.schema.model.parameter_types import (
    TYPE_PATTERN,
    ParamType,
    convert,
    infer,
    leaves,
    parse_type,
    split_text,
)
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.model.records import Also, Problem, Record
from yamlflow.schema.model.shapes import Kind, Listed, Tree
from yamlflow.schema.nodes import Scalar


def _bound(scalar: Scalar) -> object:
    if scalar.value is None or isinstance(scalar.value, bool):
        raise Refused
    return scalar.value


TYPE = Kind(
    "type",
    "a type such as `int` or `list[str]`",
    lambda scalar: parse_type(str(scalar.value) if is_text(scalar) else scalar.text),
    {"type": "string", "pattern": TYPE_PATTERN},
)
BOUND = Kind(
    "bound",
    "a number, a date or a duration",
    _bound,
    {"type": ["number", "string"]},
)
ORDERED = ("int", "float", "date", "datetime", "duration")


class Param(Record):
    """One parameter: `-p name=value` on the command line."""

    wanted: ClassVar[str] = "a default value, or a mapping such as `{type: int, default: 5}`"
    type: Annotated[ParamType, TYPE] = Field(
        ParamType("str"),
        description="str, int, float, bool, date, datetime, duration, path, json, list[T] or dict[str, T].",
        examples=["int", "list[str]"],
    )
    default: Json = Field(None, description="The value when none is given.", examples=[5])
    required: bool = Field(
        False, description="A value must be given; so it is when there is no default.", examples=[True]
    )
    choices: tuple[Json, ...] | None = Field(
        None, description="The only values (of a list: items) allowed.", examples=[["xgb", "mlp"]]
    )
    min: Annotated[object, BOUND] | None = Field(None, description="The smallest value allowed.", examples=[2])
    max: Annotated[object, BOUND] | None = Field(None, description="The largest value allowed.", examples=[20])
    regex: Text | None = Field(
        None, description="A pattern that the whole text must match.", examples=["[a-z]+-[0-9]+"]
    )
    help: Text | None = Field(
        None, description="What it is, in `run FILE --help`.", examples=["cross-validation folds"]
    )
    secret: bool = Field(
        False,
        description="Not kept with the run, not shown by commands; what tasks print is not masked.",
        examples=[True],
    )

    @classmethod
    def build(cls, values: dict[str, object], keys: Sequence[str]) -> Self:
        """Without a type, the default decides it."""
        if values.get("default") is not None and "type" not in values and "type" not in keys:
            values = {**values, "type": infer(values["default"])}
        return super().build(values, keys)

    @property
    def has_default(self) -> bool:
        """Whether a default was written; it may be null."""
        return "default" in self.model_fields_set

    @property
    def must_be_given(self) -> bool:
        return not self.has_default and (self.required or "required" not in self.model_fields_set)

    def of_json(self, value: object) -> object:
        """The value that plain JSON stands for."""
        converted = convert(self.type, value)
        for leaf in leaves(self.type, converted):
            self._check(leaf)
        return converted

    def of_text(self, written: str) -> object:
        """The value of `-p name=written`."""
        return self.of_json(split_text(self.type, written))

    def default_value(self) -> object:
        """The default as a value; None when there is none, or when it is null."""
        return None if self.default is None else self.of_json(self.default)

    def _check(self, leaf: object) -> None:
        if self.choices is not None and leaf not in [convert(self.type.leaf, choice) for choice in self.choices]:
            listed = ", ".join(f"`{choice}`" for choice in self.choices)
            raise Refused(f"{_shown(leaf)} is none of {listed}", code="bad-value", hint=_near(leaf, self.choices))
        for bound, beyond, word in ((self.min, _below, "less"), (self.max, _above, "more")):
            if bound is not None and beyond(leaf, convert(self.type.leaf, bound)):
                raise Refused(f"{_shown(leaf)} is {word} than {bound}", code="bad-value")
        if self.regex is not None and not _matches(self.regex, str(leaf)):
            raise Refused(f"{_shown(leaf)} does not match `{self.regex}`", code="bad-value")

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        if "default" in given and self.required:
            yield Problem(
                "conflicting-keys", "a parameter with a default is never required", at="required", other="default"
            )
        wrong = [*self._wrong_constraints(given)]
        yield from wrong
        if not wrong and self.default is not None:
            yield from self._wrong_default()

    def _wrong_constraints(self, given: frozenset[str]) -> Iterator[Problem]:
        for key in sorted({"min", "max"} & given):
            if self.type.leaf.name not in ORDERED:
                yield Problem(
                    "bad-value",
                    f"`{key}` does not go with the type {self.type}",
                    at=key,
                    hint="give it a type such as `int`",
                )
                return
            yield from self._misfit((key,), getattr(self, key))
        for at, choice in enumerate(self.choices or ()):
            yield from self._misfit(("choices", at), choice)
        if self.regex is not None:
            yield from self._bad_regex(self.regex)

    def _bad_regex(self, pattern: str) -> Iterator[Problem]:
        if self.type.leaf.name not in ("str", "path"):
            yield Problem(
                "bad-value", f"`regex` does not go with the type {self.type}", at="regex", hint="it goes with text"
            )
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            yield Problem("bad-value", f"this is no regular expression: {error}", at="regex", on_key=False)

    def _misfit(self, at: tuple[str | int, ...], value: object) -> Iterator[Problem]:
        """A bound or choice that the type does not know."""
        try:
            convert(self.type.leaf, value)
        except Refused as refused:
            yield _problem(at, refused)

    def _wrong_default(self) -> Iterator[Problem]:
        try:
            self.default_value()
        except Refused as refused:
            yield _problem(("default",), refused)


def _problem(at: tuple[str | int, ...], refused: Refused) -> Problem:
    return Problem(refused.code or "wrong-type", refused.message or "", at=at, hint=refused.hint, on_key=False)


def _below(value: Any, bound: Any) -> bool:
    """Both were converted to one ordered type; but times with and without a zone have no order."""
    if isinstance(value, datetime) and (value.tzinfo is None) != (bound.tzinfo is None):
        raise Refused(
            f"`{value}` and `{bound}` cannot be compared", code="bad-value", hint="give both a time zone, or neither"
        )
    return bool(value < bound)


def _above(value: Any, bound: Any) -> bool:
    return _below(bound, value)


def _shown(value: object) -> str:
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value, default=str)}`"


def _near(word: object, choices: tuple[object, ...]) -> str | None:
    from yamlflow.schema.spelling import suggest

    found = suggest(str(word), map(str, choices))
    return f"did you mean `{found}`?" if found else None


def _short(value: object) -> Param:
    return Param.build({"type": infer(value), "default": value}, ())


SHORT_SCALAR = Kind(
    "parameter", "a default value", lambda scalar: _short(scalar.value), {"type": ["string", "number", "boolean"]}
)
SHORT_LIST = Listed(Tree(), build=lambda items: _short(list(items)))
Parameter = Annotated[Param, Also(SHORT_SCALAR), Also(SHORT_LIST)]


def _matches(pattern: str, text: str) -> bool:
    """Whether the text fits; a pattern that is none was reported where it stands, and fits everything."""
    try:
        return re.fullmatch(pattern, text) is not None
    except (re.error, OverflowError, RecursionError):
        return True
