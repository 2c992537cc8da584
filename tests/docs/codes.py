"""`python -m tests.docs.codes` writes the table of diagnostics into the README, from the catalogue: two codes a row."""

from __future__ import annotations

from tests.docs.blocks import ROOT
from yamlflow.schema.catalogue import CODES

START, END = "<!-- codes: written by `python -m tests.docs.codes` -->", "<!-- end of codes -->"


def table() -> str:
    """The lines between the two marks."""
    cells = [f"`{code}` | {page.title}" for code, page in sorted(CODES.items())]
    half = (len(cells) + 1) // 2
    right = [*cells[half:], *([" | "] if len(cells) % 2 else [])]
    rows = [f"| {one} | {other} |" for one, other in zip(cells[:half], right, strict=True)]
    return "\n".join([START, "", "| Code | | Code | |", "|---|---|---|---|", *rows, "", END])


def listed(text: str) -> dict[str, str]:
    """The codes and titles between the marks of a text."""
    found: dict[str, str] = {}
    for line in text.partition(START)[2].partition(END)[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        pairs = zip(cells[::2], cells[1::2], strict=False)
        found |= {code.strip("`"): title for code, title in pairs if code.startswith("`")}
    return found


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    readme.write_text(before + table() + after, encoding="utf-8")


if __name__ == "__main__":
    main()
