"""Outputs as files in a folder the user names: `--output-dir` and `artifacts get`. Never moves what is stored."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from yamlflow.cli.output.documents import plain
from yamlflow.cli.output.text import safe_json
from yamlflow.core.errors import SetupError, UsageError
from yamlflow.core.values import ArtifactRef, Document, decode_ref
from yamlflow.store.local import LocalStore


def check_place(folder: Path) -> None:
    """SetupError when this is no folder that files can be written to, and cannot be made one."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise SetupError(f"cannot write to {folder}: {nearest} is no folder", hint="choose another --output-dir")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise SetupError(f"cannot write to {folder}: Permission denied", hint="choose another --output-dir")


def export(outputs: Mapping[str, Document], folder: Path, store: LocalStore) -> list[str]:
    """Each output as a file: stored files under `name/` with their own names, anything else as `name.json`.

    What has the same name there is replaced: a second run writes over the first one's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [name for key, value in outputs.items() for name in _export_one(key, value, folder, store)]
    except OSError as error:
        raise SetupError(
            f"cannot write to {folder}: {error.strerror or error}", hint="choose another --output-dir"
        ) from error


def _export_one(name: str, value: Document, folder: Path, store: LocalStore) -> Iterator[str]:
    refs = list(_files(value))
    for ref in refs:
        target = folder / name / _base_name(ref)
        copy(store.path(ref), target)
        yield str(target.relative_to(folder))
    if not refs or not (isinstance(value, dict) and "$artifact" in value):
        text = safe_json(plain(value, lambda ref: f"{name}/{_base_name(ref)}"), indent=2)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        yield f"{name}.json"


def copy(source: Path, target: Path) -> None:
    """Copies a stored file or folder to a place of the user's, with ordinary permissions."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)


def _base_name(ref: ArtifactRef) -> str:
    """A file's own name, never a path; other formats by digest and suffix."""
    name = Path(ref.name).name
    return name or f"{ref.digest[:12]}.{ref.format}"


def _files(value: Document) -> Iterator[ArtifactRef]:
    """The references in a document, outermost first."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("$artifact"), dict):
        yield decode_ref(value["$artifact"])  # type: ignore[arg-type] # checked the line above
    elif isinstance(value, dict):
        for item in value.values():
            yield from _files(item)
    elif isinstance(value, list):
        for item in value:
            yield from _files(item)


def fetch(value: Document, output: Path | None, name: str, store: LocalStore) -> Path:
    """Writes one value to a path that must not exist yet, in a folder under its own name; gives the path."""
    refs = list(_files(value)) if isinstance(value, dict) and "$artifact" in value else []
    target = _target(output, _base_name(refs[0]) if refs else f"{_file_name(name)}.json")
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} exists already: nothing was written", hint="choose another name with -o PATH")
    try:
        if refs:
            copy(store.path(refs[0]), target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(
                safe_json(plain(value, lambda ref: str(store.path(ref))), indent=2) + "\n", encoding="utf-8"
            )
    except OSError as error:
        raise SetupError(
            f"cannot write {target}: {error.strerror or error}", hint="choose another place with -o PATH"
        ) from error
    return target


def _target(output: Path | None, own: str) -> Path:
    if output is None:
        return Path(own)
    return output / own if output.is_dir() else output


def _file_name(name: str) -> str:
    """A task's name as a file's: letters, digits, dots, dashes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "value"
