"""`python -m tests.docs.abilities` writes the table of what each executor can do into the README, from the registry."""

from __future__ import annotations

from tests.docs.blocks import ROOT
from yamlflow.executors.base import ABILITIES
from yamlflow.executors.registry import TYPES
from yamlflow.schema.unsupported import EXECUTORS

START, END = "<!-- abilities: written by `python -m tests.docs.abilities` -->", "<!-- end of abilities -->"


def table() -> str:
    """The two marks and the lines between them: a row for each ability, a column for each executor that runs steps."""
    kinds = sorted(EXECUTORS & set(TYPES), key=lambda kind: (kind != "local", kind))
    head = ["| |" + "".join(f" `{kind}` |" for kind in kinds), "|---|" + "---|" * len(kinds)]
    rows = [f"| {words} |" + "".join(f" {_cell(kind, ability)} |" for kind in kinds) for ability, words in _abilities()]
    return "\n".join([START, "", *head, *rows, "", END])


def _abilities() -> list[tuple[str, str]]:
    """What some executor lacks comes last."""
    lacked = {ability for kind in TYPES if kind in EXECUTORS for ability in TYPES[kind].lacks}
    return sorted(ABILITIES.items(), key=lambda pair: pair[0] in lacked)


def _cell(kind: str, ability: str) -> str:
    lacks = TYPES[kind].lacks
    return f"no: {lacks[ability]}" if ability in lacks else "yes"


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    readme.write_text(before + table() + after, encoding="utf-8")


if __name__ == "__main__":
    main()
