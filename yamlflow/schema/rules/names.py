"""Names that expressions read: parameters, steps, loop variables, fields of a run, variables.

Whether a name exists where it is read, and whether what it stands for can be
seen from there.
"""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.core.expressions import Reference
from yamlflow.schema.diagnostics import Diagnostic, Note
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.sites import Role, Site, variables
from yamlflow.schema.scopes.view import Reading, View
from yamlflow.schema.spelling import suggest

RUN_FIELDS = ("id", "name", "date", "time", "attempt", "dir", "state", "error")


def check_references(view: View) -> Iterator[Diagnostic]:
    """Everything that is read exists and can be seen."""
    for site in view.sites:
        for reference in site.expression.references:
            if reference.path:
                yield from _check(site, reference)
            elif reference.root == "each":
                yield from _check_each_alone(site, reference)
            elif reference.root == "steps":
                hint = "name a step: `steps.prep`"
                yield Diagnostic("unknown-step", "`steps` alone is no value", site.at(reference), help=hint)
    for reading in view.readings:
        yield from _check_value(reading)


def _check(site: Site, reference: Reference) -> Iterator[Diagnostic]:
    name = str(reference.path[0])
    match reference.root:
        case "params":
            if name not in site.unit.model.params:
                yield _unknown_parameter(site, reference, name)
        case "steps":
            if site.find(name) is None:
                yield _unknown_step(site, reference, name)
        case "each":
            yield from _check_each(site, reference, name)
        case "run":
            if name not in RUN_FIELDS:
                yield _unknown(site, reference, "unknown-field", f"`run` has no `{name}`", name, RUN_FIELDS)
        case "env":
            yield from _check_env(site, reference, name)
        case "inputs":
            yield from _check_input(site, reference, name)


def _unknown(
    site: Site, reference: Reference, code: str, message: str, name: str, known: tuple[str, ...] | list[str]
) -> Diagnostic:
    near = suggest(name, known)
    some = ", ".join(f"`{one}`" for one in list(known)[:12])
    has = "the steps here are" if reference.root == "steps" else "it has"
    hint = f"did you mean `{reference.root}.{near}`?" if near else (f"{has} {some}" if some else None)
    return Diagnostic(code, message, site.at(reference), help=hint)


def _unknown_parameter(site: Site, reference: Reference, name: str) -> Diagnostic:
    known = list(site.unit.model.params)
    found = _unknown(site, reference, "unknown-parameter", f"there is no parameter `{name}`", name, known)
    if found.help is None:
        return Diagnostic(found.code, found.message, found.span, help=f"declare it: `params: {{{name}: …}}`")
    return found


def _unknown_step(site: Site, reference: Reference, name: str) -> Diagnostic:
    inside = _group_with(site, name)
    if inside is not None:
        said = (
            f"the step `{name}` is inside the group `{inside.name}`: from outside only the group's outputs are visible"
        )
        hint = f"add `{name}: steps.{name}` to the `outputs` of `{inside.name}`, and read `steps.{inside.name}.{name}`"
        note = Note(f"`{name}` stands here", inside.children[name].key())
        return Diagnostic("hidden-step", said, site.at(reference), notes=(note,), help=hint)
    if name == "each":
        hint = "write `each.name` for a loop variable, `steps.fit.each.name` for those of a step"
        return Diagnostic("unknown-step", "there is no step `each`", site.at(reference), help=hint)
    return _unknown(site, reference, "unknown-step", f"there is no step `{name}`", name, site.visible())


def _group_with(site: Site, name: str) -> Place | None:
    """A group of the same file that has a step of this name inside."""
    return next((place for place in site.unit.own_places() if name in place.children), None)


def _check_value(reading: Reading) -> Iterator[Diagnostic]:
    """What is read of a step that exists."""
    source, site, reference = reading.source, reading.site, reading.reference
    if reading.holder is source:
        yield _self(reading)
    elif not reference.status_only and not site.unit.spans.refused((*source.path, "outputs")):
        yield from _check_fields(reading, [part for part in reading.rest if isinstance(part, str)])


