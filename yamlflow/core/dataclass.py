"""`dataclass`, as the standard one, at a fraction of its cost: no module is imported for it, one function compiled.

The standard decorator compiles six functions for a frozen class, half a
millisecond, and brings `inspect`, `ast` and `tokenize` into every process: a
fifth of a short run, and a fifth of what each fork of a task copies. Here
`__init__` alone is compiled; the others are shared, or closures around an
attrgetter. The standard `fields`, `replace`, `asdict`, `is_dataclass`, `match`,
copies and pickles work as they do there, as soon as somebody asks, and a type
checker sees the standard decorator. What is frozen has slots. Not for users' classes.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
    from dataclasses import field as field  # noqa: PLC0414 - exported
else:

    def dataclass(
        *, frozen: bool = False, slots: bool = False, eq: bool = True, order: bool = False
    ) -> Callable[[type], type]:
        assert slots or not frozen

        def make(cls: type) -> type:
            cls.__doc__ = cls.__doc__ or cls.__name__
            every = _fields(cls)
            made = _slotted(cls, every) if slots else cls
            made.__own_fields__ = every
            made.__match_args__ = tuple(one.name for one in every if one.init)
            made.__dataclass_fields__ = _Standard("__dataclass_fields__", frozen=frozen)
            made.__dataclass_params__ = _Standard("__dataclass_params__", frozen=frozen)
            for name, function in _methods(made, every, frozen=frozen, eq=eq, order=order):
                if vars(cls).get(name) is None:  # a method of its own goes before
                    setattr(made, name, function)
            return made

        return make

    def field(
        *,
        default: Any = ...,
        default_factory: Any = ...,
        init: bool = True,
        repr: bool = True,  # noqa: A002 - its name there
        compare: bool = True,
    ) -> Field:
        return Field("", "", default, default_factory, init=init, shown=repr, compared=compare)


class Field:
    """What a class says of one field; `...` where there is no default, or no factory."""

    __slots__ = ("compare", "default", "default_factory", "init", "name", "repr", "type")

    def __init__(
        self, name: str, kind: Any, default: Any, factory: Any, *, init: bool, shown: bool, compared: bool
    ) -> None:
        self.name = name
        self.type = kind
        self.default = default
        self.default_factory = factory
        self.init = init
        self.repr = shown
        self.compare = compared


def _fields(cls: type) -> tuple[Field, ...]:
    """The fields of a class: those of its bases first."""
    found: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        found.update((one.name, one) for one in vars(base).get("__own_fields__", ()))
    for name, kind in cls.__annotations__.items():
        if str(kind).startswith(("ClassVar", "typing.ClassVar")):
            continue
        default = vars(cls).get(name, ...)
        given = default if type(default).__name__ == "Field" else Field(name, kind, default, ..., **_ALL)
        made = Field("", "", ..., ..., **_ALL)
        made.name, made.type = name, kind
        made.init, made.repr, made.compare = given.init, given.repr, given.compare
        made.default, made.default_factory = _present(given.default), _present(given.default_factory)
        assert type(made.default) not in (list, dict, set), f"{name}: a default that can change"
        found[name] = made
    return tuple(found.values())


_ALL = {"init": True, "shown": True, "compared": True}


def _present(default: Any) -> Any:
    """The standard library has a sign of its own for what is missing."""
    return ... if type(default).__name__ == "_MISSING_TYPE" else default


def _slotted(cls: type, every: tuple[Field, ...]) -> type:
    """The class anew, with a slot for each field of its own."""
    inherited = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
    names = {one.name for one in every}
    space = {name: value for name, value in vars(cls).items() if name not in names}
    space.pop("__dict__", None)
    space.pop("__weakref__", None)
    space["__slots__"] = tuple(one.name for one in every if one.name not in inherited)
    made: type = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    return made


class _Standard:
    """What the standard module wants to find in a class, made by it when it looks."""

    def __init__(self, name: str, *, frozen: bool) -> None:
        self._name = name
        self._frozen = frozen
        self._made: dict[type, type] = {}

    def __get__(self, _object: object, cls: type) -> Any:
        if cls not in self._made:
            self._made[cls] = _twin(cls, frozen=self._frozen)
        return getattr(self._made[cls], self._name)


def _twin(cls: Any, *, frozen: bool) -> type:
    """A standard dataclass of the same fields."""
    import dataclasses

    described = []
    for one in cls.__own_fields__:
        says = {"init": one.init, "repr": one.repr, "compare": one.compare}
        if one.default is not ...:
            says["default"] = one.default
        if one.default_factory is not ...:
            says["default_factory"] = one.default_factory
        described.append((one.name, one.type, dataclasses.field(**says)))
    return dataclasses.make_dataclass(cls.__name__, described, init=False, repr=False, eq=False, frozen=frozen)


def _methods(made: type, every: tuple[Field, ...], *, frozen: bool, eq: bool, order: bool) -> Iterator[tuple[str, Any]]:
    """The special methods of a class by name, each as the standard decorator has it."""
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


def _initializer(made: type, every: tuple[Field, ...], *, frozen: bool) -> Any:
    """`__init__`, the one function that is compiled: who calls it names its arguments."""
    world: dict[str, Any] = {}
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


def _default(one: Field, world: dict[str, Any]) -> tuple[str, str]:
    """What stands behind an argument's name, and what the field is set to."""
    if one.default_factory is not ...:
        world[f"_make_{one.name}"] = one.default_factory
        made = f"_make_{one.name}()"
        return "=...", f"{made} if {one.name} is ... else {one.name}" if one.init else made
    if one.default is not ...:
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
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in self.__own_fields__ if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_change(_self: object, name: str, _value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(_self: object, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, one.name) for one in self.__own_fields__]


def _restore(self: Any, state: list[object]) -> None:
    for one, value in zip(self.__own_fields__, state, strict=True):
        object.__setattr__(self, one.name, value)
