"""The types a parameter may have, and how plain JSON or text becomes a value of one.

Strict: no number becomes text, no text becomes a number, except for what a
command line gives, where everything is text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.model import quantities
from yamlflow.schema.model.quantities import Refused

LEAVES: Final = ("str", "int", "float", "bool", "date", "datetime", "duration", "path", "json")
_LEAF: Final = rf"(?:{'|'.join(LEAVES)})"
TYPE_PATTERN: Final = rf"(?:list\[|dict\[str, ?)*{_LEAF}\]*"
_DEEPEST: Final = 5
_OTHER_WORDS: Final = {
    "string": "str",
    "text": "str",
    "integer": "int",
    "number": "float",
    "double": "float",
    "boolean": "bool",
    "file": "path",
    "Path": "path",
    "object": "json",
    "any": "json",
    "timedelta": "duration",
    "array": "list[str]",
    "list": "list[str]",
    "dict": "dict[str, str]",
}


@dataclass(frozen=True, slots=True)
class ParamType:
    """`int`, or with an item type `list[int]`, `dict[str, int]`."""

    name: str
    item: ParamType | None = None

    @property
    def leaf(self) -> ParamType:
        """The type of the innermost items."""
        return self.item.leaf if self.item else self

    def __str__(self) -> str:
        if self.item is None:
            return self.name
        return f"list[{self.item}]" if self.name == "list" else f"dict[str, {self.item}]"


def parse_type(written: str, depth: int = 0) -> ParamType:
    """The type that `written` names."""
    text = written.strip()
    if text in LEAVES:
        return ParamType(text)
    outer = re.fullmatch(r"list\[(.+)\]|dict\[\s*str\s*,(.+)\]", text)
    if outer and depth < _DEEPEST:
        return ParamType("list" if outer[1] else "dict", parse_type(outer[1] or outer[2], depth + 1))
    raise Refused(f"`{written}` is no type of a parameter", code="bad-type", hint=_type_hint(text))


def _type_hint(text: str) -> str:
    from yamlflow.schema.spelling import suggest

    meant = _OTHER_WORDS.get(text) or _OTHER_WORDS.get(text.lower()) or suggest(text, LEAVES)
    return f"did you mean `{meant}`?" if meant else f"a type is one of {', '.join(LEAVES)}, list[T], dict[str, T]"


def infer(value: object) -> ParamType:
    """The type of a default that stands alone."""
    match value:
        case bool():
            return ParamType("bool")
        case int():
            return ParamType("int")
        case float():
            return ParamType("float")
        case str():
            return ParamType("str")
        case list():
            return ParamType(
                "list", _common([infer(item) if item is not None else ParamType("json") for item in value])
            )
        case dict():
            return ParamType("json")
    hint = "write `{type: str, required: true}`, or `{type: str, default: null}`"
    raise Refused("a parameter needs a default or a type", code="missing-key", hint=hint)


def _common(found: list[ParamType]) -> ParamType:
    """The one type of all items; int and float together are float; anything else is json."""
    kinds = set(found)
    if len(kinds) == 1:
        return found[0]
    return ParamType("float") if kinds == {ParamType("int"), ParamType("float")} else ParamType("json")


def convert(wanted: ParamType, value: object) -> object:
    """The value that plain JSON stands for under this type."""
    match wanted.name:
        case "list":
            return _items(wanted, value)
        case "dict":
            return _entries(wanted, value)
        case "json":
            return value
        case "int" | "float" | "bool":
            return _number(wanted.name, value)
    return _of_text(wanted.name, value)


def _items(wanted: ParamType, value: object) -> list[object]:
    if not isinstance(value, list | tuple) or wanted.item is None:
        raise _unlike(wanted, value, hint=f"write `[{value}]`" if isinstance(value, str | int | float) else None)
    return [convert(wanted.item, item) for item in value]


def _entries(wanted: ParamType, value: object) -> dict[str, object]:
    if not isinstance(value, dict) or wanted.item is None:
        raise _unlike(wanted, value)
    return {str(key): convert(wanted.item, item) for key, item in value.items()}


def _number(name: str, value: object) -> object:
    if name == "bool" and isinstance(value, bool):
        return value
    if name != "bool" and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if name == "float" else value
    if name == "float" and isinstance(value, float):
        return value
    raise _unlike(ParamType(name), value, hint=_unquoted(name, value) if isinstance(value, str) else None)


def _unquoted(name: str, text: str) -> str | None:
    """What was meant by text where a number or a boolean is wanted."""
    if name == "bool":
        meant = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}.get(
            text.lower()
        )
        return f"write `{meant}`" if meant else None
    return "remove the quotes" if re.fullmatch(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", text.strip()) else None


def _of_text(name: str, value: object) -> object:
    if not isinstance(value, str):
        fix = "say the unit: `10s`, `5m`, `1h`" if name == "duration" else "quote it"
        raise _unlike(ParamType(name), value, hint=fix if isinstance(value, int | float) else None)
    try:
        match name:
            case "date":
                return _date(value)
            case "datetime":
                return datetime.fromisoformat(value)
            case "duration":
                return quantities.duration(value)
    except ValueError as error:
        hint = error.hint if isinstance(error, Refused) else f"write it like `{_EXAMPLES[name]}`"
        raise Refused(f"`{value}` is no {name}", code="bad-value", hint=hint) from None
    return value


def _date(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)


_EXAMPLES: Final = {"date": "2026-01-31", "datetime": "2026-01-31T08:00:00"}


def _unlike(wanted: ParamType, value: object, hint: str | None = None) -> Refused:
    got = f"`{json.dumps(value, default=str)}`"
    return Refused(f"{got} is not of the type {wanted}", code="wrong-type", hint=hint)


def leaves(wanted: ParamType, value: object) -> Iterator[object]:
    """The innermost values, to which choices and bounds apply."""
    if wanted.item is None:
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(wanted.item, item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(wanted.item, item)


def split_text(wanted: ParamType, written: str) -> object:
    """The plain JSON that a text on the command line stands for; Refused when it cannot be read."""
    match wanted.name:
        case "int":
            return _whole(written)
        case "float":
            return _finite(written)
        case "bool":
            return _switch(written)
        case "list" if not written.lstrip().startswith("["):
            return _split_list(wanted, written)
        case "list" | "dict" | "json":
            return _json(wanted, written)
    return written


def _whole(written: str) -> int:
    if not re.fullmatch(r"[-+]?\d{1,19}", written.strip()):
        raise Refused(f"`{written}` is no whole number", code="wrong-type")
    return int(written)


def _finite(written: str) -> float:
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refused(f"`{written}` is no number", code="wrong-type")
    return value


def _switch(written: str) -> bool:
    if written.strip().lower() in ("true", "false"):
        return written.strip().lower() == "true"
    raise Refused(f"`{written}` is neither true nor false", code="wrong-type", hint="write `true` or `false`")


def _split_list(wanted: ParamType, written: str) -> list[object]:
    """`a,b` for `["a", "b"]`."""
    item = wanted.item or ParamType("str")
    return [split_text(item, part.strip()) for part in written.split(",")] if written.strip() else []


def _json(wanted: ParamType, written: str) -> object:
    try:
        value: object = json.loads(written)
    except ValueError as error:
        raise Refused(f"this is no JSON: {error}", code="wrong-type", hint=f"a {wanted} is written as JSON") from None
    return value
