"""Stored values that are deleted or changed behind our back: who made them runs again, once, and says so.

The real command line, real processes, real files; the ledger that the tasks
write to is outside, and what runs how often is counted there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PIPELINE = """
yamlflow: 1
name: lossy
steps:
  file: {run: work.py:make_file}
  folder: {run: work.py:make_folder}
  array: {run: work.py:make_array}
  texts: {run: work.py:make_text, foreach: {n: [0, 1, 2]}, inputs: {n: each.n}}
  spoil:
    run: work.py:spoil
    needs: [file, folder, array, texts]
  read_file: {run: work.py:read_file, needs: spoil, inputs: {path: steps.file}}
  read_folder: {run: work.py:read_folder, needs: spoil, inputs: {path: steps.folder}}
  read_array: {run: work.py:read_array, needs: spoil, inputs: {array: steps.array.data}}
  read_texts: {run: work.py:read_texts, needs: spoil, inputs: {texts: steps.texts}}
outputs:
  sizes: "[steps.read_file, steps.read_folder, steps.read_array, steps.read_texts]"
  file: steps.file
"""

WORK = """
import os
from pathlib import Path

STORE = Path(__file__).parent / ".yamlflow" / "store" / "objects"
TAGS = (b"FILE", b"MEMBER", b"NUMPY", b"text 1")


def note(word):
    with open(Path(__file__).parent / "ledger", "a") as ledger:
        ledger.write(word + "\\n")


def made(name, text, ctx):
    path = Path(ctx.tmp) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def make_file(ctx: "yamlflow.Context"):
    note("file")
    return made("data.txt", "FILE" * 5000, ctx)


def make_folder(ctx: "yamlflow.Context"):
    note("folder")
    made("out/other.txt", "other", ctx)
    return made("out/member.txt", "MEMBER" * 1000, ctx).parent


def make_array():
    import numpy
    note("array")
    return {"data": numpy.arange(5000.0)}


def make_text(n):
    note(f"text{n}")
    return f"text {n} " * 2000


def spoil():
    note("spoil")
    how = os.environ.get("SPOIL")
    if how in DAMAGES:
        damage(how)
    if how == "stop":
        raise SystemExit(1)


def damage(how):
    for path in STORE.glob("*/*"):
        if any(tag in path.read_bytes()[:12] for tag in TAGS):
            DAMAGES[how](path)


def flip(path):
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES = {"delete": Path.unlink, "flip": flip, "empty": lambda path: (path.chmod(0o600), path.write_bytes(b""))}


def read_file(path):
    note("read_file")
    return Path(path).read_text()[-4:] + str(Path(path).stat().st_size)


def read_folder(path):
    note("read_folder")
    return sorted(f"{one.name} {one.read_text()[-6:]}" for one in Path(path).iterdir())


def read_array(array):
    note("read_array")
    return float(array.sum())


def read_texts(texts):
    note("read_texts")
    return [text[:6] + text[-7:] for text in texts]
"""

PRODUCERS = {"file", "folder", "array", "text1"}
READERS = {"read_file", "read_folder", "read_array", "read_texts"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "work.py").write_text(
        WORK.replace('ctx: "yamlflow.Context"', "ctx: yamlflow.Context").replace(
            "import os\n", "import os\nimport yamlflow\n", 1
        )
    )
    return tmp_path


@pytest.fixture
def undisturbed(yamlflow, project) -> Iterator[list[object]]:
    """The outputs of a run that nobody disturbs."""
    done = yamlflow("run", "--json", "--state-dir", "other")
    assert done.returncode == 0, done.stderr
    (project / "ledger").unlink()
    return json.loads(done.stdout)["outputs"]["sizes"]


def counted(project: Path) -> Counter[str]:
    return Counter((project / "ledger").read_text().split())


def damaged(project: Path) -> int:
    folder = project / ".yamlflow" / "store" / "damaged"
    return len(list(folder.iterdir())) if folder.exists() else 0


def ruin(project: Path, how: str) -> None:
    """What the pipeline's `spoil` does, from outside."""
    scope: dict[str, object] = {"__file__": str(project / "work.py")}
    exec(compile(WORK.replace('"yamlflow.Context"', "object"), "work.py", "exec"), scope)
    scope["damage"](how)  # type: ignore[operator]


