"""Modules that a step on another machine needs, and that would not be there."""

from __future__ import annotations

import subprocess
from importlib import import_module

import pytest

from yamlflow.executors.registry import TYPES
from yamlflow.schema.callables.needs import Needs
from yamlflow.schema.loader import check
from yamlflow.schema.model.profiles import PROFILES
from yamlflow.store.selection import select

FILE = """
yamlflow: 1
executors: {{far: {{type: {kind}, image: python}}}}
{top}
steps:
  fit: {{run: "train:fit", executor: {executor}}}
"""


@pytest.fixture
def found(tmp_path):
    """The codes and messages about a file, in a repository with these files and these names ignored."""

    def found(*ignored: str, kind: str = "docker", executor: str = "far", top: str = "", text: str = "", **files: str):
        for name, content in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (tmp_path / ".gitignore").write_text("\n".join(ignored))
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        pipeline = tmp_path / "pipeline.yaml"
        pipeline.write_text((text or FILE).format(kind=kind, executor=executor, top=top))
        return [f"{one.code}: {one.message}" for one in check(str(pipeline), select=select).diagnostics]

    return found


TRAIN = "import {name}\n\ndef fit():\n    return {name}.x\n"


@pytest.mark.parametrize("kind", sorted(kind for kind, profile in PROFILES.items() if profile.ships_code))
def test_a_module_that_git_ignores_is_missing_where_code_is_sent(found, kind):
    (message,) = found("made.py", kind=kind, train=TRAIN.format(name="made"), made="x = 1\n")
    assert message.startswith("not-shipped: ")
    assert "made.py` does not travel to `far`: ignored by git" in message


def test_on_this_machine_nothing_is_missing(found):
    assert found("made.py", executor="local", train=TRAIN.format(name="made"), made="x = 1\n") == []


def test_what_is_tracked_or_included_is_not_missing(found):
    assert found(train=TRAIN.format(name="made"), made="x = 1\n") == []
    said = found("made.py", top="code: {include: [made.py]}", train=TRAIN.format(name="made"), made="x = 1")
    assert said == []


def test_the_callables_own_module_can_be_missing(found):
    (message,) = found("train.py", train="def fit(): pass\n")
    assert "train.py` does not travel" in message


def test_what_is_missing_for_one_reason_is_said_once(found):
    (message,) = found("a.py", "b.py", train="import a, b\n\ndef fit(): pass\n", a="", b="")
    assert "a.py` and 1 more do not travel" in message


OPTIONAL = {
    "try": "try:\n    import made\nexcept ImportError:\n    made = None\n",
    "try in a tuple": "try:\n    import made\nexcept (ValueError, ModuleNotFoundError):\n    made = None\n",
    "types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import made\n",
    "in a function": "def fit():\n    try:\n        from made import x\n    except Exception:\n        x = 1\n",
}


@pytest.mark.parametrize("way", OPTIONAL)
def test_an_import_that_may_fail_is_no_need(found, way):
    text = OPTIONAL[way] if "def fit" in OPTIONAL[way] else OPTIONAL[way] + "def fit():\n    return made\n"
    assert found("made.py", train=text, made="x = 1\n") == []


def test_one_import_in_earnest_is_a_need_whatever_the_others_are(found):
    said = found("made.py", train=OPTIONAL["try"] + "import other\ndef fit(): pass\n", other="import made\n", made="")
    assert len(said) == 1


def test_a_file_outside_of_the_root_is_missing_with_the_root_that_holds_both(found, tmp_path):
    (tmp_path / "part").mkdir()
    said = found(top="code: {root: part}", train="def fit(): pass\n")
    assert "it lies outside of" in said[0]


def test_what_is_installed_inside_of_the_project_is_not_our_business(tmp_path):
    place = tmp_path / "venv/lib/site-packages/thing.py"
    place.parent.mkdir(parents=True)
    place.write_text("def f(): pass\n")
    assert Needs([tmp_path, place.parent]).of("thing:f") == []


def test_nobody_is_asked_which_files_travel_unless_a_step_leaves_this_machine(tmp_path):
    def asked(*_):
        raise AssertionError

    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text('yamlflow: 1\nsteps: {a: {run: "json:loads", with: {s: "1"}}}\n')
    assert check(str(pipeline), select=asked).diagnostics == ()


@pytest.mark.parametrize("kind", sorted(PROFILES.keys() & TYPES.keys()))
def test_what_the_file_says_of_an_executor_is_what_the_executor_does(kind):
    known = TYPES[kind]
    made = getattr(import_module(known.module), known.executor)
    assert made.traits.ships == PROFILES[kind].ships_code
