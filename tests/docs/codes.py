"""`python -m tests.docs.codes` writes the table of diagnostics into the README, from the catalogue."""

from __future__ import annotations

from tests.docs.blocks import ROOT
from yamlflow.schema.catalogue import CODES

START, END = "<!-- codes: written by `python -m tests.docs.codes` -->", "<!-- end of codes -->"


def table() -> str:
    """The lines between the two marks."""
    rows = [f"| `{code}` | {page.title} |" for code, page in sorted(CODES.items())]
    return "\n".join([START, "", "| Code | |", "|---|---|", *rows, "", END])


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    readme.write_text(before + table() + after, encoding="utf-8")


if __name__ == "__main__":
    main()
