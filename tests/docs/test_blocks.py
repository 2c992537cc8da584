"""Every YAML block of the documentation goes through the validator."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks, project_of
from yamlflow.cli.init import Template, contents
from yamlflow.schema.loader import check

DOCUMENTS = sorted(
    file
    for file in (
        *ROOT.glob("*.md"),
        *ROOT.glob("samples/**/*.md"),
        *ROOT.glob("yamlflow/**/*.md"),
        *ROOT.glob(".github/*.md"),
    )
    if ".venv" not in file.parts
)
BLOCKS = [block for file in DOCUMENTS for block in blocks(file)]
YAML_BLOCKS = [block for block in BLOCKS if block.is_yaml]
SAMPLES = sorted(ROOT.glob("samples/*/*.yaml"))


def complaints(file: Path) -> list[str]:
    """Errors and warnings, one line each."""
    return [
        f"{found.span.line}: {found.code}: {found.message} ({found.help})" for found in check(str(file)).diagnostics
    ]


@pytest.mark.parametrize("block", YAML_BLOCKS, ids=lambda block: block.place)
def test_a_block_is_valid_or_shows_the_mistake_it_announces(block, tmp_path):
    file = project_of(block, tmp_path)
    codes = {found.code for found in check(str(file)).diagnostics}
    if block.expected:
        assert codes == {block.expected}
    else:
        assert complaints(file) == [], f"\n{file.read_text()}"


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_sample_is_valid(file):
    assert complaints(file) == []


@pytest.mark.parametrize("template", list(Template))
def test_what_init_writes_is_valid(template, tmp_path):
    for name, text in contents(template).items():
        (tmp_path / name).write_text(text)
    assert complaints(tmp_path / "pipeline.yaml") == []


def test_blocks_are_found_whatever_their_fence_is_called(tmp_path):
    texts = [
        "```yaml\na: 1\n```",
        "```yml\na: 1\n```",
        "```\nsteps: {}\n```",
        "~~~text\nyamlflow: 1\n~~~",
        "```sh\nls\n```",
    ]
    file = tmp_path / "x.md"
    file.write_text("\n\n".join(texts) + "\n")
    assert [block.is_yaml for block in blocks(file)] == [True, True, True, True, False]


def test_a_block_in_a_list_loses_its_indent(tmp_path):
    file = tmp_path / "x.md"
    file.write_text("- like this:\n\n  ```yaml\n  yamlflow: 1\n  ```\n")
    (block,) = blocks(file)
    assert (block.line, block.text) == (3, "yamlflow: 1\n")


def test_a_mistake_in_a_block_is_noticed(tmp_path):
    block = Block(ROOT / "README.md", 1, "yaml", "steps:\n  fit: {run: 'a:b', inputs: {x: steps.nowhere}}\n")
    assert "unknown-step" in complaints(project_of(block, tmp_path))[0]


def test_the_documentation_has_blocks_at_all():
    assert len(YAML_BLOCKS) >= 12
