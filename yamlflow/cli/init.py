"""`yamlflow init`: a pipeline that runs, its Python module, the schema beside them; never overwrites a file."""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from yamlflow.cli.output.words import command
from yamlflow.core.errors import SetupError, UsageError

SCHEMA_FILE = "pipeline.schema.json"
_TEMPLATE_FILES = ("pipeline.yaml", "tasks.py")


class Template(StrEnum):
    QUICKSTART = "quickstart"
    ETL = "etl"
    SWEEP = "sweep"


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; it is made if need be.")] = Path(),
    template: Annotated[Template, typer.Option("--template", help="What to start from.")] = Template.QUICKSTART,
) -> None:
    """Start a project: a pipeline that runs, its Python module, and the schema for editors."""
    taken = [name for name in _TEMPLATE_FILES if (folder / name).exists()]
    if taken:
        raise UsageError(
            f"{' and '.join(str(folder / name) for name in taken)} exists already: nothing was written",
            hint="choose another folder: yamlflow init DIR",
        )
    for name, text in contents(template).items():
        _write(folder / name, text)
    print(f"Made {', '.join(str(folder / name) for name in _TEMPLATE_FILES)}.")
    print(f"Run it: {command('run', str(folder / 'pipeline.yaml'))}")


def contents(template: Template) -> dict[str, str]:
    """File name to text of a template, with the schema for editors."""
    from yamlflow.cli.schema import schema_text

    source = files("yamlflow.cli") / "templates" / template.value
    texts = {name: (source / name).read_text(encoding="utf-8") for name in _TEMPLATE_FILES}
    return {**texts, SCHEMA_FILE: schema_text() + "\n"}


def _write(path: Path, text: str) -> None:
    """Writes a new file; one that came to be in the meantime stays as it is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if not path.is_file():
            raise UsageError(
                f"{path} is in the way: not a file", hint="choose another folder: yamlflow init DIR"
            ) from None
    except OSError as error:
        raise SetupError(
            f"cannot write {path}: {error.strerror}", hint="choose a folder that you may write to"
        ) from error
