"""Cache: a result never stands where the task would have made another one today."""

from __future__ import annotations

import subprocess

import pytest

TASKS = """
    from yamlflow import Context
    class Model:
        def __init__(self, weight): self.weight = weight
        def predict(self): return self.weight * 2
    class Holder:
        def __init__(self, parts): self.parts = parts
    def fit(): return Model(3)
    def many(): return Holder([Model(3)])
    def listed(): return [Model(3) for _ in range(100)]
    def score(model): return model.predict()
    def first(held): return (held.parts if hasattr(held, "parts") else held)[0].predict()
    def first_item(x): return x.predict()
    def asks(ctx: Context): return ctx.params["p"]
    def place(ctx: Context): return ctx.each["index"]
    def quiet(ctx: Context):
        note("quiet")
    def keys(d): return list(d)
    def texts(files: list[Path]): return [file.read_text() for file in files]
    def table(files: dict[str, Path]): return {name: file.read_text() for name, file in files.items()}
    def linked(folder: Path): return (folder / "link" / "a.txt").read_text()
    def late(table: Path):
        note("late")
        wait_for("go")
        return table.read_text()
"""
MODELS = """
    defaults: {{cache: true}}
    steps:
      made: {{run: "tasks:{made}"}}
      read: {{run: "tasks:{read}", {wiring}}}
    outputs: {{read: steps.read}}
"""


def one(step: str, more: str = "", top: str = "") -> str:
    return f"""
    {top}
    steps: {{one: {{run: "tasks:{step}", cache: {{version: 1}}{more}}}}}
    outputs: {{one: steps.one}}
    """


def edit(story, old: str, new: str, file: str = "tasks.py") -> None:
    text = (story.folder / file).read_text()
    assert old in text
    story.write(file, text.replace(old, new))


@pytest.mark.parametrize(
    ("made", "read", "wiring"),
    [
        ("fit", "score", "inputs: {model: steps.made}"),
        ("many", "first", "inputs: {held: steps.made}"),
        ("listed", "first", "inputs: {held: steps.made}"),
        ("listed", "first_item", "foreach: {x: steps.made}, inputs: {x: each.x}, max_items: 100"),
    ],
)
def test_the_methods_of_an_object_count_for_who_reads_it(project, made, read, wiring):
    story = project(MODELS.format(made=made, read=read, wiring=wiring), TASKS)
    before = story.run().outputs["read"]
    edit(story, "self.weight * 2", "self.weight * 5")
    after = story.run()
    assert (before, after.outputs["read"]) in [(6, 15), ([6] * 100, [15] * 100)]
    edit(story, "self.weight * 5", "self.weight * 5  # five")
    assert set(story.run().counts("read")) == {"cached"}


def test_the_methods_of_a_dataclass_count_for_who_reads_it(project):
    tasks = TASKS.replace("class Model:", "import dataclasses\n    @dataclasses.dataclass\n    class Model:").replace(
        "def __init__(self, weight): self.weight = weight", "weight: int"
    )
    story = project(MODELS.format(made="fit", read="score", wiring="inputs: {model: steps.made}"), tasks)
    assert story.run().outputs["read"] == 6
    edit(story, "self.weight * 2", "self.weight * 5")
    ran = story.run()
    assert ran.outputs["read"] == 15
    assert "read runs: class tasks:Model changed" in ran.err


def test_parameters_that_a_task_asks_its_context_for_count(project):
    story = project(one("asks", top="params: {p: 1}"), TASKS)
    assert story.run().outputs["one"] == 1
    ran = story.run("-p", "p=2")
    assert ran.outputs["one"] == 2
    assert "one runs: params.p 1 -> 2" in ran.err


def test_a_context_alone_makes_no_parameter_count(project):
    story = project(one("quiet", top="params: {p: 1}"), TASKS)
    story.run()
    assert story.run("-p", "p=2").state("one") == "cached"


def test_the_place_in_a_loop_counts_where_a_task_asks_for_it(project):
    story = project(one("place", ', foreach: {x: "[3, 4]"}'), TASKS)
    assert story.run().outputs["one"] == [0, 1]
    edit(story, "[3, 4]", "[4, 3]", "pipeline.yaml")
    assert story.run().outputs["one"] == [0, 1]


def test_the_order_of_a_mapping_counts(project):
    story = project(one("keys", ", with: {d: {a: 1, b: 2}}"), TASKS)
    assert story.run().outputs["one"] == ["a", "b"]
    edit(story, "{a: 1, b: 2}", "{b: 2, a: 1}", "pipeline.yaml")
    assert story.run().outputs["one"] == ["b", "a"]


@pytest.mark.parametrize(("step", "files"), [("texts", "[data.txt]"), ("table", "{x: data.txt}")])
def test_paths_in_lists_and_mappings_count_by_what_they_hold(project, step, files):
    story = project(one(step, f", with: {{files: {files}}}"), TASKS)
    story.write("data.txt", "old")
    story.run()
    story.write("data.txt", "new")
    assert story.run().outputs["one"] in (["new"], {"x": "new"})


def test_a_folder_counts_with_what_its_links_lead_to_and_its_empty_folders(project):
    story = project(one("linked", ", with: {folder: data}"), TASKS)
    story.write("real/a.txt", "old")
    (story.folder / "data").mkdir()
    (story.folder / "data/link").symlink_to("../real")
    (story.folder / "data/loop").symlink_to(".")
    assert story.run().outputs["one"] == "old"
    story.write("real/a.txt", "new")
    assert story.run().outputs["one"] == "new"
    (story.folder / "data/empty").mkdir()
    assert story.run().state("one") == "succeeded"


def test_what_is_made_while_a_file_is_edited_is_not_kept(project):
    story = project(one("late", ", with: {table: data.txt}"), TASKS)
    story.write("data.txt", "old")
    run = story.start()
    story.until_noted("late")
    story.write("data.txt", "new")
    story.touch("go")
    ran = story.finish(run)
    assert "one was edited while it ran (file data.txt): its results are not kept" in ran.err
    story.write("data.txt", "old")
    assert story.run().outputs["one"] == "old"
    assert story.ledger == ["late", "late"]


@pytest.mark.parametrize(
    "script", ["cat data/*.txt", "cat data/a.t?t", "cat data/{a,b}.txt", "find data/ -type f", "cat TOP/data/a.txt"]
)
def test_ignored_data_that_a_script_names_counts(project, script):
    said = script.replace("TOP", str(project.folder))
    story = project(f'steps: {{one: {{sh: "{said}", cwd: code, cache: {{version: 1}}}}}}')
    story.write(".gitignore", "data\n.yamlflow\n")
    subprocess.run(["git", "init", "-q"], cwd=story.folder, check=True)
    story.write("data/a.txt", "old")
    story.write("data/b.txt", "old")
    story.run()
    assert story.run().state("one") == "cached"
    story.write("data/a.txt", "new")
    assert story.run().state("one") == "succeeded"
