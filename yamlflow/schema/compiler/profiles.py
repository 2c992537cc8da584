"""Executor profiles as plain data, and the name of the one a step really uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yamlflow.core.values import Document
from yamlflow.schema.files.holes import fill_text
from yamlflow.schema.model import Hole, LocalProfile, Profile, Record
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.view import LOCAL, View

_STEP_LEVEL = frozenset({"defaults", "env", "secrets"})


def used_name(view: View, place: Place) -> str:
    """The profile's name; with its step's id when the step changes the profile."""
    name = view.profile_name(place)
    return f"{name}:{place.id}" if _changes(view, place) else name


def _changes(view: View, place: Place) -> Mapping[str, object]:
    """What the step says of its profile: that of its own file alone, and its image wherever images are run."""
    executor, profile = place.step.executor, view.profile(view.profile_name(place), place.unit)
    own = executor.overrides if executor is not None and not view.is_moved(place) else {}
    image = place.step.image
    if image is None or profile is None or "image" not in type(profile).model_fields:
        return own
    return {**own, "image": fill_text(image, place.unit.values)}


def plain_profiles(view: View) -> dict[str, dict[str, Document]]:
    """Every profile that some step uses, and `local`."""
    found = {LOCAL: plain_profile(view.profile(LOCAL, view.unit) or LocalProfile.build({"type": LOCAL}, ()))}
    for place in view.places:
        profile = view.profile(view.profile_name(place), place.unit)
        if profile is not None and not place.is_group:
            changes = {name: _plain(value) for name, value in _changes(view, place).items()}
            found.setdefault(used_name(view, place), {**plain_profile(profile), **changes})
    return found


def plain_profile(profile: Profile) -> dict[str, Document]:
    """`type` and every option that was written, by the keys of the file."""
    options: dict[str, Document] = {"type": profile.type}
    for name, info in type(profile).model_fields.items():
        if name in profile.model_fields_set and name not in _STEP_LEVEL:
            options[info.alias or name] = _plain(getattr(profile, name))
    return options


def _plain(value: Any) -> Document:
    match value:
        case Record():
            fields = type(value).model_fields
            return {info.alias or name: _plain(getattr(value, name)) for name, info in fields.items()}
        case Hole():
            return value.text
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value  # type: ignore[no-any-return]
