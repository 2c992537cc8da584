"""What of a project's code counts for a callable: read from source, followed through names and imports."""

from __future__ import annotations

from textwrap import dedent

import pytest

from yamlflow.schema.callables.modules import Modules
from yamlflow.schema.callables.sources import Sources
from yamlflow.schema.callables.syntax import syntax


@pytest.fixture
def parts(tmp_path):
    """Writes files, and gives the parts of a callable."""

    def read(reference="tasks:fit", *, deep=True, **files):
        for name, text in files.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return dict(Sources([tmp_path, tmp_path / "src"]).of(reference, deep=deep).parts)

    return read


def changed(before, after):
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_functions_that_are_named_count_and_others_do_not(parts):
    found = parts(
        tasks="""
        RATE = 2
        def fit(x): return inner(x)
        def inner(x): return x * RATE
        def other(x): return x
        class Unused: pass
        """
    )
    assert set(found) == {"tasks.py", "tasks.py: fit()", "tasks.py: inner()"}


def test_comments_layout_and_docstrings_of_others_do_not_count(parts):
    before = parts(tasks="def fit(x):\n    return x\n\ndef other(): pass\n")
    after = parts(tasks="# new\ndef fit(x):  # here\n\n    return (x)\n\ndef other():\n    '''Said.'''\n")
    assert changed(before, after) == set()


def test_the_top_level_counts(parts):
    before = parts(tasks="RATE = 2\ndef fit(x): return x\n")
    assert changed(before, parts(tasks="RATE = 3\ndef fit(x): return x\n")) == {"tasks.py"}


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("import helper", "helper.clean(x)"),
        ("import helper as h", "h.clean(x)"),
        ("from helper import clean", "clean(x)"),
        ("from helper import clean as c", "c(x)"),
        ("from helper import *", "clean(x)"),
        ("import helper", "pass_around(helper)"),
        ("import pkg.helper", "pkg.helper.clean(x)"),
        ("from pkg import helper", "helper.clean(x)"),
        ("from pkg.helper import clean", "clean(x)"),
        ("", "__import__('os') or late(x)"),
    ],
)
def test_what_is_imported_counts_however_it_is_imported(parts, statement, use):
    late = "def late(x):\n    from helper import clean\n    return clean(x)\n"
    tasks = f"{statement}\ndef fit(x): return {use}\n{late}"
    helper = "def clean(x): return {}\ndef unused(x): return x\n"
    folder = "pkg/helper" if "pkg" in statement else "helper"
    before = parts(**{"tasks": tasks, "pkg/__init__": "", folder: helper.format("x")})
    after = parts(**{"tasks": tasks, "pkg/__init__": "", folder: helper.format("-x")})
    assert changed(before, after) == {f"{folder}.py: clean()"}


def test_relative_imports_and_packages_around_count(parts):
    files = {
        "src/app/__init__": "A = 1\n",
        "src/app/data/__init__": "from .clean import scrub\n",
        "src/app/data/clean": "from ..base import low\ndef scrub(x): return low(x)\n",
        "src/app/base": "def low(x): return x\ndef high(x): return x\n",
        "src/app/train": "from .data import scrub\ndef fit(x): return scrub(x)\n",
    }
    found = parts("app.train:fit", **files)
    assert set(found) == {
        "src/app/__init__.py",
        "src/app/base.py: low()",
        "src/app/data/__init__.py",
        "src/app/data/clean.py",
        "src/app/data/clean.py: scrub()",
        "src/app/train.py",
        "src/app/train.py: fit()",
    }


def test_modules_in_a_circle_end(parts):
    found = parts(tasks="import b\ndef fit(x): return b.go(x)\n", b="import tasks\ndef go(x): return tasks.fit(x)\n")
    assert "b.py: go()" in found


def test_a_class_counts_whole_with_what_its_methods_use(parts):
    found = parts(
        "tasks:Model.fit",
        tasks="""
        class Base: pass
        class Model(Base):
            @classmethod
            def fit(cls, x): return helper(x)
        def helper(x): return x
        """,
    )
    assert set(found) == {"tasks.py: class Base", "tasks.py: class Model", "tasks.py: helper()"}


