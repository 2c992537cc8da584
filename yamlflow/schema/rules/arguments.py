"""Callables: they exist, and get the arguments they take, no more and no fewer. Both ends are shown."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

from yamlflow.schema.callables import Found, Missing, Signature
from yamlflow.schema.diagnostics import Diagnostic, Note, Span
from yamlflow.schema.files.project import shown
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spelling import suggest

_LIBRARY = sysconfig.get_path("stdlib")
_REFERENCE = "write `package.module:callable` or `file.py:callable`"


def check_callables(view: View) -> Iterator[Diagnostic]:
    """Every `run` names something that can be called with the step's arguments."""
    for place in view.places:
        if place.step.run is not None and not place.unit.spans.refused((*place.path, "run")):
            yield from _check_run(view, place, place.step.run)
        yield from _check_catch(view, place)


def _check_run(view: View, place: Place, reference: str) -> Iterator[Diagnostic]:
    span = place.value("run")
    if not _is_reference(reference):
        yield Diagnostic("bad-callable", f"`{reference}` names no callable", span, help=_repaired(reference))
        return
    found = view.callable(place)
    if isinstance(found, Missing):
        yield _missing(found, reference, span)
    elif isinstance(found, Found) and found.signature is not None:
        yield from _check_signature(place, found.signature, reference)


def _is_reference(reference: str) -> bool:
    where, colon, name = reference.partition(":")
    named = bool(colon) and all(part.isidentifier() for part in name.split("."))
    return named and (where.endswith(".py") or all(part.isidentifier() for part in where.split(".")))


def _repaired(reference: str) -> str:
    """`package.module.fit` for people who write a dot before the callable."""
    head, dot, last = reference.rpartition(".")
    if ":" not in reference and dot and reference.replace(".", "").isidentifier() and last != "py":
        return f"did you mean `{head}:{last}`?"
    return _REFERENCE


def _missing(found: Missing, reference: str, span: Span) -> Diagnostic:
    """The finding, pointing at the part of the reference that is wrong."""
    place = _place(found.file, found.line)
    notes = (Note("it stands here", place),) if place is not None else ()
    match found.what:
        case "module":
            where = f" in `{found.within}`" if found.within else ""
            said = f"there is no module `{found.name}`{where}"
            return Diagnostic(
                "module-not-found", said, _part(span, reference, found.name), help=_near(found) or _search()
            )
        case "file":
            said = f"there is no file `{found.name}` beside the pipeline"
            return Diagnostic("module-not-found", said, _part(span, reference, found.name), help=_near(found))
        case "syntax":
            said = f"`{found.within}` is no Python: {found.name}"
            return Diagnostic("module-broken", said, _part(span, reference, found.within), notes=notes)
        case "not_callable":
            said = f"`{reference}` is {found.name}, nothing that can be called"
            return Diagnostic("not-callable", said, span, notes=notes, help=_REFERENCE)
        case "instance_method":
            said = f"`{found.name}` is a method of instances: nobody makes the instance"
            return Diagnostic(
                "not-callable", said, span, notes=notes, help="write a function that makes one and calls it"
            )
    said = f"`{found.within}` has no `{found.name}`"
    help_text = _near(found)
    notes = (Note(f"this is `{found.within}`", place),) if place is not None else ()
    return Diagnostic("callable-not-found", said, _part(span, reference, found.name), notes=notes, help=help_text)


def _near(found: Missing) -> str | None:
    near = suggest(found.name, found.candidates)
    return f"did you mean `{near}`?" if near else None


def _search() -> str:
    return (
        "modules are sought beside the file, in its `src/`, in the project's root and its `src/`, "
        "then among installed packages"
    )


def _part(span: Span, reference: str, part: str) -> Span:
    """The place of a part of the reference, when it stands on one line as it is."""
    at = reference.rfind(part)
    width = span.end_column - span.column
    quoted = (width - len(reference)) // 2
    if at < 0 or span.line != span.end_line or width - len(reference) not in (0, 2):
        return span
    start = span.column + quoted + at
    return Span(span.path, span.line, start, span.line, start + len(part))


def _note(file: str, line: int, text: str) -> Note:
    return Note(text, _place(file, line))


def _place(file: str, line: int) -> Span | None:
    """A place in the user's own code; what is installed has none that a user could change."""
    if not file or any(part in ("site-packages", "dist-packages") for part in Path(file).parts):
        return None
    where = shown(Path(file))
    return Span(where, line, 1, line, 1) if not Path(file).is_relative_to(_LIBRARY) else None


