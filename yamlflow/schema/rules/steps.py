"""What a step's keys mean together: scripts with holes, keys a `uses` step has no use for, loop keys without a loop."""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.schema.diagnostics import Diagnostic
from yamlflow.schema.model import GROUP_REFUSES
from yamlflow.schema.nodes import Scalar
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.view import View

_LOOP_KEYS = ("max_parallel", "fail_fast", "min_success", "max_items")
_NO_USE = tuple(key for key in GROUP_REFUSES if key not in ("inputs", "with"))


def check_steps(view: View) -> Iterator[Diagnostic]:
    for place in view.places:
        yield from _script_with_hole(place)
        yield from _uses(place)
        yield from _loop_keys(place)
        yield from _sharing(view, place)


def _script_with_hole(place: Place) -> Iterator[Diagnostic]:
    script = place.step.sh
    if script is None or "${{" not in script:
        return
    start = script.index("${{")
    end = script.find("}}", start) + 2
    hint = "name it under `inputs` or `with`; the script has it as a variable: `$name`"
    node = place.unit.spans.node((*place.path, "sh"))
    span = place.unit.inside(node, start, end) if isinstance(node, Scalar) and end > 1 else place.value("sh")
    yield Diagnostic("hole-in-script", "`sh` has no holes: the shell would run what fills them", span, help=hint)


def _uses(place: Place) -> Iterator[Diagnostic]:
    """A file that is used is a group: its own steps say how they run."""
    if place.step.uses is None:
        return
    for key in (*_NO_USE, "repeat"):
        if place.written(key):
            said = f"a step with `uses` has no `{key}` of its own"
            hint = (
                "it belongs to the steps of that file"
                if key != "repeat"
                else "put the step into `steps:`, with `repeat` beside"
            )
            yield Diagnostic("misplaced-key", said, place.key(key), help=hint)


def _loop_keys(place: Place) -> Iterator[Diagnostic]:
    if place.step.foreach is not None or place.written("foreach"):
        return
    for key in _LOOP_KEYS:
        if place.written(key):
            yield Diagnostic("misplaced-key", f"`{key}` goes with `foreach`, and there is none", place.key(key))


def _sharing(view: View, place: Place) -> Iterator[Diagnostic]:
    """One process for many tasks calls functions, and cannot tell whose secrets are in what they print."""
    step = place.step
    if step.isolation != "shared" or place.step.uses is not None or place.is_group:
        return
    span = place.value("isolation") if place.written("isolation") else place.key()
    hint = "write `isolation: process` on this step, or leave it out"
    secrets = view.secrets_of(place)
    if step.run is None:
        said = f"a command is a process of its own: `{place.name}` cannot share one"
        yield Diagnostic("cannot-share", said, span, help=hint)
    elif secrets:
        said = f"{secrets}, which a shared process cannot keep out of its tasks' logs"
        yield Diagnostic("cannot-share", said, span, help=hint)
