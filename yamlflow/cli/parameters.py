"""The parameters of one file as help: name, type, default and what it is for."""

from __future__ import annotations

from typing import Any

from yamlflow.cli.output.text import one_line, safe_json
from yamlflow.cli.output.words import columns
from yamlflow.cli.reading import Wish, checked


def parameter_help(wish: Wish) -> list[str]:
    """Lines for `run FILE --help`; a file that cannot be read has none, and says so."""
    result = checked(wish)
    title = f"Parameters of {wish.file} (-p NAME=VALUE):"
    if result.model is None:
        return [title, f"  the file cannot be read; see what is wrong with: yamlflow validate {wish.file}"]
    params = result.model.params
    if not params:
        return [title, "  it has none"]
    return [title, *columns([_row(name, param) for name, param in params.items()], "  ")]


def _row(name: str, param: Any) -> list[str]:
    return [
        name,
        str(param.type),
        _default(param),
        one_line(" ".join(filter(None, [param.help, *_bounds(param)])), 300),
    ]


def _default(param: Any) -> str:
    if param.must_be_given:
        return "required"
    value = param.default_value()
    if param.secret and value:
        return "default: ***"
    return f"default: {one_line(value if isinstance(value, str) else _written(param, value), 60)}"


def _written(param: Any, value: Any) -> str:
    """A value as the file would have it: a duration has its unit."""
    return f"{value:g}s" if str(param.type) == "duration" and isinstance(value, int | float) else safe_json(value)


def _bounds(param: Any) -> list[str]:
    """What the value may be, in brackets."""
    found = [f"one of {safe_json(list(param.choices))}"] if param.choices else []
    found += [f"at least {param.min}"] if param.min is not None else []
    found += [f"at most {param.max}"] if param.max is not None else []
    found += [f"like {param.regex}"] if param.regex else []
    return [f"[{', '.join(found)}]"] if found else []
