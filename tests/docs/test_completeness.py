"""The README holds everything there is: exit codes, diagnostics, variables, keys, functions, what is not there yet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.docs.codes import listed
from yamlflow.core import errors
from yamlflow.core.expressions.functions import FUNCTIONS
from yamlflow.core.jobs import INFRASTRUCTURE
from yamlflow.core.messages import TERMINAL
from yamlflow.engine.settings import SETTINGS, variable
from yamlflow.schema import unsupported
from yamlflow.schema.catalogue import CODES
from yamlflow.schema.export import schema_leaves
from yamlflow.schema.rules.names import RUN_FIELDS
from yamlflow.worker.context import Context

README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = sorted(path for path in (ROOT / "yamlflow").rglob("*.py") if "templates" not in path.parts)
SIGNALS = {129, 130, 143}


def section(heading: str) -> str:
    """From a heading to the next one of its level or above."""
    start = README.index(f"\n{heading}\n")
    level = heading.split(maxsplit=1)[0]
    end = re.search(rf"^#{{2,{len(level)}}} ", README[start + len(heading) + 1 :], re.MULTILINE)
    return README[start : start + len(heading) + 1 + end.start()] if end else README[start:]


def words(text: str) -> set[str]:
    """Everything in backticks, taken apart into names."""
    return {word for span in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"[\w-]+", span)}


def texts(path: Path) -> Iterator[str]:
    """The string constants of a module that are no docstrings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Constant) and isinstance(child.value, str) and not isinstance(node, ast.Expr):
                yield child.value


def error_classes(base: type = errors.YamlflowError) -> Iterator[type]:
    yield base
    for kind in base.__subclasses__():
        yield from error_classes(kind)


def test_every_exit_code_is_explained_and_no_other():
    listed = {
        int(code)
        for row in re.findall(r"^\| ([\d, ]+) \|", section("### Exit codes"), re.MULTILINE)
        for code in row.split(",")
    }
    given = {kind.exit_code for kind in error_classes()}
    assert listed == given | {0, 70} | SIGNALS


def test_the_table_of_diagnostics_is_the_catalogue():
    assert listed(README) == {code: page.title for code, page in CODES.items()}


def test_every_environment_variable_is_explained_and_no_other():
    named = {text for path in SOURCES for text in texts(path) if re.fullmatch(r"YAMLFLOW_[A-Z_]*[A-Z]", text)}
    named |= {variable(setting) for setting in SETTINGS}
    listed = set(re.findall(r"\bYAMLFLOW_[A-Z_]*[A-Z]\b", section("### Environment variables")))
    assert listed - {"YAMLFLOW_PARAM_NAME"} == {name for name in named if not name.startswith("YAMLFLOW_PARAM")}
    assert "YAMLFLOW_PARAM_NAME" in listed


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_explained(setting):
    assert f"`{setting}`" in section("### Settings")


@pytest.mark.parametrize("leaf", schema_leaves())
def test_every_key_of_the_file_is_named(leaf):
    key = re.sub(r"\[\w*\]", "", leaf).split(".")[-1]
    if key not in ("*", "x-*"):
        assert key in words(section("## The pipeline file")) | yaml_keys()


def yaml_keys() -> set[str]:
    return set(re.findall(r"[{\s,]([a-z_]+):", section("## The pipeline file")))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_expressions_is_named(name):
    assert name in words(section("### Expressions"))


def test_every_field_of_run_is_named():
    assert {f"run.{name}" for name in RUN_FIELDS} <= set(re.findall(r"run\.\w+", section("### Expressions")))


def test_every_state_is_explained():
    assert {state.value for state in TERMINAL} <= words(section("### When and states"))


def test_every_reason_of_infrastructure_is_named():
    assert set(INFRASTRUCTURE) <= words(section("### Failure"))


def test_everything_of_the_context_is_named():
    public = {name for name in dir(Context) if not name.startswith("_")} - {"metrics"}
    assert public <= words(section("## Python functions as steps"))


def test_what_is_refused_is_marked_as_not_yet_and_nothing_else_is():
    rows = {row.key for row in (*unsupported.STEP_KEYS, *unsupported.TOP_KEYS)}
    marked = {
        name
        for line in section("## The pipeline file").splitlines()
        if line.startswith("| `") and "*not yet" in line.lower()
        for name in re.findall(r"`([\w.]+)`", line.split("|")[1])
    }
    elsewhere = {"docker", "batch", "kubernetes", "store"}
    assert marked - elsewhere == rows - {"image"}


def test_the_table_of_contents_leads_to_headings():
    headings = {
        re.sub(r"[^\w -]", "", found).strip().lower().replace(" ", "-")
        for found in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([\w-]+)\)", README))
    assert links - headings == set()


def test_files_that_are_linked_exist():
    for target in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / target).exists(), target