def _self(reading: Reading) -> Diagnostic:
    site, source = reading.site, reading.source
    if site.place is source:
        said = f"the step `{source.name}` reads itself"
        hint = "the rounds of a group see the round before: `repeat`" if not source.is_group else None
    else:
        said = f"`{source.name}` is the group this step is in: it has no value before its steps have ended"
        hint = "read the steps beside this one, or the group's loop variables as `each.name`"
    return Diagnostic("self-reference", said, site.at(reading.reference), help=hint)


def _check_fields(reading: Reading, fields: list[str]) -> Iterator[Diagnostic]:
    source = reading.source
    if source.step.foreach is not None and fields[:1] == ["each"]:
        yield from _check_loop_variable(reading, fields)
        return
    names = _output_names(source)
    if fields and _catch_lacks(source, fields[0]):
        yield _not_caught(reading, fields[0])
    if names is None:
        return
    if not names:
        yield _no_value(reading)
    elif fields and fields[0] not in names:
        yield _unknown_output(reading, fields[0], names)


def _output_names(place: Place) -> list[str] | None:
    """The names of a step's outputs; None when only its callable knows them."""
    step = place.step
    if step.uses is not None:
        return list(place.inner.model.outputs) if place.inner is not None else None
    if step.steps is not None:
        return list(step.output_expressions)
    if step.run is not None:
        return list(step.output_names) or None
    return list(step.output_places) if step.kind is not None else None


def _catch_lacks(place: Place, field: str) -> bool:
    """Whether the value that stands in after a failure has no such field; null has none, and stays null."""
    catch = place.step.catch
    if catch is None or catch.run is not None or catch.set is None or place.is_group:
        return False
    return not isinstance(catch.set, dict) or field not in catch.set


def _not_caught(reading: Reading, field: str) -> Diagnostic:
    source = reading.source
    said = f"after a failure of `{source.name}` there is no `{field}`: `catch` does not set it"
    note = Note("what stands in for the value", source.key("catch", "set"))
    hint = f"add it: `set: {{{field}: null}}`"
    return Diagnostic("unknown-output", said, reading.site.at(reading.reference), notes=(note,), help=hint)


def _no_value(reading: Reading) -> Diagnostic:
    source = reading.source
    kind = "file" if source.step.uses else ("group" if source.is_group else "command")
    said = f"`{source.name}` has no value: the {kind} declares no `outputs`"
    example = "`outputs: {auc: steps.fit.auc}`" if source.is_group else "`outputs: {table: {file: table.csv}}`"
    hint = f"declare some: {example}; or write `needs: [{source.name}]` for the order alone"
    return Diagnostic("no-value", said, reading.site.at(reading.reference), help=hint)


def _unknown_output(reading: Reading, field: str, names: list[str]) -> Diagnostic:
    source, span = reading.source, reading.site.at(reading.reference)
    inner = source.contents().get(field)
    if inner is not None:
        looks = f"`steps.{source.name}.{field}` looks into the group `{source.name}`"
        said = f"{looks}: from outside only its outputs are visible"
        hint = f"add `{field}: steps.{field}` to its `outputs`"
        return Diagnostic("hidden-step", said, span, notes=(Note(f"`{field}` stands here", inner.key()),), help=hint)
    near = suggest(field, names)
    listed = ", ".join(f"`{name}`" for name in names)
    hint = f"did you mean `steps.{source.name}.{near}`?" if near else f"its outputs are {listed}"
    note = Note("its outputs stand here", source.inner.key("outputs") if source.inner else source.key("outputs"))
    said = f"`{source.name}` has no output `{field}`"
    return Diagnostic("unknown-output", said, span, notes=(note,), help=hint)


def _check_loop_variable(reading: Reading, fields: list[str]) -> Iterator[Diagnostic]:
    source, span = reading.source, reading.site.at(reading.reference)
    known = [name for place in source.below() for name in variables(place) if place.step.foreach is not None]
    if len(fields) < 2:
        hint = f"name one: `steps.{source.name}.each.{known[0]}`"
        yield Diagnostic("unknown-variable", "`.each` alone is no value", span, help=hint)
    elif fields[1] not in (*known, "index"):
        near = suggest(fields[1], known)
        hint = f"did you mean `steps.{source.name}.each.{near}`?" if near else f"it has {_listed(known)}"
        said = f"the loop of `{source.name}` has no variable `{fields[1]}`"
        yield Diagnostic("unknown-variable", said, span, notes=(Note("the loop", source.key("foreach")),), help=hint)