def test_what_announces_itself_counts_unnamed(parts):
    found = parts(tasks="def fit(x): return x\n@register\ndef plugin(): pass\nclass Plugin(Registry): pass\n")
    assert {"tasks.py: plugin()", "tasks.py: class Plugin"} <= set(found)


def test_a_module_that_looks_itself_up_counts_whole(parts):
    found = parts(tasks="def fit(x): return globals()['a' + 'b'](x)\ndef ab(x): return x\n")
    assert "tasks.py: ab()" in found


def test_python_reads_letters_of_other_alphabets_as_plain_ones_and_so_does_this(parts):
    found = parts(tasks="def fit(x): return \uff45\uff56\uff41\uff4c('a' + 'b')\ndef ab(x): return x\n")
    assert set(found) == {"tasks.py: fit()", "tasks.py: ab()"}


def test_who_checks_the_call_and_who_digests_the_code_parse_a_module_once(tmp_path):
    (tmp_path / "tasks.py").write_text(f"def fit(x):\n    return '{tmp_path}'\n")
    before = syntax.cache_info().misses
    assert Modules([tmp_path]).named("tasks").names.keys() == {"fit"}
    assert set(Sources([tmp_path]).of("tasks:fit").parts) == {"tasks.py: fit()"}
    assert syntax.cache_info().misses == before + 1


def test_a_name_in_a_text_counts(parts):
    found = parts(tasks="def fit(x: 'Model'): return getattr(x, 'go')\nclass Model: pass\ndef go(): pass\n")
    assert {"tasks.py: class Model", "tasks.py: go()"} <= set(found)


def test_a_name_that_is_bound_twice_is_part_of_the_top_level(parts):
    found = parts(tasks="def fit(x): return x\ndef fit(x): return -x\n")
    assert set(found) == {"tasks.py"}


def test_installed_modules_do_not_count(parts):
    assert set(parts(tasks="import json\nimport numpy as np\ndef fit(x): return json.dumps(x)\n")) == {
        "tasks.py",
        "tasks.py: fit()",
    }


def test_shallow_reading_stays_in_the_callables_own_module(parts):
    files = {"tasks": "import helper\ndef fit(x): return helper.clean(x)\n", "helper": "def clean(x): return x\n"}
    assert set(parts(deep=False, **files)) == {"tasks.py", "tasks.py: fit()"}


@pytest.mark.parametrize("reference", ["nowhere:fit", "nowhere.py:fit", "builtins:print"])
def test_what_has_no_source_has_no_parts(parts, reference):
    assert parts(reference) == {}


def test_a_file_that_is_no_python_counts_by_its_bytes(parts):
    before = parts("tasks.py:fit", tasks="def fit(:\n")
    assert set(before) == {"tasks.py"}
    assert changed(before, parts("tasks.py:fit", tasks="def fit(::\n")) == {"tasks.py"}


def test_code_that_is_nested_too_deep_still_counts(parts):
    before = parts(tasks=f"def fit(x):\n    return {'+'.join(['x'] * 5000)}\n")
    after = parts(tasks=f"def fit(x):\n    return {'+'.join(['x'] * 5001)}\n")
    assert changed(before, after)


def test_what_a_package_binds_hides_a_module_of_the_same_name(parts):
    files = {"pkg/__init__": "from .impl import model\n", "pkg/model": "X = 1\n"}
    tasks = "from pkg import model\ndef fit(): return model()\n"
    before = parts(tasks=tasks, **files, **{"pkg/impl": "def model(): return 1\n"})
    after = parts(tasks=tasks, **files, **{"pkg/impl": "def model(): return 2\n"})
    assert changed(before, after) == {"pkg/impl.py: model()"}


@pytest.mark.parametrize("call", ["importlib.import_module('pkg.plug')", "__import__('pkg.plug')"])
def test_a_module_that_is_imported_by_a_text_counts(parts, call):
    tasks = f"import importlib\ndef fit(): return {call}\n"
    before = parts(tasks=tasks, **{"pkg/__init__": "", "pkg/plug": "V = 1\n"})
    after = parts(tasks=tasks, **{"pkg/__init__": "", "pkg/plug": "V = 2\n"})
    assert changed(before, after) == {"pkg/plug.py"}
