"""A job's inputs as the arguments of a call: by keyword, positional-only ones by their place.

A joined loop arrives as {"$join": {"keys": [...], "items": [...]}} and becomes a
list, a lazy iterable or a mapping, as the parameter's annotation asks. A
parameter annotated with yamlflow's Context receives one.
"""

from __future__ import annotations

import inspect
import typing
from collections import abc
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.values import Document
from yamlflow.worker.calls import conversion
from yamlflow.worker.codecs import LazyItems, load_items, load_value
from yamlflow.worker.context import Context
from yamlflow.worker.storage import LocalStorage

Arguments = tuple[list[Any], dict[str, Any]]

_LAZY = (abc.Iterable, abc.Iterator, abc.Generator)
_PLAIN = frozenset({type(None), bool, int, float, str})
_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY
_ANY_PLACE = inspect.Parameter.VAR_POSITIONAL


@dataclass(frozen=True, slots=True)
class Plan:
    """How a callable is called: annotations by parameter, who wants a Context, what goes by place.

    `opaque`: written in C, it may refuse keywords.
    """

    hints: Mapping[str, Any]
    contexts: tuple[str, ...]
    positional: tuple[str, ...]
    all_by_place: bool
    opaque: bool


def plan_of(function: Any) -> Plan:
    """The plan of a callable; remembered, and so free in the forks of whoever asked before."""
    try:
        return _remembered_plan(function)
    except TypeError:  # not hashable
        return _plan(function)


def _plan(function: Any) -> Plan:
    parameters = _parameters(function)
    hints = _hints(function, parameters)
    kinds = [parameter.kind for parameter in parameters.values()]
    return Plan(
        hints=hints,
        contexts=tuple(name for name, hint in hints.items() if _wants_context(hint)),
        positional=tuple(name for name, parameter in parameters.items() if parameter.kind is _POSITIONAL),
        opaque=inspect.isbuiltin(function) or not hasattr(inspect.unwrap(function), "__code__"),
        all_by_place=bool(kinds) and all(kind is _ANY_PLACE for kind in kinds),
    )


_remembered_plan = lru_cache(maxsize=256)(_plan)


def bind(
    function: Any, inputs: Mapping[str, Document], store: LocalStorage, context: Callable[[], Context]
) -> Arguments:
    """Positional and keyword arguments of the call; `context` makes one if asked.

    Raises ConversionError, or what reading a value raises.
    """
    plan = plan_of(function)
    values = {name: _argument(name, document, plan.hints.get(name), store) for name, document in inputs.items()}
    values.update({name: context() for name in plan.contexts if name not in values})
    if plan.all_by_place:
        return list(values.values()), {}
    return [values.pop(name) for name in plan.positional if name in values], values


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    """The signature's parameters; none for what has no signature, such as some functions written in C."""
    try:
        return inspect.signature(function).parameters
    except (ValueError, TypeError):
        return {}


def _hints(function: Any, parameters: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    """Annotations by parameter, text ones resolved; one that cannot be resolved is no annotation."""
    target = function.__init__ if inspect.isclass(function) else inspect.unwrap(function)
    target = getattr(target, "func", target)  # functools.partial
    target = target if inspect.isroutine(target) else type(target).__call__
    raw = {name: parameter.annotation for name, parameter in parameters.items()}
    found = {name: hint for name, hint in raw.items() if hint is not inspect.Parameter.empty}
    names = getattr(inspect.unwrap(target), "__globals__", {})
    return {name: _resolved(hint, names) for name, hint in found.items()}


def _resolved(hint: Any, names: dict[str, Any]) -> Any:
    if hint is Context:
        return hint

    def holder() -> None: ...

    holder.__annotations__ = {"value": hint}
    try:
        return typing.get_type_hints(holder, globalns=names, include_extras=True)["value"]
    except Exception:  # noqa: BLE001 - names under TYPE_CHECKING, newer syntax, a user's own __class_getitem__
        return _context_by_name(hint)


def _context_by_name(hint: Any) -> Any:
    """`ctx: Context` under `if TYPE_CHECKING:` still means ours."""
    text = hint if isinstance(hint, str) else ""
    words = {word.strip().rpartition(".")[2] for word in text.replace("Optional[", "").replace("]", "").split("|")}
    return Context if "Context" in words and words <= {"Context", "None"} else None


def _wants_context(hint: Any) -> bool:
    if typing.get_origin(hint) in conversion.UNIONS:
        return Context in typing.get_args(hint)
    return hint is Context


def _argument(name: str, document: Document, hint: Any, store: LocalStorage) -> Any:
    if type(document) in _PLAIN and (hint is None or hint is type(document)):
        return document
    hint = _without_none(hint)
    origin = typing.get_origin(hint) or hint
    joined = joined_items(document)
    if origin in _LAZY:
        lazy = load_items(joined[1] if joined else document, store)
        if lazy is not None:
            return _lazily(lazy, hint, name, iterator=origin is not abc.Iterable)
    if joined and origin in conversion.MAPPINGS:
        keys, items = joined
        lazy = load_items(items, store)
        value: Any = dict(zip(load_value(keys, store), lazy or (), strict=True))
    else:
        value = load_value(joined[1] if joined else document, store)
    return conversion.convert(value, hint, f"argument `{name}`")


def joined_items(document: Document) -> tuple[Document, Document] | None:
    """Keys and items of a joined loop's document; None for any other."""
    if not (isinstance(document, dict) and len(document) == 1 and isinstance(document.get("$join"), dict)):
        return None
    body: Any = document["$join"]
    return body["keys"], body["items"]


def _without_none(hint: Any) -> Any:
    """T of `T | None`; what decides about laziness and mappings is T."""
    if typing.get_origin(hint) not in conversion.UNIONS:
        return hint
    members = [member for member in typing.get_args(hint) if member is not type(None)]
    return members[0] if len(members) == 1 else hint


def _lazily(items: LazyItems, hint: Any, name: str, *, iterator: bool) -> Any:
    args = typing.get_args(hint)
    converted = _Converted(items, args[0] if args else None, f"argument `{name}`")
    return iter(converted) if iterator else converted


class _Converted:
    """Lazy items, each converted when its turn comes."""

    def __init__(self, items: LazyItems, hint: Any, place: str) -> None:
        self._items = items
        self._hint = hint
        self._place = place

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        for index, item in enumerate(self._items):
            yield conversion.convert(item, self._hint, f"{self._place}[{index}]")