# ------------------------------------------------------------ each, env, inputs


def loop_names(site: Site) -> list[str] | None:
    """The loop variables that can be read at a site, innermost first; None outside any loop."""
    place = site.place
    if place is None:
        return None
    own = variables(place) if site.role not in (Role.FOREACH, Role.START) else []
    if place.step.repeat is not None and site.role not in (Role.OUTPUT, Role.UNTIL):
        own = [name for name in own if name not in place.step.repeat.start]
    if site.role is Role.START and place.step.foreach is not None:
        own = [name for axis in place.step.foreach.axes for name in axis.names]
    looped = (place.step.foreach is not None and site.role is not Role.FOREACH) or bool(own)
    for group in place.around():
        own += variables(group)
        looped = looped or group.step.foreach is not None
    if not own and not looped:
        return None
    return [*own, "index"] if looped else own


def _check_each_alone(site: Site, reference: Reference) -> Iterator[Diagnostic]:
    if loop_names(site) is None:
        yield _outside(site, reference)


def _check_each(site: Site, reference: Reference, name: str) -> Iterator[Diagnostic]:
    known = loop_names(site)
    place = site.place
    if site.role is Role.FOREACH and place is not None and name in variables(place) and name not in (known or ()):
        said = f"`each.{name}` is not known where its own loop is made"
        hint = "put the outer loop on a group around this step, or let a step compute the list"
        yield Diagnostic("unknown-variable", said, site.at(reference), help=hint)
    elif known is None:
        yield _outside(site, reference)
    elif name not in known:
        yield _unknown(site, reference, "unknown-variable", f"no loop around here binds `{name}`", name, known)


def _outside(site: Site, reference: Reference) -> Diagnostic:
    name = f".{reference.path[0]}" if reference.path else ""
    said = f"`each{name}` stands outside any loop"
    hint = "give the step a `foreach`, or put it into a group that has one"
    if site.place is None:
        hint = "a loop's variables are read as `steps.fit.each.name`"
    return Diagnostic("each-outside-loop", said, site.at(reference), help=hint)


def _check_env(site: Site, reference: Reference, name: str) -> Iterator[Diagnostic]:
    allowed = site.unit.model.env_allow
    if name not in allowed:
        near = suggest(name, allowed)
        hint = f"did you mean `env.{near}`?" if near else f"allow it: `env_allow: [{', '.join((*allowed, name))}]`"
        said = f"the variable `{name}` is not in `env_allow`"
        yield Diagnostic("unknown-variable", said, site.at(reference), help=hint)


def _check_input(site: Site, reference: Reference, name: str) -> Iterator[Diagnostic]:
    if site.place is None:
        return
    known = [*site.place.step.inputs, *site.place.step.with_]
    if name not in known:
        yield _unknown(site, reference, "unknown-argument", f"the step has no input `{name}`", name, known)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# ------------------------------------------------------------ names that hide others


def check_hidden_names(view: View) -> Iterator[Diagnostic]:
    """An inner step or loop variable does not take the name of an outer one."""
    for place in view.places:
        yield from _hidden_step(place)
        yield from _hidden_variables(place)


def _hidden_step(place: Place) -> Iterator[Diagnostic]:
    for group in place.around():
        other = group.scope.get(place.name)
        if other is not None:
            word = "the group it is in" if other is group else "a step outside"
            said = f"the step `{place.name}` hides {word} of the same name"
            note = Note(f"the other `{place.name}` stands here", other.key())
            yield Diagnostic("hidden-name", said, place.key(), notes=(note,), help="rename one of the two")
            return


def _hidden_variables(place: Place) -> Iterator[Diagnostic]:
    for name in variables(place):
        for group in place.around():
            if name in variables(group) and name != "item":
                key = "foreach" if group.step.foreach is not None else "repeat"
                said = f"the loop variable `{name}` hides the one of `{group.name}`"
                note = Note(f"`{group.name}` binds `{name}` here", group.key(key, name))
                own = "foreach" if place.step.foreach is not None else "repeat"
                yield Diagnostic("hidden-name", said, place.key(own, name), notes=(note,), help="rename one of the two")
                break
