"""What travels: the folder of the code exists, and no module is missing where a step runs.

Asked of steps whose executor gets the code sent; a task on this machine finds
the project itself. Which files travel is for the caller to say (`View.select`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from yamlflow.schema.callables.needs import Needs
from yamlflow.schema.diagnostics import Diagnostic, Note, Span
from yamlflow.schema.files.project import import_roots, shown
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.view import View


def check_shipping(view: View) -> Iterator[Diagnostic]:
    """The root of `code` is a folder; every module of the project that a callable needs is in the package."""
    code = view.unit.model.code
    if code is not None and code.root is not None and not view.shipped_root.is_dir():
        yield Diagnostic("bad-value", f"there is no folder `{code.root}`", view.unit.value("code", "root"))
        return
    needs: dict[Path, Needs] = {}
    told: set[Path] = set()
    for place, reference, span in _shipped(view):
        asked = needs.setdefault(place.unit.folder, Needs(import_roots(place.unit.folder)))
        files = [file for file in asked.of(reference) if file not in told]
        told.update(files)
        yield from _missing(view, place, reference, span, files)


def _shipped(view: View) -> Iterator[tuple[Place, str, Span]]:
    """Every callable whose code is sent somewhere."""
    for place in view.places:
        profile = view.profile(view.profile_name(place), place.unit)
        if place.is_group or view.select is None or profile is None or not profile.ships_code:
            continue
        if place.step.run is not None and not place.unit.spans.refused((*place.path, "run")):
            yield place, place.step.run, place.value("run")
        if place.step.catch is not None and place.step.catch.run is not None:
            yield place, place.step.catch.run, place.value("catch", "run")


def _missing(view: View, place: Place, reference: str, span: Span, files: Iterable[Path]) -> Iterator[Diagnostic]:
    """One finding for each reason: the first file, and how many more."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for file in files:
        absence = _absence(view, file)
        if absence is not None:
            found.setdefault(absence[0], []).append((file, absence[1]))
    for why, ((file, hint), *more) in found.items():
        what, verb = (f" and {len(more)} more", "do") if more else ("", "does")
        said = f"`{shown(file)}`{what} {verb} not travel to `{view.profile_name(place)}`: {why}"
        note = f"`{reference}` needs {'them' if more else 'it'}; of the project only the package is there"
        yield Diagnostic("not-shipped", said, span, notes=(Note(note),), help=hint)


def _absence(view: View, file: Path) -> tuple[str, str] | None:
    root = view.shipped_root
    if file.is_relative_to(root):
        assert view.travelling is not None
        return view.travelling.absence(file)
    common = os.path.relpath(os.path.commonpath([root, file]), view.unit.folder)
    return f"it lies outside of `{shown(root)}`", f"ship a folder that holds both: `code: {{root: {common}}}`"
