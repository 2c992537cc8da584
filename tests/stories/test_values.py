"""Values: fields apart, every kind of Python value there and back, files moved only out of scratch."""

from __future__ import annotations

from pathlib import Path

TASKS = """
    import datetime, decimal, enum, os, tempfile
    from dataclasses import dataclass
    from typing import NamedTuple, TypedDict
    import numpy, pandas
    from yamlflow import Context

    class Colour(enum.Enum):
        RED = "red"
    @dataclass
    class Fit:
        auc: float
        ckpt: Path
    class Pair(NamedTuple):
        left: int
        right: int
    class Odd:
        def __init__(self, x): self.x = x

    def many():
        return {
            "none": None, "nan": float("nan"), "tuple": (1, (2,)), "date": datetime.date(2024, 1, 2),
            "decimal": decimal.Decimal("1.10"), "colour": Colour.RED, "set": {1}, "bytes": b"\\x00\\xff", "text": "é\\u2028",
            "array": numpy.arange(6).reshape(2, 3), "table": pandas.DataFrame({"a": [1, 2], "b": ["x", None]}),
            "odd": Odd(7), "pair": Pair(1, 2), "keys": {1: "a"}, "big": 2**60, "nested": [{"d": datetime.date(2024, 1, 2)}],
        }
    def check(v):
        assert v["none"] is None and v["nan"] != v["nan"]
        assert v["tuple"] == (1, (2,)) and isinstance(v["tuple"], tuple)
        assert v["date"] == datetime.date(2024, 1, 2)
        assert v["decimal"] == decimal.Decimal("1.10") and str(v["decimal"]) == "1.10"
        assert v["colour"] is Colour.RED
        assert v["set"] == {1} and v["bytes"] == b"\\x00\\xff" and v["text"] == "é\\u2028"
        assert v["array"].shape == (2, 3) and v["array"].dtype == numpy.arange(6).dtype
        assert list(v["table"].columns) == ["a", "b"] and v["table"]["a"].tolist() == [1, 2]
        assert v["odd"].x == 7
        assert v["pair"].right == 2 and type(v["pair"]).__name__ == "Pair"
        assert v["keys"] == {1: "a"} and v["big"] == 2**60
        assert v["nested"][0]["d"] == datetime.date(2024, 1, 2)
        return "all there"
    def fit() -> Fit:
        file = Path(tempfile.mkdtemp(), "model.bin")
        file.write_bytes(b"weights")
        return Fit(0.5, file)
    def use(ckpt: Path, fit: Fit):
        assert isinstance(fit, Fit) and fit.auc == 0.5
        return [ckpt.name, ckpt.read_bytes().decode()]
    def mine(ctx: Context):
        return HERE / "precious.txt"
    def folder():
        place = Path(tempfile.mkdtemp()) / "data"
        (place / "deep").mkdir(parents=True)
        (place / "deep/a.txt").write_text("a")
        return place
    def walk(f: Path):
        return [f.name, sorted(str(p.relative_to(f)) for p in f.rglob("*"))]
    def two():
        return 1, "b"
    def conversions(p: Path, d: datetime.date, c: Colour, f: float):
        return [type(p).__name__, str(d), c.name, f]
"""


def test_every_kind_of_value_comes_back_as_it_was(project):
    ran = project(
        'steps: {many: {run: "tasks:many"}, check: {run: "tasks:check", inputs: {v: steps.many}}}', TASKS
    ).run()
    assert ran.outputs == {"check": "all there"}


def test_fields_are_stored_apart_and_a_file_keeps_its_name(project):
    ran = project(
        """
        steps:
          fit: {run: "tasks:fit"}
          use: {run: "tasks:use", inputs: {ckpt: steps.fit.ckpt, fit: steps.fit}}
        outputs: {use: steps.use, auc: steps.fit.auc, ckpt: steps.fit.ckpt}
        """,
        TASKS,
    ).run()
    assert ran.outputs["use"] == ["model.bin", "weights"]
    assert ran.outputs["auc"] == 0.5
    stored = ran.outputs["ckpt"]
    assert set(stored) >= {"$artifact", "type", "path"}
    assert Path(stored["path"]).read_bytes() == b"weights"


def test_a_users_own_file_is_copied_never_moved(project):
    story = project('steps: {mine: {run: "tasks:mine"}}\noutputs: {mine: steps.mine}', TASKS, precious__txt="keep me")
    story.run()
    assert (story.folder / "precious.txt").read_text() == "keep me"


def test_a_folder_travels_whole(project):
    ran = project(
        'steps: {folder: {run: "tasks:folder"}, walk: {run: "tasks:walk", inputs: {f: steps.folder}}}', TASKS
    ).run()
    assert ran.outputs == {"walk": ["data", ["deep", "deep/a.txt"]]}


def test_a_tuple_has_places_or_names(project):
    ran = project(
        """
        steps:
          two: {run: "tasks:two"}
          named: {run: "tasks:two", outputs: [number, letter]}
        outputs: {first: "steps.two[0]", letter: steps.named.letter}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"first": 1, "letter": "b"}


def test_annotations_convert_what_they_say_and_nothing_else(project):
    ran = project(
        'steps: {c: {run: "tasks:conversions", with: {p: a/b.txt, d: "2024-05-06", c: red, f: 3}}}\noutputs: {c: steps.c}',
        TASKS,
    ).run()
    assert ran.outputs == {"c": ["PosixPath", "2024-05-06", "RED", 3.0]}


def test_outputs_are_exported_as_files_when_asked(project):
    story = project('steps: {fit: {run: "tasks:fit"}}\noutputs: {ckpt: steps.fit.ckpt, auc: steps.fit.auc}', TASKS)
    story.run("--output-dir", "out")
    assert (story.folder / "out/ckpt/model.bin").read_bytes() == b"weights"
    assert (story.folder / "out/auc.json").read_text().strip() == "0.5"


def test_artifacts_are_listed_shown_and_fetched(project):
    story = project('steps: {fit: {run: "tasks:fit"}}', TASKS)
    story.run()
    assert "fit" in story.call("artifacts", "list").out
    assert "0.5" in story.call("artifacts", "show", "fit.auc").out
    assert story.call("artifacts", "get", "fit.ckpt", "-o", "copy.bin").code == 0
    assert (story.folder / "copy.bin").read_bytes() == b"weights"
    again = story.call("artifacts", "get", "last", "fit.ckpt", "-o", "copy.bin")
    assert again.code == 2
    assert "copy.bin" in again.err
