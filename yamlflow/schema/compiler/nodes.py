"""One step as a Node: loop, rounds, retries, times, resources in the units of the core."""

from __future__ import annotations

import re

from yamlflow.core.graph import (
    Action,
    Axis,
    Bindings,
    Cache,
    Catch,
    Gpu,
    Loop,
    Node,
    Policy,
    Repeat,
    Resources,
    Retry,
)
from yamlflow.core.values import Document, encode
from yamlflow.schema import model
from yamlflow.schema.callables import Found
from yamlflow.schema.callables.signatures import Parameter
from yamlflow.schema.compiler.actions import as_documents, make_action
from yamlflow.schema.compiler.edges import elementwise_source, find_edges, iterated_fields
from yamlflow.schema.compiler.profiles import used_name
from yamlflow.schema.scopes.counts import MAX_ITEMS, literal_items
from yamlflow.schema.scopes.nullability import asks_per_item
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.view import View

JITTER = 0.25
"""By what fraction a pause may vary to either side when `jitter` is on."""


def make_node(view: View, place: Place, rank: int) -> Node:
    """The node of a step whose holes are filled."""
    step = place.step
    profile = view.profile(view.profile_name(place), place.unit)
    loop = _loop(view, place)
    group = place.is_group
    return Node(
        id=place.id,
        name=place.name,
        parent=_parent(place),
        depth=_depth(place),
        rank=rank,
        edges=find_edges(view, place),
        action=None if group else _action(view, place, profile, loop),
        children=tuple(child.id for child in place.contents().values()),
        outputs=_outputs(place),
        loop=loop,
        repeat=_repeat(step.repeat),
        when=step.when,
        when_item=asks_per_item(place),
        policy=Policy(step.needs_policy),
        retry=Retry() if group else _retry(step.retry),
        timeout=None if group else _number(step.timeout),
        deadline=None if group else _number(step.deadline),
        start_timeout=None if group else _start_timeout(step, profile),
        catch=_catch(step.catch),
        cache=None if group or place.hook else _cache(view, place),
        executor=used_name(view, place),
        resources=Resources() if group else _resources(step.resources),
        limit=None if group else step.limit,
        isolation="process" if group else _isolation(view, place, profile),
        items_per_task=0 if group or step.items_per_task == "auto" else _whole(step.items_per_task) or 0,
        hook=place.hook,
        description=step.description or "",
        tags=tuple(f"{name}={value}" if value else name for name, value in step.tags.items()),
        bindings=_bindings(place),
    )


def _parent(place: Place) -> str:
    above = place.parent or place.unit.owner
    return above.id if above is not None else ""


def _depth(place: Place) -> int:
    around = [one for one in place.lineage() if one is not place]
    return sum((one.step.foreach is not None) + (one.step.repeat is not None) for one in around)


def _action(view: View, place: Place, profile: model.Profile | None, loop: Loop | None) -> Action:
    return make_action(
        place, profile, tuple(sorted(iterated(view).get(place.id, ()))), loop and (loop.axes, loop.where)
    )


def iterated(view: View) -> dict[str, set[str]]:
    """The fields of each step that some loop goes over, worked out once for a view."""
    if view.iterated is None:
        view.iterated = iterated_fields(view.readings)
    return view.iterated


def _outputs(place: Place) -> dict[str, Document]:
    if place.inner is not None:
        return as_documents(place.inner.model.outputs)
    return as_documents(place.step.output_expressions) if place.is_group else {}


def _loop(view: View, place: Place) -> Loop | None:
    step = place.step
    if step.foreach is None:
        return None
    source = elementwise_source(view, place)
    return Loop(
        axes=tuple(_axis(place, axis) for axis in step.foreach.axes),
        where=step.where,
        key=step.key,
        max_parallel=_whole(step.max_parallel),
        fail_fast=bool(step.fail_fast),
        min_success=1.0 if step.min_success is None else float(step.min_success),  # type: ignore[arg-type]
        max_items=_whole(step.max_items) or MAX_ITEMS,
        elementwise=source.id if source is not None else None,
    )


def _axis(place: Place, axis: model.Axis) -> Axis:
    sources = [_literal(place, source) if isinstance(source, tuple) else source for source in axis.names.values()]
    return Axis(tuple(axis.names), tuple(sources))