# ------------------------------------------------------------ arguments


def _check_signature(place: Place, signature: Signature, reference: str) -> Iterator[Diagnostic]:
    note = _note(signature.file, signature.line, signature.text)
    if signature.generator:
        said = f"`{reference}` is a generator: a step gives a value"
        yield Diagnostic("generator", said, place.value("run"), notes=(note,), help="return a list")
        return
    if place.unit.spans.refused((*place.path, "inputs")) or place.unit.spans.refused((*place.path, "with")):
        return
    given = [("inputs", name) for name in place.step.inputs] + [("with", name) for name in place.step.with_]
    lacking = [
        one.name for one in signature.parameters if _is_lacking(one.name, signature, {name for _, name in given})
    ]
    for key, name in given:
        found = _check_argument(place, signature, reference, key, name, note)
        if found is not None:
            yield found
            meant = suggest(name, lacking)
            lacking = [one for one in lacking if one != meant]
    if lacking:
        yield _lacking(place, reference, lacking, note)


def _is_lacking(name: str, signature: Signature, given: set[str]) -> bool:
    parameter = signature.get(name)
    return parameter is not None and parameter.required and not parameter.is_context and name not in given


def _check_argument(
    place: Place, signature: Signature, reference: str, key: str, name: str, note: Note
) -> Diagnostic | None:
    parameter = signature.get(name)
    span = place.key(key, name)
    if parameter is not None and parameter.is_context:
        said = f"`{name}` is yamlflow's Context: it is filled by itself"
        return Diagnostic("unknown-argument", said, span, notes=(note,), help=f"remove `{name}`")
    if parameter is not None or signature.takes_any_name:
        return None
    taken = {*place.step.inputs, *place.step.with_}
    free = [one.name for one in signature.parameters if one.is_named and not one.is_context and one.name not in taken]
    near = suggest(name, free)
    hint = f"did you mean `{near}`?" if near else _only(free, signature)
    return Diagnostic("unknown-argument", f"`{reference}` has no parameter `{name}`", span, notes=(note,), help=hint)


def _only(free: list[str], signature: Signature) -> str | None:
    if not any(one.is_named and not one.is_context for one in signature.parameters):
        return "it takes no arguments"
    return f"it also takes {', '.join(f'`{name}`' for name in free[:8])}" if free else None


def _lacking(place: Place, reference: str, lacking: list[str], note: Note) -> Diagnostic:
    listed = ", ".join(f"`{name}`" for name in lacking)
    said = f"`{reference}` needs {listed}, and nothing gives {'it' if len(lacking) == 1 else 'them'}"
    example = f"add `inputs: {{{lacking[0]}: …}}`"
    return Diagnostic("missing-argument", said, place.value("run"), notes=(note,), help=example)


# ------------------------------------------------------------ catch


def _check_catch(view: View, place: Place) -> Iterator[Diagnostic]:
    """`catch.run` gets the step's own arguments and `error`."""
    catch = place.step.catch
    if catch is None or catch.run is None or place.unit.spans.refused((*place.path, "catch")):
        return
    span = place.value("catch", "run")
    if not _is_reference(catch.run):
        yield Diagnostic("bad-callable", f"`{catch.run}` names no callable", span, help=_repaired(catch.run))
        return
    found = view.finder(place.unit).find(catch.run, installed=view.executor_type(place) == "local")
    if isinstance(found, Missing):
        yield _missing(found, catch.run, span)
    elif isinstance(found, Found) and found.signature is not None:
        yield from _check_rescuer(place, found.signature, catch.run, span)


def _check_rescuer(place: Place, signature: Signature, reference: str, span: Span) -> Iterator[Diagnostic]:
    note = _note(signature.file, signature.line, signature.text)
    given = {*place.step.inputs, *place.step.with_, "error"}
    lacking = [one.name for one in signature.parameters if _is_lacking(one.name, signature, given)]
    unknown = [] if signature.takes_any_name else sorted(name for name in given if signature.get(name) is None)
    if lacking:
        said = f"`{reference}` needs `{lacking[0]}`, and gets the step's own arguments and `error`"
        yield Diagnostic("missing-argument", said, span, notes=(note,))
    elif unknown:
        said = f"`{reference}` has no parameter `{unknown[0]}`: it gets the step's own arguments and `error`"
        yield Diagnostic("unknown-argument", said, span, notes=(note,), help="add it, or `**others`")
