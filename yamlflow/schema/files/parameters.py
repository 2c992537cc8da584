"""The values of a run's parameters: the file's defaults, a parameters file, the environment, the command line.

Later ones win. A bad value is reported at the parameter's declaration, with a
note that says where it came from; every bad one at once. Reads the parameters
file; the environment is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime, timedelta
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.schema import nodes, source
from yamlflow.schema.diagnostics import Diagnostic, Note, Span
from yamlflow.schema.model import Param, ParamType, Pipeline, Refused
from yamlflow.schema.spans import Spans, plain
from yamlflow.schema.spelling import suggest

ENVIRONMENT_PREFIX = "YAMLFLOW_PARAM_"
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Given:
    """What was given for the parameters of one run.

    `options` are the texts of `-p`; `values` Python values by name (they count
    as `-p`, too); `environment` all variables; `cwd` the folder that paths on
    the command line are relative to.
    """

    options: Sequence[str] = ()
    values: Mapping[str, object] = field(default_factory=dict)
    file: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = field(default_factory=Path.cwd)


@dataclass(frozen=True, slots=True)
class _Offer:
    """One value for one parameter: `text` or `value`, the folder of its paths, and where it came from."""

    name: str
    origin: str
    folder: Path
    text: str | None = None
    value: object = None
    span: Span | None = None


Values = dict[str, Any]


def resolve(
    model: Pipeline, spans: Spans, given: Given, folder: Path
) -> tuple[Values, frozenset[str], list[Diagnostic]]:
    """The value of each parameter that has a good one, the names of those given, and what is wrong with the others.

    Values are Python's: `timedelta` for a duration, an absolute PurePosixPath for a path.
    """
    found: list[Diagnostic] = []
    offers: dict[str, _Offer] = {}
    for offer in _offers(given, model, spans, found):
        if offer.name in model.params:
            offers[offer.name] = offer
        elif not offer.origin.startswith("$"):
            found.append(_unknown(offer, model, spans))
    values: Values = {}
    for name, param in model.params.items():
        try:
            values[name] = _value(name, param, offers.get(name), folder)
        except Refused as refused:
            found.append(_refused(name, param, offers.get(name), refused, spans))
    return values, frozenset(offers), [one for one in found if not _known_already(one, spans)]


def defaults(model: Pipeline, folder: Path) -> Values:
    """The values that the file itself gives, without those that must be given."""
    values: Values = {}
    for name, param in model.params.items():
        try:
            values[name] = _value(name, param, None, folder)
        except Refused:
            continue
    return values


def convert(param: Param, value: object, folder: Path) -> object:
    """The value that plain JSON gives a parameter; Refused with words when it is none."""
    return typed(param.type, param.of_json(_plain_value(value)), folder) if value is not None else None


def typed(wanted: ParamType, value: Any, folder: Path) -> Any:
    """Seconds as timedelta and text as path, where the type says so."""
    if value is None:
        return None
    if wanted.name == "list" and wanted.item is not None:
        return [typed(wanted.item, item, folder) for item in value]
    if wanted.name == "dict" and wanted.item is not None:
        return {key: typed(wanted.item, item, folder) for key, item in value.items()}
    if wanted.name == "duration":
        return timedelta(seconds=value)
    if wanted.name == "path":
        return _absolute(value, folder)
    return value


def _absolute(value: str, folder: Path) -> PurePath | str:
    if "://" in value:
        return value
    return PurePosixPath(folder.absolute() / Path(value).expanduser())


def _value(name: str, param: Param, offer: _Offer | None, folder: Path) -> object:
    if offer is None:
        if param.must_be_given:
            raise Refused(
                f"the parameter `{name}` needs a value", code="missing-parameter", hint=f"give it: `-p {name}=…`"
            )
        return typed(param.type, param.default_value(), folder)
    if offer.text is not None:
        return typed(param.type, param.of_text(offer.text), offer.folder)
    return convert(param, offer.value, offer.folder)


def _plain_value(value: object) -> object:
    """What Python code gives, as JSON says it."""
    match value:
        case PurePath():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return f"{value.total_seconds():g}s"
        case tuple() | list():
            return [_plain_value(item) for item in value]
        case Mapping():
            return {str(key): _plain_value(item) for key, item in value.items()}
    return value


# ------------------------------------------------------------ where values come from


def variables(name: str) -> tuple[str, str]:
    """The environment variables that give a parameter, the first one first."""
    return f"{ENVIRONMENT_PREFIX}{name}", f"{ENVIRONMENT_PREFIX}{name.upper()}"


def _offers(given: Given, model: Pipeline, spans: Spans, found: list[Diagnostic]) -> Iterator[_Offer]:
    if given.file is not None:
        yield from _of_file(given.file, given.cwd, found)
    for name in model.params:
        variable = next((one for one in variables(name) if one in given.environment), None)
        if variable is not None:
            text = given.environment[variable]
            yield _Offer(name, f"${variable}={_short(text)}", given.cwd, text=text)
    for option in given.options:
        name, equals, text = option.partition("=")
        if equals and name.strip():
            yield _Offer(name.strip(), f"-p {_short(option)}", given.cwd, text=text)
        else:
            hint = "write `-p name=value`"
            found.append(Diagnostic("bad-parameter", f"`-p {_short(option)}` gives no value", _place(spans), help=hint))
    for name, value in given.values.items():
        yield _Offer(name, f"params={{{name!r}: {_short(repr(value))}}}", given.cwd, value=value)


def _of_file(path: str, cwd: Path, found: list[Diagnostic]) -> Iterator[_Offer]:
    read = source.read(str(cwd / path) if not Path(path).is_absolute() else path)
    if isinstance(read, Diagnostic):
        found.append(read)
        return
    root, problems = nodes.parse(source.Source(path, read.text))
    found.extend(problems)
    if not isinstance(root, nodes.Mapping):
        if not problems:
            hint = "write `name: value` lines"
            found.append(Diagnostic("wrong-type", "a parameters file is a mapping", Span(path, 1, 1, 1, 1), help=hint))
        return
    folder = (cwd / path).parent
    for entry in root.entries:
        name = str(entry.key.value)
        yield _Offer(name, f"`{name}` in the parameters file", folder, value=plain(entry.value), span=entry.key.span)


# ------------------------------------------------------------ findings


def _refused(name: str, param: Param, offer: _Offer | None, refused: Refused, spans: Spans) -> Diagnostic:
    span = spans.key(("params", name))
    message = refused.message or f"this is no {param.type}"
    if offer is None:
        return Diagnostic(refused.code or "bad-parameter", message, span, help=refused.hint)
    message = f"the parameter `{name}` got a bad value" if param.secret else f"the parameter `{name}`: {message}"
    return Diagnostic("bad-parameter", message, span, notes=(_came_from(offer, param),), help=refused.hint)


def _came_from(offer: _Offer, param: Param) -> Note:
    if offer.span is not None:
        return Note(f"the value is {offer.origin}", offer.span)
    origin = offer.origin.partition("=")[0] + "=…" if param.secret else offer.origin
    return Note(f"the value came from `{origin}`")


def _unknown(offer: _Offer, model: Pipeline, spans: Spans) -> Diagnostic:
    near = suggest(offer.name, model.params)
    listed = ", ".join(f"`{name}`" for name in list(model.params)[:12])
    hint = f"did you mean `{near}`?" if near else (f"it has {listed}" if listed else "add it under `params`")
    if offer.span is not None:
        message = f"this pipeline has no parameter `{offer.name}`"
        return Diagnostic("unknown-parameter", message, offer.span, help=hint)
    message = f"this pipeline has no parameter `{offer.name}`"
    return Diagnostic(
        "unknown-parameter", message, _place(spans), notes=(Note(f"given as `{offer.origin}`"),), help=hint
    )


def _place(spans: Spans) -> Span:
    """Where to point when something is not in the file: its `params`, else its first line."""
    return spans.key(("params",))


def _known_already(found: Diagnostic, spans: Spans) -> bool:
    """A declaration that is wrong in itself has its diagnostic."""
    return (
        found.code not in ("missing-parameter", "unknown-parameter") and not found.notes and spans.refused(("params",))
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
