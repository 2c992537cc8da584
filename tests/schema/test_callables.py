"""Callables are found and read without importing anything."""

from __future__ import annotations

import sys
import textwrap

import pytest

from yamlflow.schema.callables import Finder, Found, Kind, Missing, Unknown

FILES = {
    "pkg/__init__.py": """
        from pkg.deep import inner as renamed
        from .deep import *
        from . import deep
        __version__ = '1'
    """,
    "pkg/deep.py": """
        import functools, contextlib, asyncio
        from dataclasses import dataclass, field
        from typing import NamedTuple, Optional, Any, Annotated
        from pathlib import Path
        import yamlflow
        from yamlflow import Context as Ctx
        try:
            from fast import speedy
        except ImportError:
            def speedy(a): ...

        MaybePath = Path | None
        COUNT = 3
        alias = None

        def inner(a, /, b: int, *rest, c: str = "x", d=None, **more) -> list[str]: ...
        other = inner
        small = lambda x, y=1: x
        part = functools.partial(inner, 1)

        def nones(
            a: int, b: int | None, c: Optional[int], d: "Path | None", e: Any,
            f: MaybePath, g=None, *, h: list[int | None]
        ): ...
        def injected(data: Path, ctx: Ctx, more: "yamlflow.Context | None" = None): ...

        @functools.lru_cache(maxsize=None)
        def cached(a): ...

        @contextlib.contextmanager
        def managed(a):
            yield a

        def gen(n):
            for i in range(n):
                yield i

        def no_gen(n):
            def helper():
                yield 1
            return list(helper()) + [x for x in (y for y in range(n))]

        async def waits(a: int): ...

        class Plain: ...
        class Made:
            def __init__(self, a, b=1): ...
            def method(self, x): ...
            @staticmethod
            def static(x): ...
            @classmethod
            def build(cls, x): ...
        class Child(Made):
            def extra(self): ...
        @dataclass
        class Data:
            a: int
            b: str = "x"
            c: list = field(default_factory=list)
            d: int = field(init=False, default=1)
        @dataclass(kw_only=True)
        class More(Data):
            e: float
        class Record(NamedTuple):
            a: int
        class Meta(type): ...
        class Odd(metaclass=Meta): ...
    """,
    "pkg/dynamic.py": "def __getattr__(name): ...\n",
    "pkg/made.py": "for n in ('a', 'b'):\n    globals()[n] = print\n",
    "pkg/compiled.cpython-311-x86_64-linux-gnu.so": "",
    "pkg/broken.py": "def f(:\n",
    "space/mod.py": "def fn(x): ...\n",
    "loop_a.py": "from loop_b import thing\n",
    "loop_b.py": "from loop_a import thing\n",
    "train.py": "def fit(data): ...\nprint('imported')\nraise SystemExit(3)\n",
}


