"""Code blocks of Markdown files, and a project around each, so that it can be validated as it stands.

The rules, which whoever writes documentation relies on:

- A block is YAML of ours when its fence says `yaml` or `yml`, or when a line of it starts with `yamlflow:` or `steps:`.
- A block with `yamlflow:` is a whole file and is validated as it stands.
- Any other block is a fragment of the top of a file: `yamlflow: 1` is put in front, and one step that reads
  all parameters beneath when it has no `steps:`. A fragment with none of a file's keys is a fragment of `steps:`.
- A Python block whose first line is `# NAME.py` is a file beside every YAML block that follows it under the same
  heading of the first or second level. Any other callable is made up: it takes whatever it is given.
- A block whose first line is `# error: CODE` has a mistake, and gives exactly that code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent

from yamlflow.schema.model import Pipeline
from yamlflow.schema.model.records import layout

ROOT = Path(__file__).parents[2]
TOP = frozenset(layout(Pipeline).slots)
YAML = ("yaml", "yml")

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<word>\w*)[^`\n]*\n(?P<text>.*?)^(?P=indent)(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^#{1,2} .*$", re.MULTILINE)
_CALLABLE = re.compile(r"""\brun:\s*(?:["']([^"'\s]+:[\w.]+)["']|([\w./]+:[\w.]+))""")
_KEY = re.compile(r"^([\w-]+):", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, what its fence says, its text, and the Python files it may rely on."""

    file: Path
    line: int
    word: str
    text: str
    modules: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"

    @property
    def is_yaml(self) -> bool:
        return self.word in YAML or bool(re.search(r"^(yamlflow|steps):", self.text, re.MULTILINE))

    @property
    def expected(self) -> str | None:
        """The code of a block that shows a mistake."""
        found = re.match(r"# error: ([\w-]+)\n", self.text)
        return found[1] if found else None

    @property
    def whole(self) -> str:
        """The block as a file of its own."""
        keys = set(_KEY.findall(self.text))
        if "yamlflow" in keys:
            return self.text
        if not keys & TOP:
            return f"yamlflow: 1\nsteps:\n{indent(self.text, '  ')}"
        filler = "" if "steps" in keys else "\nsteps:\n  reader: {run: 'anything:read', inputs: {given: params}}\n"
        return f"yamlflow: 1\n{self.text}{filler}"


def blocks(file: Path) -> Iterator[Block]:
    """Every fenced block of a Markdown file, in order."""
    text = file.read_text(encoding="utf-8")
    headings = [found.start() for found in _HEADING.finditer(text)]
    modules: dict[str, str] = {}
    section = 0
    for found in _FENCE.finditer(text):
        here = sum(start < found.start() for start in headings)
        modules = modules if here == section else {}
        section = here
        body = re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        name = re.match(r"# ([\w/]+\.py)\n", body)
        if found["word"] == "python" and name:
            modules = {**modules, name[1]: body}
        yield Block(file, text.count("\n", 0, found.start()) + 1, found["word"], body, tuple(modules.items()))


def project_of(block: Block, folder: Path) -> Path:
    """Writes the block and all it runs into a folder; the pipeline file."""
    (folder / "yamlflow.toml").write_text("")
    for name, text in block.modules:
        _write(folder / name, text)
    for target in _targets(block.whole):
        _make_up(folder, target)
    return _write(folder / "pipeline.yaml", block.whole)


def _targets(text: str) -> list[str]:
    return [quoted or plain for quoted, plain in _CALLABLE.findall(text)]


def _make_up(folder: Path, target: str) -> None:
    """A callable that takes anything, unless the module is one of the block's own or installed."""
    module, _, name = target.partition(":")
    file = folder / (module if module.endswith(".py") else module.replace(".", "/") + ".py")
    if not file.exists() and not module.endswith(".py") and find_spec(module.partition(".")[0]) is not None:
        return
    text = file.read_text() if file.exists() else ""
    if name not in {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}:
        _write(file, f"{text}\n\ndef {name}(**given): ...\n")


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file