@pytest.mark.parametrize("how", ["delete", "flip", "empty"])
def test_what_is_lost_during_a_run_is_made_again_exactly_once(yamlflow, project, undisturbed, how):
    done = yamlflow("run", "--json", env={"SPOIL": how})
    assert done.returncode == 0, done.stderr
    ran = counted(project)
    assert {word for word, times in ran.items() if times == 2} == PRODUCERS, "readers were told before they began"
    assert {word for word, times in ran.items() if times == 1} == READERS | {"text0", "text2", "spoil"}
    assert json.loads(done.stdout)["outputs"]["sizes"] == undisturbed
    assert damaged(project) == (0 if how == "delete" else 4)
    word = "missing" if how == "delete" else "damaged (sha256 differs)"
    for reader, producer in (("read_folder", "folder"), ("read_array", "array"), ("read_texts", "texts[1]")):
        assert f"{reader}: a stored value of {producer} is {word}: running {producer} again" in done.stderr
    assert "run again: a stored value was lost" in yamlflow("status").stdout
    assert "run again: a stored value was lost" in yamlflow("runs", "show").stdout


@pytest.mark.parametrize("how", ["delete", "flip"])
def test_what_is_lost_between_a_run_and_its_resume_is_made_again_exactly_once(yamlflow, project, undisturbed, how):
    assert yamlflow("run", env={"SPOIL": "stop"}).returncode == 1
    ruin(project, how)
    (project / "ledger").unlink()
    done = yamlflow("resume", "--json")
    assert done.returncode == 0, done.stderr
    assert counted(project) == dict.fromkeys(PRODUCERS | READERS | {"spoil"}, 1)
    assert json.loads(done.stdout)["outputs"]["sizes"] == undisturbed
    assert "running array again" in done.stderr
    assert "array: a stored value of array" not in done.stderr, "a task is not its own reader"
    assert "run again: a stored value was lost" in yamlflow("status").stdout


def test_an_output_that_was_lost_is_made_again_before_the_run_ends(yamlflow, project):
    readers = "[read_file, read_folder, read_array, read_texts]"
    late = f"  last: {{run: work.py:damage, needs: {readers}, with: {{how: delete}}}}\n"
    (project / "pipeline.yaml").write_text(PIPELINE.replace("outputs:\n", f"{late}outputs:\n"))
    done = yamlflow("run", "--json")
    assert done.returncode == 0, done.stderr
    assert counted(project)["file"] == 2
    assert counted(project)["array"] == 1, "nobody reads it any more"
    path = Path(json.loads(done.stdout)["outputs"]["file"]["path"])
    assert path.read_text() == "FILE" * 5000
    assert "outputs: a stored value of file is missing: running file again" in done.stderr


RANDOM = """
yamlflow: 1
name: random
steps:
  g:
    steps:
      make: {run: more.py:make}
    outputs: {path: steps.make.path}
  spoil: {run: more.py:spoil, needs: g}
  use: {run: more.py:use, needs: spoil, inputs: {path: steps.g.path}}
  nested: {run: more.py:nested, needs: spoil, inputs: {path: steps.g.path}}
outputs: {use: steps.use, path: steps.g.path}
"""

MORE = """
import os
from pathlib import Path
import yamlflow


def make(ctx: yamlflow.Context):
    path = Path(ctx.tmp) / "made.txt"
    path.write_text("MADE" + os.urandom(8).hex())
    return {"path": path}


def spoil():
    for path in (Path(__file__).parent / ".yamlflow" / "store" / "objects").glob("*/*"):
        if path.read_bytes().startswith(b"MADE"):
            path.unlink()


def use(path):
    return Path(path).read_text()[:4]


nested = use
"""


def test_a_value_that_is_not_the_same_the_second_time_takes_the_place_of_the_lost_one(yamlflow, project):
    (project / "random.yaml").write_text(RANDOM)
    (project / "more.py").write_text(MORE)
    done = yamlflow("run", "random.yaml", "--json")
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout)["outputs"]
    assert outputs["use"] == "MADE"
    assert Path(outputs["path"]["path"]).read_text().startswith("MADE")
    assert done.stderr.count("running g.make again") == 1


def test_who_only_looks_is_told_that_a_value_is_lost(yamlflow, project):
    assert yamlflow("run", "-q").returncode == 0
    ruin(project, "delete")
    done = yamlflow("artifacts", "get", "file", "-o", "copy.txt")
    assert done.returncode == 74
    assert "is missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert yamlflow("status").returncode == 0
    assert not (project / "copy.txt").exists()
