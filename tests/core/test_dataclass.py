"""Our dataclass beside the standard one: the same class, made by both, answers the same."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from dataclasses import FrozenInstanceError, field
from pathlib import Path
from typing import ClassVar

import pytest

from yamlflow.core import dataclass as ours


def made_by(dataclass, **options):
    """A class with every kind of field."""

    @dataclass(slots=True, **options)
    class Point:
        """A point."""

        kind: ClassVar[str] = "point"
        x: int
        name: str = "p"
        tags: list[str] = field(default_factory=list, compare=False)
        note: str = field(default="-", init=False, repr=False)
        made: dict[str, int] = field(default_factory=dict, init=False)
        twice: int = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "twice", self.x * 2)

    return Point


@ours.dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: tuple[int, ...] = ()


@ours.dataclass(frozen=True, slots=True)
class Triple(Pair):
    third: int = 3


@ours.dataclass(frozen=True, slots=True)
class Nothing:
    pass


@ours.dataclass(frozen=True, slots=True)
class One:
    only: int


BOTH = pytest.mark.parametrize("dataclass", [dataclasses.dataclass, ours.dataclass], ids=["standard", "ours"])
OPTIONS = pytest.mark.parametrize("options", [{"frozen": True}, {}, {"eq": False}, {"frozen": True, "order": True}])


@BOTH
@OPTIONS
def test_a_class_of_every_kind_of_field_is_what_the_standard_decorator_makes(dataclass, options):
    point = made_by(dataclass, **options)
    one, same, other = point(1, tags=["a"]), point(1, "p"), point(2, name="q")
    assert repr(one).endswith("Point(x=1, name='p', tags=['a'], made={}, twice=2)")
    assert (one == same) is options.get("eq", True) and one not in (other, "p")
    assert one.note == "-" and same.tags == [] and same.tags is not point(1).tags
    assert dataclasses.replace(one, x=5).twice == 10
    assert dataclasses.asdict(other) == {"x": 2, "name": "q", "tags": [], "note": "-", "made": {}, "twice": 4}
    assert point.__match_args__ == ("x", "name", "tags") and point.__doc__ == "A point."
    assert not hasattr(one, "__dict__") and point.kind == "point"
    assert point.__init__.__annotations__.keys() >= {"x", "name", "tags"}
    assert isinstance(copy.copy(one), point) and copy.deepcopy(one).tags == ["a"]


@BOTH
def test_wrong_arguments_are_refused_in_the_same_words(dataclass):
    point = made_by(dataclass, frozen=True)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        point()
    with pytest.raises(TypeError, match="unexpected keyword argument 'note'"):
        point(1, note="n")


@BOTH
def test_a_frozen_value_takes_no_change(dataclass):
    one = made_by(dataclass, frozen=True)(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        one.x = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del one.x
    with pytest.raises((AttributeError, TypeError)):
        one.unknown = 2
    assert one.x == 1


@BOTH
def test_only_a_frozen_value_or_one_compared_by_identity_has_a_hash(dataclass):
    def simple(**options):
        return dataclass(slots=True, **options)(
            type("Simple", (), {"__annotations__": {"x": "int"}, "__module__": __name__})
        )

    assert hash(simple(frozen=True)(1)) == hash(simple(frozen=True)(1))
    assert isinstance(hash(simple(eq=False)(1)), int)
    with pytest.raises(TypeError, match="unhashable"):
        hash(simple()(1))
    ordered = simple(frozen=True, order=True)
    assert ordered(1) < ordered(2) <= ordered(2) and not ordered(1) > ordered(2) and ordered(2) >= ordered(1)


def test_own_methods_go_before_made_ones():
    @ours.dataclass(frozen=True, slots=True)
    class Named:  # noqa: PLW1641 - its hash is made
        name: str

        def __repr__(self):
            return "mine"

        def __eq__(self, other):
            return True

    assert repr(Named("a")) == "mine" and Named("a") == Named("b") and hash(Named("a")) == hash(("a",))


def test_values_without_and_with_one_field_compare_and_hash():
    assert Nothing() == Nothing() and hash(Nothing()) == hash(()) and repr(Nothing()) == "Nothing()"
    assert One(1) == One(1) != One(2) and hash(One(1)) == hash((1,))


def test_a_value_that_inherits_has_all_fields_and_differs_from_its_base():
    assert Triple(1, (2,), 4) == Triple(1, (2,), 4) and Triple(1) != Pair(1)
    match Triple(1, (2,)):
        case Triple(left, right, third):
            assert (left, right, third) == (1, (2,), 3)
    assert Triple.__doc__ == "Triple"


@pytest.mark.parametrize("value", [Pair(1, (2, 3)), Triple(1), Nothing(), One(7)])
def test_a_value_survives_a_pickle_and_a_copy(value):
    assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)


def test_every_value_of_ours_is_made_by_it():
    """Each class by the standard decorator costs every command, and every task, a third of a millisecond."""
    package = Path(ours.__file__).parents[1]
    others = [path for path in package.rglob("*.py") if path.name != "dataclass.py" and "templates" not in path.parts]
    pattern = re.compile(r"^from dataclasses import .*\bdataclass\b|@dataclasses\.dataclass", re.MULTILINE)
    assert [str(path.relative_to(package)) for path in others if pattern.search(path.read_text())] == []
