"""`yamlflow validate`: every problem of every file at once; never imports the user's code, never runs anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yamlflow.cli.choices import ink
from yamlflow.cli.options import ColorOption, OverlayOption, pipeline_file
from yamlflow.cli.output.terminal import Pen
from yamlflow.cli.output.text import safe_json
from yamlflow.cli.output.words import count
from yamlflow.cli.reading import Wish, checked, shown, summary

if TYPE_CHECKING:
    from yamlflow.schema.diagnostics import Diagnostic
    from yamlflow.schema.loader import Loaded

STDIN = "-"


class Form(StrEnum):
    FULL = "full"
    CONCISE = "concise"
    JSON = "json"


def validate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILES", help="Pipeline files; `-` is standard input.", show_default=False),
    ] = None,
    overlay: OverlayOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    skip_other_yaml: Annotated[
        bool, typer.Option("--skip-other-yaml", help="Pass over files that have no `yamlflow:` key, for use in a hook.")
    ] = False,
    output_format: Annotated[Form, typer.Option("--output-format", help="How findings are printed.")] = Form.FULL,
    color: ColorOption = None,
) -> int:
    """Check pipeline files and show every problem with its line; exit 1 if there is an error."""
    results = list(_results(files or [pipeline_file(None)], overlay or [], skip=skip_other_yaml))
    if output_format is Form.JSON:
        print(safe_json(_document(results), indent=2))
    else:
        _print(results, output_format, ink(sys.stdout, color))
    return int(any(_bad(found, strict=strict) for result in results for found in result.diagnostics))


def _results(files: list[Path], overlays: list[Path], *, skip: bool) -> Iterator[Loaded]:
    for file in files:
        stdin = sys.stdin.buffer.read() if str(file) == STDIN else None
        result = checked(Wish(file, overlays), stdin)
        if not (skip and _is_other_yaml(result)):
            yield result


def _is_other_yaml(result: Loaded) -> bool:
    """Whether the file never said that it is a pipeline."""
    from yamlflow.schema.nodes import Mapping

    root = result.spans.root if result.spans is not None else None
    if isinstance(root, Mapping):
        return all(entry.key.value != "yamlflow" for entry in root.entries)
    texts = [source.text for source in result.sources.values()]
    return bool(texts) and not any(line.startswith("yamlflow") for text in texts for line in text.splitlines())


def _bad(found: Diagnostic, *, strict: bool) -> bool:
    return strict or found.severity.value == "error"


def _print(results: list[Loaded], form: Form, pen: Pen) -> None:
    findings = [found for result in results for found in result.diagnostics]
    gap = "\n" if form is Form.FULL else ""
    for result in results:
        for block in shown(result, result.diagnostics, form.value, pen):
            print(block + gap)
    if findings:
        print(summary(findings), file=sys.stderr)
    elif form is Form.FULL:
        print(f"{count(len(results), 'file')} checked: no problem found", file=sys.stderr)


def _document(results: list[Loaded]) -> dict[str, Any]:
    from yamlflow.schema.diagnostics import to_json

    return {"schema": 1, "diagnostics": [to_json(found) for result in results for found in result.diagnostics]}
