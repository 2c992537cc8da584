"""`dataclass`, as the standard one, at a quarter of its cost when a module is imported.

The standard decorator compiles six functions for a frozen class, half a
millisecond; for the two hundred values of a run that is a fifth of the time
from start to exit. Here one is compiled, `__init__`; the others are shared, or
closures around an attrgetter. `fields`, `replace`, `asdict`, `is_dataclass`,
`match`, copies and pickles work as they do there, and a type checker sees the
standard decorator. What is frozen has slots. Not for users' classes.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
else:

    def dataclass(
        *, frozen: bool = False, slots: bool = False, eq: bool = True, order: bool = False
    ) -> Callable[[type], type]:
        assert slots or not frozen

        def make(cls: type) -> type:
            cls.__doc__ = cls.__doc__ or cls.__name__  # else the standard one works out a signature
            made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
            for name, function in _methods(made, frozen=frozen, eq=eq, order=order):
                if vars(cls).get(name) is None:  # a method of its own goes before
                    setattr(made, name, function)
            return made

        return make


_MISSING: Any = dataclasses.MISSING


def _methods(made: type, *, frozen: bool, eq: bool, order: bool) -> Iterator[tuple[str, Any]]:
    """The special methods of a class by name, each as the standard decorator has it."""
    every = dataclasses.fields(made)
    yield "__init__", _initializer(made, every, frozen=frozen)
    yield "__repr__", _shown
    if eq:
        compared = _reader([one.name for one in every if one.compare])
        yield "__eq__", _comparison("__eq__", compared)
        yield "__hash__", _hashed(compared) if frozen else None
    if order:
        for name in ("__lt__", "__le__", "__gt__", "__ge__"):
            yield name, _comparison(name, compared)
    if frozen:
        yield "__setattr__", _refuse_change
        yield "__delattr__", _refuse_deletion
        yield "__getstate__", _state
        yield "__setstate__", _restore


def _initializer(made: type, every: tuple[dataclasses.Field[Any], ...], *, frozen: bool) -> Any:
    """`__init__`, the one function that is compiled: who calls it names its arguments."""
    world: dict[str, Any] = {"_missing": _MISSING}
    arguments, lines = ["self"], []
    for one in every:
        default, value = _default(one, world)
        if one.init:
            arguments.append(one.name + default)
        elif not default:
            continue  # __post_init__ sets it
        if frozen:
            world[f"_set_{one.name}"] = getattr(made, one.name).__set__
        lines.append(f"_set_{one.name}(self, {value})" if frozen else f"self.{one.name} = {value}")
    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(arguments)}):\n " + "\n ".join(lines or ["pass"]), world)  # noqa: S102
    function = world["__init__"]
    function.__qualname__ = f"{made.__qualname__}.__init__"
    function.__module__ = made.__module__
    function.__annotations__ = {one.name: one.type for one in every if one.init}
    return function


def _default(one: dataclasses.Field[Any], world: dict[str, Any]) -> tuple[str, str]:
    """What stands behind an argument's name, and what the field is set to."""
    if one.default_factory is not _MISSING:
        world[f"_make_{one.name}"] = one.default_factory
        made = f"_make_{one.name}()"
        return "=_missing", f"{made} if {one.name} is _missing else {one.name}" if one.init else made
    if one.default is not _MISSING:
        world[f"_default_{one.name}"] = one.default
        return f"=_default_{one.name}", one.name if one.init else f"_default_{one.name}"
    return "", one.name


def _reader(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of these fields as one tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return (lambda self: (getattr(self, names[0]),)) if names else (lambda _: ())


def _comparison(name: str, read: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, object], Any]:
    if name == "__eq__":  # half of all calls are this one: no detour through the operator's name
        return lambda self, other: read(self) == read(other) if other.__class__ is self.__class__ else NotImplemented
    compare = getattr(tuple, name)
    return lambda self, other: compare(read(self), read(other)) if other.__class__ is self.__class__ else NotImplemented


def _hashed(read: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], int]:
    return lambda self: hash(read(self))


def _shown(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_change(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _restore(self: Any, state: list[object]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
