"""Where steps run: profiles and limits that exist, images where they are needed, clusters where they can be."""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.schema.diagnostics import Diagnostic, Note, Span
from yamlflow.schema.files.inheritance import matches_step
from yamlflow.schema.model import Profile
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spelling import suggest

_WITH_IMAGE = frozenset({"docker", "batch", "kubernetes"})
_WITH_GANGS = frozenset({"local", "batch", "kubernetes"})


def check_executors(view: View) -> Iterator[Diagnostic]:
    for place in view.places:
        yield from _check_profile(view, place)
        yield from _check_limit(view, place)
        if not place.is_group:
            yield from _check_task(view, place)


def _check_profile(view: View, place: Place) -> Iterator[Diagnostic]:
    executor = place.step.executor
    if executor is None or view.profile(executor.use, place.unit) is not None:
        return
    span = place.value("executor", "use") if place.written("executor", "use") else place.value("executor")
    yield _unknown(view, place, executor.use, span)


def _unknown(view: View, place: Place, name: str, span: Span) -> Diagnostic:
    known = view.known_profiles(place.unit)
    near = suggest(name, known)
    listed = ", ".join(f"`{one}`" for one in known)
    hint = f"did you mean `{near}`?" if near else f"there are {listed}; declare it under `executors`"
    return Diagnostic("unknown-executor", f"there is no executor `{name}`", span, help=hint)


def _check_limit(view: View, place: Place) -> Iterator[Diagnostic]:
    limit = place.step.limit
    limits = {**view.unit.model.limits, **place.unit.model.limits}
    if limit is None or limit in limits or place.unit.spans.refused(("limits",)):
        return
    near = suggest(limit, limits)
    hint = f"did you mean `{near}`?" if near else f"declare it at the top of the file: `limits: {{{limit}: 4}}`"
    yield Diagnostic("unknown-limit", f"there is no limit `{limit}`", place.value("limit"), help=hint)


def _check_task(view: View, place: Place) -> Iterator[Diagnostic]:
    profile = view.profile(view.profile_name(place), place.unit)
    if profile is None:
        return
    if profile.type in _WITH_IMAGE and not _has_image(place, profile):
        name = view.profile_name(place)
        said = f"`{place.name}` has no image, and `{name}` runs containers"
        hint = "add `image:` to the step or to the profile"
        yield Diagnostic("no-image", said, _where(view, place), notes=_declared(view, place), help=hint)
    if place.step.cluster is not None and profile.type not in _WITH_GANGS:
        said = f"a {profile.type} executor runs no clusters"
        hint = "clusters run on `local`, `batch` and `kubernetes`"
        yield Diagnostic("no-cluster", said, place.key("cluster"), notes=_declared(view, place), help=hint)


def _has_image(place: Place, profile: Profile) -> bool:
    tweaked = place.step.executor.overrides.get("image") if place.step.executor is not None else None
    defined = getattr(profile, "job_definition", None)
    return any(one is not None for one in (place.step.image, tweaked, getattr(profile, "image", None), defined))


def _where(view: View, place: Place) -> Span:
    return place.value("executor") if place.written("executor") and not view.is_moved(place) else place.key()


def _declared(view: View, place: Place) -> tuple[Note, ...]:
    name = view.profile_name(place)
    for unit in (view.unit, place.unit):
        if name in unit.model.executors:
            return (Note(f"`{name}` is declared here", unit.key("executors", name)),)
    return ()


def check_placement(view: View) -> Iterator[Diagnostic]:
    """What `--executor` and `--default-executor` name exists."""
    known = view.known_profiles(view.unit)
    for name in view.placement.names:
        if name not in known:
            near = suggest(name, known)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(f'`{one}`' for one in known)}"
            note = Note(f"given as `--executor {name}`")
            said = f"there is no executor `{name}`"
            yield Diagnostic("unknown-executor", said, view.unit.key("executors"), notes=(note,), help=hint)
    for pattern in view.placement.patterns:
        if not any(matches_step(pattern, place.id) for place in view.places):
            near = suggest(pattern, [place.name for place in view.places])
            hint = f"did you mean `{near}`?" if near else "write `STEP=NAME`; `*` stands for anything"
            note = Note(f"given as `--executor {pattern}=…`")
            said = f"no step is called `{pattern}`"
            yield Diagnostic("unknown-step", said, view.unit.key("steps"), notes=(note,), help=hint)
