"""What a template is made for, as the launcher says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yamlflow.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Spec:
    """What a template is for: a step's module and everything that counts before it is imported."""

    target: str
    code_roots: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    masked: tuple[str, ...]
    cpu: float
    log: str
    grace: float
    fresh: bool = False
    python: str | None = None


def spec_from_json(body: Mapping[str, Any]) -> Spec:
    return Spec(**{**body, "code_roots": tuple(body["code_roots"]), "masked": tuple(body["masked"])})
