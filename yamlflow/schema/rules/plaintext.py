"""Secrets that stand in the file as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from yamlflow.schema.diagnostics import Diagnostic, Severity
from yamlflow.schema.scopes.places import Place
from yamlflow.schema.scopes.view import View

_NAMES = re.compile(
    r"(^|_)(password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|credentials?|auth)(_|$)", re.IGNORECASE
)
_INNOCENT = re.compile(
    r"(^|_)(max|min|num|n|count|limit|size|length|len|pad|eos|bos|sep|unk|mask|cls|special|vocab|tokenizers?|parallelism"
    r"|file|path|name|id|type|field|column|url|ttl|prefix|suffix)(_|$)",
    re.IGNORECASE,
)
_SHAPES = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@]+:[^/\s:@$]{3,}@"
)


def check_secrets(view: View) -> Iterator[Diagnostic]:
    """No argument or variable holds what belongs under `secrets`."""
    for place in view.places:
        yield from _check(place, "with", place.step.with_)
        yield from _check(place, "env", place.step.env)


def _check(place: Place, key: str, values: Mapping[str, object]) -> Iterator[Diagnostic]:
    for name, value in values.items():
        if isinstance(value, str) and value and (_is_secret_name(name, value) or _SHAPES.search(value)):
            said = f"`{name}` looks like a secret in plain text"
            where = name.upper()
            hint = f'write `secrets: {{{where}: "env:{where}"}}`: the step finds it in its environment'
            yield Diagnostic("plain-secret", said, place.key(key, name), Severity.WARNING, help=hint)


def _is_secret_name(name: str, value: str) -> bool:
    return (
        bool(_NAMES.search(name))
        and not _INNOCENT.search(name)
        and "${{" not in value
        and value.lower() not in ("true", "false")
    )