@pytest.fixture
def finder(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return Finder((tmp_path,))


def signature(finder, reference):
    found = finder.find(reference)
    assert isinstance(found, Found), found
    assert found.signature is not None
    return found.signature


def test_parameters_have_names_kinds_and_defaults(finder):
    found = signature(finder, "pkg.deep:inner")
    assert [(one.name, one.kind, one.required) for one in found.parameters] == [
        ("a", Kind.POSITIONAL_ONLY, True),
        ("b", Kind.NORMAL, True),
        ("rest", Kind.VAR_POSITIONAL, False),
        ("c", Kind.KEYWORD_ONLY, False),
        ("d", Kind.KEYWORD_ONLY, False),
        ("more", Kind.VAR_KEYWORD, False),
    ]
    assert found.text == "def inner(a, /, b: int, *rest, c: str = 'x', d=None, **more)"
    assert found.returns == "list[str]"
    assert found.takes_any_name


@pytest.mark.parametrize(
    "reference", ["pkg:renamed", "pkg:inner", "pkg:deep.inner", "pkg.deep:other", "pkg/deep.py:inner"]
)
def test_re_exports_stars_and_aliases_lead_to_the_function(finder, reference):
    assert [one.name for one in signature(finder, reference).parameters][:2] == ["a", "b"]


def test_what_takes_none_is_read_from_annotations(finder):
    found = signature(finder, "pkg.deep:nones")
    assert {one.name: one.allows_none for one in found.parameters} == {
        "a": False,
        "b": True,
        "c": True,
        "d": True,
        "e": True,
        "f": True,
        "g": True,
        "h": False,
    }


def test_the_context_is_recognized_under_any_name(finder):
    found = signature(finder, "pkg.deep:injected")
    assert [one.is_context for one in found.parameters] == [False, True, True]


def test_generators_are_those_whose_own_body_yields(finder):
    assert signature(finder, "pkg.deep:gen").generator
    assert not signature(finder, "pkg.deep:no_gen").generator
    assert signature(finder, "pkg.deep:waits").text == "async def waits(a: int)"


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("pkg.deep:Plain", []),
        ("pkg.deep:Made", ["a", "b"]),
        ("pkg.deep:Child", ["a", "b"]),
        ("pkg.deep:Data", ["a", "b", "c"]),
        ("pkg.deep:More", ["a", "b", "c", "e"]),
        ("pkg.deep:Made.static", ["x"]),
        ("pkg.deep:Made.build", ["x"]),
        ("pkg.deep:Child.build", ["x"]),
        ("pkg.deep:small", ["x", "y"]),
        ("pkg.deep:cached", ["a"]),
        ("space.mod:fn", ["x"]),
        ("train.py:fit", ["data"]),
        ("statistics:mean", ["data"]),
    ],
)
def test_classes_methods_and_lambdas_can_be_called(finder, reference, names):
    assert [one.name for one in signature(finder, reference).parameters] == names


@pytest.mark.parametrize("reference", ["pkg.deep:managed", "pkg.deep:part", "pkg.deep:Record", "pkg.deep:Odd"])
def test_what_exists_with_an_unreadable_signature_is_found_without_one(finder, reference):
    assert finder.find(reference) == Found(None)


@pytest.mark.parametrize(
    "reference",
    [
        "pkg.deep:speedy",
        "pkg.dynamic:anything",
        "pkg.made:a",
        "pkg.compiled:f",
        "loop_a:thing",
        "math:sqrt",
        "builtins:len",
        "itertools:chain.from_iterable",
        "os.path:join",
    ],
)
def test_what_only_running_would_tell_is_unknown_and_no_error(finder, reference):
    assert isinstance(finder.find(reference), Unknown)


@pytest.mark.parametrize(
    ("reference", "what", "name"),
    [
        ("pgk.deep:inner", "module", "pgk"),
        ("pkg.dep:inner", "module", "dep"),
        ("train.deep:inner", "module", "deep"),
        ("pkg.deep:iner", "attribute", "iner"),
        ("pkg.deep:Made.biuld", "attribute", "biuld"),
        ("trian.py:fit", "file", "trian.py"),
        ("pkg.deep:COUNT", "not_callable", "a constant"),
        ("pkg:deep", "not_callable", "a module"),
        ("pkg.deep:Made.method", "instance_method", "method"),
        ("pkg.deep:Child.extra", "instance_method", "extra"),
        ("pkg.broken:f", "syntax", "line 1: invalid syntax"),
    ],
)
def test_what_is_proven_missing_is_missing(finder, reference, what, name):
    found = finder.find(reference)
    assert isinstance(found, Missing), found
    assert (found.what, found.name) == (what, name)


def test_a_package_of_another_environment_is_unknown_and_first_party_code_is_not(finder):
    assert isinstance(finder.find("torch_not_here:f", installed=False), Unknown)
    assert isinstance(finder.find("statistics:no_such", installed=False), Unknown)
    assert isinstance(finder.find("pkg.deep:iner", installed=False), Missing)
    assert isinstance(finder.find("pkg.dep:inner", installed=False), Missing)


def test_nothing_is_imported(finder):
    before = set(sys.modules)
    for name in ("train:fit", "pkg.deep:inner", "pkg:renamed"):
        finder.find(name)
    assert not {"train", "pkg", "pkg.deep"} & (set(sys.modules) - before)


def test_a_folder_without_init_gives_way_to_an_installed_package(tmp_path):
    (tmp_path / "json").mkdir()
    (tmp_path / "json/mine.py").write_text("def f(): ...\n")
    assert isinstance(Finder((tmp_path,)).find("json:dumps"), Found)
