"""Keys that the file may have and this version does not honour: refused before a run, never ignored.

One table. A key that the engine learns to honour loses its row. `validate`
accepts such a file; `run` and `plan` do not. What a step does not need where
it really runs (an image on `local` after `--executor local`) does not stop it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Diagnostic, Severity, Span, file_order
from yamlflow.schema.scopes.places import Place, Unit
from yamlflow.schema.scopes.view import LOCAL, View
from yamlflow.schema.spans import Path as Keys

EXECUTORS = frozenset({"local", "docker"})
"""The types of executors that run steps today."""


@dataclass(frozen=True, slots=True)
class Row:
    """A key that is not honoured. `asks`: whether this step really asks for it; None: whenever it is written."""

    key: str
    why: str
    asks: Callable[[View, Place], bool] | None = None
    severity: Severity = Severity.ERROR


def _stays(view: View, place: Place) -> bool:
    """The step runs on `local` because the file says so."""
    return view.executor_type(place) == LOCAL and not view.is_moved(place)


STEP_KEYS = (
    Row("cluster", "clusters do not run yet"),
    Row("image", "`local` runs no images", _stays),
    Row("requirements", "environments are not built yet"),
)
IN_VAIN = {
    "local": {"spot": "never taken away", "shm": "shared by all", "disk": "not measured"},
    "docker": {"spot": "never taken away", "disk": "not measured"},
}
"""Requests that mean nothing where a step runs, by the type of its executor."""

GROUP_KEYS = (Row("deadline", "a group has no deadline of its own yet"),)
LOCAL_SLOTS = ("cpu", "memory", "gpus")
TOP_KEYS = (
    Row("schedule", "nothing starts by itself yet"),
    Row("keep", "nothing is cleaned up yet"),
)
SECRET_STORES = ("env:", "file:")
"""The beginnings of references to secrets that can be resolved today."""


def unsupported(view: View) -> list[Diagnostic]:
    """What stops a run of this pipeline today, and what has no effect where it would run."""
    found = [*_top(view.unit)]
    for place in view.places:
        found.extend(_group(place) if place.is_group else _step(view, place))
    for name in {view.profile_name(place): None for place in view.places if not place.is_group}:
        found.extend(_profile(view, name))
    return file_order(found)


def _refused(
    what: str, why: str, span: Span, severity: Severity = Severity.ERROR, hint: str | None = None
) -> Diagnostic:
    return Diagnostic("not-yet-supported", f"{what}: {why}", span, severity, help=hint)


def _top(unit: Unit) -> Iterator[Diagnostic]:
    for row in TOP_KEYS:
        if unit.spans.has((row.key,)):
            yield _refused(f"`{row.key}`", row.why, unit.key(row.key), row.severity)
    if unit.model.store != "local":
        yield _refused("`store`", "values are only kept on this machine yet", unit.value("store"))
    for hook in unit.hooks:
        if unit.spans.has((hook, "notify")):
            yield _refused("`notify`", "nobody is told yet", unit.key(hook, "notify"))


def _group(place: Place) -> Iterator[Diagnostic]:
    for row in GROUP_KEYS:
        if place.written(row.key):
            yield _refused(f"`{row.key}`", row.why, place.key(row.key), hint="put it on the steps inside")


def _profile(view: View, name: str) -> Iterator[Diagnostic]:
    """What a profile on this machine asks for in vain."""
    profile = view.profile(name, view.unit)
    if profile is None or profile.type not in EXECUTORS or not view.unit.spans.has(("executors", name)):
        return
    for key in LOCAL_SLOTS:
        if name != LOCAL and view.unit.spans.has(("executors", name, key)):
            span = view.unit.key("executors", name, key)
            hint = f"write it for the whole machine: `executors: {{{LOCAL}: {{type: {LOCAL}, {key}: …}}}}`"
            yield _refused(f"`{key}`", f"only the profile `{LOCAL}` divides the machine yet", span, hint=hint)
    for variable, reference in profile.secrets.items():
        yield from _secret(variable, reference, view.unit.key("executors", name, "secrets", variable))


def _step(view: View, place: Place) -> Iterator[Diagnostic]:
    for row in STEP_KEYS:
        if place.written(row.key) and (row.asks is None or row.asks(view, place)):
            yield _refused(f"`{row.key}`", row.why, place.key(row.key), row.severity)
    yield from _executor(view, place)
    yield from _secrets(place)
    yield from _resources(view, place)
    yield from _packing(view, place)


def _packing(view: View, place: Place) -> Iterator[Diagnostic]:
    if place.step.items_per_task not in (None, "auto") and _stays(view, place):
        said = "`items_per_task` has no effect on `local`: each item is a process of its own"
        yield Diagnostic("unused-key", said, place.key("items_per_task"), Severity.WARNING)


def _executor(view: View, place: Place) -> Iterator[Diagnostic]:
    kind = view.executor_type(place)
    if kind is not None and kind not in EXECUTORS:
        span = place.value("executor") if place.written("executor") else place.key()
        hint = "send it elsewhere: `--executor local`"
        yield _refused(f"`{view.profile_name(place)}`", f"{kind} executors do not run yet", span, hint=hint)
    executor = place.step.executor
    if executor is not None and executor.overrides and kind == LOCAL and not view.is_moved(place):
        path: Keys = ("executor", next(iter(executor.overrides)))
        yield _refused("`executor`", "a step cannot change the local profile yet", place.key(*path))


def _secrets(place: Place) -> Iterator[Diagnostic]:
    for name, reference in place.step.secrets.items():
        yield from _secret(name, reference, place.key("secrets", name))


def _secret(name: str, reference: str, span: Span) -> Iterator[Diagnostic]:
    if not reference.startswith(SECRET_STORES):
        said = f"secrets of `{reference.partition(':')[0]}` are not read yet"
        yield _refused(f"`{name}`", said, span, hint=f"write `{name}: env:{name}`")


def _resources(view: View, place: Place) -> Iterator[Diagnostic]:
    """Requests that mean nothing on this machine warn, and only where the file itself sends the step here."""
    resources, kind = place.step.resources, view.executor_type(place) or ""
    if resources is None or view.is_moved(place):
        return
    for key, why in IN_VAIN.get(kind, {}).items():
        if getattr(resources, key) and place.written("resources", key):
            said = f"`{key}` has no effect on `{kind}`: it is {why}"
            yield Diagnostic("unused-key", said, place.key("resources", key), Severity.WARNING)
