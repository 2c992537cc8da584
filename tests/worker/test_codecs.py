"""Values into documents and back: exactly what they were, each part where it belongs."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import math
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd
import pyarrow as pa
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yamlflow.core.values import INLINE_LIMIT, Record, decode, references
from yamlflow.worker.codecs import UnstorableValueError, load_items, load_value, store_value
from yamlflow.worker.storage import ArtifactLostError, LocalStorage


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass
class Fit:
    auc: float
    weights: object = None
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    a: int
    inner: Fit


def decimal_of(text: str) -> Decimal:
    return Decimal(text)


class Pair(NamedTuple):
    left: int
    right: object


class Model(pydantic.BaseModel):
    name: str
    scores: list[float]


class Typed(TypedDict):
    a: int


class MyStr(str):
    __slots__ = ()


class Locked:
    def __init__(self):
        self.lock = threading.Lock()


PLAIN = [
    None,
    True,
    0,
    -5,
    10**30,
    0.1,
    "",
    "é\ud800",
    [],
    {},
    [1, [2.5, None]],
    {"a": {"b": [1]}},
    (),
    (1, "x"),
    {"t": (1, (2,))},
    {1: "int key", None: 2},
    {"$artifact": "a user's own dollar"},
    date(2026, 1, 2),
    datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    timedelta(days=-1, microseconds=5),
    Decimal("1.10"),
    Color.RED,
    Level.HIGH,
    Flags.A | Flags.B,
    MyStr("sub"),
    {1, 2},
    frozenset({"a"}),
    b"bytes",
    bytearray(b"x"),
    complex(1, 2),
    range(3, 9, 2),
    collections.OrderedDict(b=1, a=2),
    collections.Counter("aab"),
    Fit(0.5, {"deep": (1,)}, ["x"]),
    Slotted(1, Fit(0.25)),
    Pair(1, [2]),
    Model(name="m", scores=[0.5]),
    [Fit(0.5), Pair(1, None), Color.RED],
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_a_value_comes_back_as_what_it_was(shelf, value):
    _, back = shelf.both(value)
    assert back == value
    assert type(back) is type(value)


def test_nan_and_infinities_come_back(shelf):
    _, back = shelf.both([math.nan, math.inf, -math.inf, -0.0])
    assert math.isnan(back[0])
    assert back[1:3] == [math.inf, -math.inf]
    assert math.copysign(1, back[3]) == -1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
        max_leaves=30,
    )
)
def test_any_nest_of_plain_values_comes_back(tmp_path_factory, value):
    store = LocalStorage(tmp_path_factory.getbasetemp() / "store")
    document = json.loads(json.dumps(store_value(value, store)))
    assert load_value(document, store) == value


def test_numpy_numbers_are_python_numbers(shelf):
    document, back = shelf.both({"i": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True), "l": [np.float64(1.5)]})
    assert document == {"i": 3, "f": 0.5, "b": True, "l": [1.5]}
    assert [type(back[name]) for name in "ifb"] == [int, float, bool]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(24).reshape(4, 6)[::2, ::-1],
        np.array(5),
        np.zeros((0, 3)),
        np.array(["a", "bc"]),
        np.array([1, 2], dtype=">i4"),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([True, False]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_is_a_npy_file_and_comes_back_writable(shelf, array):
    document, back = shelf.both(array)
    (ref,) = references(document)
    assert (ref.format, ref.shape) == ("npy", array.shape)
    assert np.load(shelf.store.path(ref)).tolist() == array.tolist()
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tolist() == array.tolist()
    assert back.flags.writeable


def test_an_array_of_objects_is_a_pickle(shelf):
    document, back = shelf.both(np.array([{"a": 1}, None], dtype=object))
    assert references(document)[0].format == "pickle"
    assert back.tolist() == [{"a": 1}, None]


FRAMES = {
    "numbers": pd.DataFrame({"a": [1, 2], "b": [0.5, None]}),
    "text": pd.DataFrame({"name": ["x", None]}),
    "named index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["r", "s"], name="key")),
    "range index": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(4, 8, 2)),
    "multi index": pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", "n"])),
    "category": pd.DataFrame({"c": pd.Categorical(["u", "v", "u"], ordered=True)}),
    "dates": pd.DataFrame({"d": pd.to_datetime(["2026-01-01", None]).tz_localize("Europe/London")}),
    "nullable": pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}),
    "int columns": pd.DataFrame([[1, 2]], columns=[0, 1]),
    "columns on two levels": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
    "empty": pd.DataFrame(),
    "mixed objects": pd.DataFrame({"o": [1, "x", {"a": 1}]}),
    "nan among text": pd.DataFrame({"o": ["x", float("nan")]}),
    "dates with a frequency": pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2026-01-01", periods=2, freq="D")),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_table_comes_back_with_its_index_and_types(shelf, name):
    frame = FRAMES[name]
    _, back = shelf.both(frame)
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_freq=True)
    for column in frame.columns[frame.dtypes == np.dtype(object)]:
        assert [type(cell) for cell in back[column]] == [type(cell) for cell in frame[column]]


def test_a_plain_table_is_arrow_and_an_odd_one_a_pickle(shelf):
    odd = FRAMES["numbers"].copy()
    odd.attrs["unit"] = "m"
    formats = [references(shelf.put(frame))[0].format for frame in (FRAMES["numbers"], FRAMES["mixed objects"], odd)]
    assert formats == ["arrow", "pickle", "pickle"]
    assert shelf.get(shelf.put(odd)).attrs == {"unit": "m"}


def test_an_arrow_table_and_a_series_come_back(shelf):
    table = pa.table({"a": [1, 2]}, metadata={"who": "me"})
    document, back = shelf.both(table)
    assert references(document)[0].format == "arrow"
    assert back.equals(table, check_metadata=True)
    _, series = shelf.both(pd.Series([1.5, 2.5], name="s"))
    pd.testing.assert_series_equal(series, pd.Series([1.5, 2.5], name="s"))


def test_a_column_of_a_table_that_came_back_can_be_written_to(shelf):
    _, back = shelf.both(pd.DataFrame({"a": np.arange(5.0)}))
    back["a"].to_numpy()
    back.iloc[0, 0] = 9.0
    assert back.iloc[0, 0] == 9.0


# ------------------------------------------------------------------ shape


def test_fields_are_stored_apart_and_the_shape_can_be_read_unopened(shelf):
    value = Fit(0.5, np.zeros(1000), ["x"])
    document = shelf.put(value)
    seen = decode(document)
    assert isinstance(seen, Record)
    assert (seen.kind, seen.fields["auc"], seen.fields["tags"]) == ("dataclass", 0.5, ["x"])
    assert seen.fields["weights"].format == "npy"
    back = shelf.get(document)
    assert (type(back), back.weights.shape) == (Fit, (1000,))


def test_a_large_field_moves_out_and_small_ones_stay(shelf):
    document, back = shelf.both({"small": 1, "text": "x" * 10_000, "list": list(range(5000))})
    assert document["small"] == 1
    assert [document[name]["$artifact"]["format"] for name in ("text", "list")] == ["json", "json"]
    assert len(json.dumps(document)) <= INLINE_LIMIT
    assert back == {"small": 1, "text": "x" * 10_000, "list": list(range(5000))}


def test_64_large_fields_keep_their_names(shelf):
    value = {f"f{number}": "x" * 1000 for number in range(64)}
    document, back = shelf.both(value)
    assert list(document) == list(value)
    assert back == value


def test_a_mapping_of_many_keys_is_one_value(shelf):
    value = {f"f{number}": "x" * 100 for number in range(65)}
    document, back = shelf.both(value)
    assert list(document) == ["$artifact"]
    assert back == value


def test_parts_of_a_tuple_and_of_a_nested_record_are_stored_apart(shelf):
    document, back = shelf.both((1, np.zeros(10), Slotted(2, Fit(0.5, np.ones(10)))))
    assert [ref.format for ref in references(document)] == ["npy", "npy"]
    assert back[2].inner.weights.sum() == 10


def test_a_list_of_a_few_arrays_is_a_few_files_and_of_many_objects_one(shelf):
    assert len(references(shelf.put([np.zeros(3)] * 5))) == 5
    document = shelf.put([{1j}] * 1000)
    assert [ref.format for ref in references(document)] == ["pickle"]


def test_an_iterated_list_of_small_items_is_one_file(shelf):
    document = shelf.put(list(range(100_000)), iterated=[""])
    assert [(ref.format, ref.shape) for ref in references(document)] == [("json", (100_000,))]
    files = [path for path in Path(shelf.store.root, "objects").rglob("*") if path.is_file()]
    assert len(files) == 1


def test_each_large_item_of_an_iterated_list_is_a_file_of_its_own(shelf):
    items = ["small", "x" * 5000, np.zeros(1000), {"a": "y" * 5000, "b": 1}]
    document = shelf.put({"files": items, "other": 1}, iterated=["files"])
    assert document["files"][0] == "small"
    assert document["files"][1]["$artifact"]["format"] == "json"
    assert document["files"][2]["$artifact"]["format"] == "npy"
    assert document["files"][3]["b"] == 1
    assert shelf.get(document["files"][3]) == items[3]


def test_an_iterated_range_or_array_can_be_read_unopened_and_comes_back(shelf):
    document, back = shelf.both(range(0, 10, 3), iterated=[""])
    assert decode(document).fields["items"] == [0, 3, 6, 9]
    assert back == range(0, 10, 3)
    document, back = shelf.both({"x": np.array([1, 2], dtype="int16")}, iterated=["x"])
    assert decode(document)["x"].fields["items"] == [1, 2]
    assert (back["x"].dtype, back["x"].tolist()) == (np.dtype("int16"), [1, 2])


def test_items_of_a_list_are_read_one_at_a_time(shelf):
    document = shelf.put([np.full(1000, number) for number in range(3)], iterated=[""])
    items = load_items(document, shelf.store)
    objects = Path(shelf.store.root, "objects")
    assert (len(items), next(iter(items))[0]) == (3, 0)
    last = references(document)[2]
    Path(shelf.store.object_path(last.digest)).unlink()
    walk = iter(items)
    assert [next(walk)[0], next(walk)[0]] == [0, 1]
    with pytest.raises(ArtifactLostError):
        next(walk)
    assert objects.exists()
    assert load_items({"a": 1}, shelf.store) is None


# ------------------------------------------------------------------ paths


def test_a_file_under_scratch_is_moved_and_keeps_its_name(shelf):
    source = shelf.scratch / "model.bin"
    source.write_bytes(b"weights" * 1000)
    before = source.stat().st_ino
    _, back = shelf.both({"model": source})
    assert (back["model"].name, back["model"].read_bytes()) == ("model.bin", b"weights" * 1000)
    assert back["model"].stat().st_ino == before
    assert back["model"].stat().st_mode & 0o777 == 0o444


def test_a_file_elsewhere_is_copied_and_stays_what_it_was(shelf, tmp_path):
    source = tmp_path / "mine.csv"
    source.write_text("a,b")
    _, back = shelf.both([source])
    assert source.stat().st_mode & 0o200
    assert back[0].stat().st_ino != source.stat().st_ino
    source.write_text("changed")
    assert back[0].read_text() == "a,b"


def test_a_link_out_of_scratch_is_copied_never_moved(shelf, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "x").write_text("mine")
    (shelf.scratch / "link").symlink_to(mine / "x")
    (shelf.scratch / "folder").mkdir()
    (shelf.scratch / "folder" / "inner").symlink_to(mine / "x")
    (shelf.scratch / "tree").symlink_to(mine)
    back = shelf.get(shelf.put([shelf.scratch / "link", shelf.scratch / "folder", shelf.scratch / "tree"]))
    assert (mine / "x").stat().st_nlink == 1
    assert (mine / "x").stat().st_mode & 0o200
    assert [back[0].read_text(), (back[1] / "inner").read_text(), (back[2] / "x").read_text()] == ["mine"] * 3


def test_a_hard_link_of_a_users_file_is_copied(shelf, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (shelf.scratch / "hard").hardlink_to(mine)
    shelf.put(shelf.scratch / "hard")
    assert mine.stat().st_mode & 0o200


def test_a_folder_comes_back_with_everything_in_it(shelf):
    folder = shelf.scratch / "out"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a" / "b" / "deep.txt").write_text("deep")
    tool = folder / "run.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    (folder / "loop").symlink_to(folder)
    document, back = shelf.both(folder)
    (ref,) = references(document)
    assert (ref.format, ref.name, ref.size) == ("dir", "out", 4 + 10)
    assert sorted(str(path.relative_to(back)) for path in back.rglob("*")) == [
        "a",
        "a/b",
        "a/b/deep.txt",
        "empty",
        "run.sh",
    ]
    assert (back / "run.sh").stat().st_mode & 0o100


def test_one_file_in_two_places_is_one_and_a_file_inside_a_returned_folder_is_both(shelf):
    folder = shelf.scratch / "out"
    folder.mkdir()
    (folder / "f").write_text("f")
    document, back = shelf.both({"folder": folder, "file": folder / "f", "again": folder / "f"})
    assert document["file"] == document["again"]
    assert [(back["folder"] / "f").read_text(), back["file"].read_text()] == ["f", "f"]


def test_many_files_in_a_list_are_all_stored(shelf):
    paths = [shelf.scratch / f"{number}.txt" for number in range(70)]
    for number, path in enumerate(paths):
        path.write_text(str(number))
    document, back = shelf.both([*paths, {1j}])
    assert [path.read_text() for path in back[:70]] == [str(number) for number in range(70)]
    assert [ref.format for ref in references(shelf.get_json(document))] == [*["file"] * 70, "pickle"]


def test_a_path_inside_a_pickled_object_is_stored_too(shelf):
    (shelf.scratch / "weights").write_text("w")
    _, back = shelf.both({("key", 1j): shelf.scratch / "weights"})
    (shelf.scratch / "weights").unlink()
    assert back["key", 1j].read_text() == "w"
    assert back["key", 1j].name == "weights"


def test_two_files_of_one_content_keep_their_own_names(shelf):
    for name in ("a", "b"):
        (shelf.scratch / name).write_text("same")
    _, back = shelf.both([shelf.scratch / "a", shelf.scratch / "b"])
    assert [path.name for path in back] == ["a", "b"]


def test_a_path_that_leads_nowhere_names_its_place(shelf):
    with pytest.raises(UnstorableValueError, match=r"result\[\"model\"\]: the path '.*nowhere' does not exist"):
        shelf.put({"model": shelf.scratch / "nowhere"})
    with pytest.raises(UnstorableValueError, match=r"result\.weights: the path"):
        shelf.put(Fit(0.5, shelf.scratch / "nowhere"))


# ------------------------------------------------------------------ what cannot be stored


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"model": Locked()}, "result[\"model\"].lock: cannot pickle '_thread.lock' object"),
        (Fit(0.5, Locked()), "result.weights.lock: cannot pickle '_thread.lock' object"),
        ([1, (2, Locked())], "result[1][1].lock: cannot pickle '_thread.lock' object"),
        ({1: {"x": Locked()}}, "result[1][\"x\"].lock: cannot pickle '_thread.lock' object"),
    ],
)
def test_what_cannot_be_stored_is_named_by_its_path(shelf, value, words):
    with pytest.raises(UnstorableValueError) as caught:
        shelf.put(value)
    assert str(caught.value) == words


def test_what_json_readers_refuse_comes_back_all_the_same(shelf):
    huge = 10**5000
    for value in (huge, [huge], {"a": huge}):
        assert shelf.both(value)[1] == value


def test_lists_in_lists_without_end_are_refused_in_words(shelf):
    deep = []
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(UnstorableValueError, match="recursion"):
        shelf.put(deep)


def test_a_function_without_a_name_cannot_be_stored(shelf):
    with pytest.raises(UnstorableValueError, match=r"result\[\"f\"\]: .*lambda"):
        shelf.put({"f": lambda x: x})


def test_a_value_that_contains_itself_comes_back_so(shelf):
    value = [1]
    value.append(value)
    _, back = shelf.both(value)
    assert back[1] is back


def test_a_damaged_or_missing_object_is_never_handed_out(shelf):
    document = shelf.put(np.zeros(1000))
    (ref,) = references(document)
    path = Path(shelf.store.object_path(ref.digest))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactLostError, match="is damaged"):
        shelf.get(document)
    assert not path.exists(), "it is out of the way of a new one"
    with pytest.raises(ArtifactLostError, match="is missing"):
        shelf.get(document)


def test_a_large_array_inside_an_object_is_not_copied_into_the_pickle(shelf):
    document, back = shelf.both({("k",): np.ones(100_000)})
    (ref,) = references(document)
    assert (ref.format, ref.size > 800_000) == ("pickle", True)
    assert back[("k",)].flags.writeable


@pytest.mark.parametrize(
    ("value", "classes"),
    [
        ([Fit(float(number)) for number in range(200)], ("Fit",)),
        ({("k",): [Pair(1, Color.RED), decimal_of]}, ("Color", "Pair", "decimal_of")),
        ({"text": '{"$object":["Not","a class' * 500}, ()),
        ({("k",): np.ones(9)}, ()),
    ],
)
def test_a_reference_names_the_classes_of_the_objects_in_it(shelf, value, classes):
    (ref,) = references(shelf.put(value))
    assert ref.classes == tuple(f"{__name__}:{name}" for name in classes)