def _literal(place: Place, items: tuple[object, ...]) -> tuple[Document, ...]:
    filled = literal_items(place, items)
    return tuple(encode(item) for item in (filled if filled is not None else items))


def _repeat(repeat: model.Repeat | None) -> Repeat | None:
    if repeat is None:
        return None
    return Repeat(
        start=as_documents(repeat.start),
        until=repeat.until,
        max_rounds=_whole(repeat.max) or 1,
        delay=_number(repeat.delay) or 0.0,
        accept_max=repeat.on_max == "accept",
    )


def _retry(retry: model.Retry | None) -> Retry:
    if retry is None:
        return Retry()
    grow = retry.grow
    limit = grow.max if grow is not None else None
    return Retry(
        attempts=_whole(retry.attempts) or 1,
        exponential=retry.backoff == "exponential",
        delay=_number(retry.delay) or 0.0,
        max_delay=_number(retry.max_delay),
        jitter=JITTER if retry.jitter is True else 0.0,
        on=retry.on,
        infra=_whole(retry.infra) or 0,
        grow_memory=(grow.memory if grow is not None else None) or 1.0,
        grow_timeout=(grow.timeout if grow is not None else None) or 1.0,
        grow_max_memory=limit.memory if limit is not None else None,
        grow_max_timeout=limit.timeout if limit is not None else None,
    )


def _resources(resources: model.Resources | None) -> Resources:
    if resources is None:
        return Resources()
    return Resources(
        cpu=_number(resources.cpu) or 1.0,
        memory=_whole(resources.memory) or 0,
        gpu=_gpu(resources.gpu),
        disk=_whole(resources.disk) or 0,
        shm=_whole(resources.shm) or 0,
        spot=resources.spot is True,
    )


def _gpu(gpu: object) -> Gpu:
    if not isinstance(gpu, model.Gpu):
        return Gpu()
    return Gpu(_whole(gpu.count) or 0, gpu.type, _whole(gpu.memory) or 0)


def _catch(catch: model.Catch | None) -> Catch | None:
    return Catch(as_documents({"": catch.set})[""], catch.run) if catch is not None else None


def _cache(view: View, place: Place) -> Cache | None:
    """None when the step keeps nothing for later. What its executor makes of an image counts, where there is one."""
    cache = place.step.cache
    if cache is None or not cache.enabled:
        return None
    profile = view.profile(view.profile_name(place), place.unit)
    image = place.step.image or getattr(profile, "image", None)
    remote = profile is not None and not isinstance(profile, model.LocalProfile)
    return Cache(
        key=cache.key,
        version=cache.version or "",
        ttl=_number(cache.ttl),
        image=str(image) if image and remote else "",
        paths=tuple(one.name for one in _parameters(view, place) if re.search(r"\bPath\b", one.annotation)),
        context=any(one.is_context for one in _parameters(view, place)),
    )


def _parameters(view: View, place: Place) -> tuple[Parameter, ...]:
    found = view.callable(place)
    signature = found.signature if isinstance(found, Found) else None
    return signature.parameters if signature is not None else ()


def _isolation(view: View, place: Place, profile: model.Profile | None) -> str:
    """What the step says; else what its profile says, where the step can share a process at all."""
    step = place.step
    if "isolation" in step.model_fields_set or not isinstance(profile, model.LocalProfile):
        return step.isolation
    sharable = step.run is not None and not view.secrets_of(place)
    return profile.isolation or "process" if sharable else "process"


def _start_timeout(step: model.Step, profile: model.Profile | None) -> float | None:
    own = _number(step.start_timeout)
    return own if own is not None or profile is None else profile.start_timeout


def _bindings(place: Place) -> Bindings | None:
    if place.inner is None:
        return None
    known = place.inner.values
    declared = place.inner.model.params
    return Bindings(
        inputs=as_documents(
            {name: tree for name, tree in place.step.inputs.items() if name in declared and name not in known}
        ),
        arguments=as_documents(
            {name: tree for name, tree in place.step.with_.items() if name in declared and name not in known}
        ),
        values={name: encode(value) for name, value in known.items()},
    )


def _whole(value: object) -> int | None:
    """A number whose hole, if it had one, is filled."""
    return value if isinstance(value, int) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
