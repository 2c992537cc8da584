"""`yamlflow config show`: the file as it is after overlays, defaults and parameters."""

from __future__ import annotations

from typing import Any

import typer

from yamlflow.cli.options import (
    DefaultExecutorOption,
    ExecutorOption,
    FileArgument,
    JsonOption,
    OverlayOption,
    ParamOption,
    ParamsFileOption,
    pipeline_file,
)
from yamlflow.cli.output.text import safe_json
from yamlflow.cli.output.yaml_text import yaml_text
from yamlflow.cli.reading import Wish, usable

config = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show the file as it is after everything laid over it.",
)


@config.callback()
def _group() -> None:
    """Makes `config` a group of commands although it has one."""


@config.command("show")
def show(
    file: FileArgument = None,
    param: ParamOption = None,
    params_file: ParamsFileOption = None,
    overlay: OverlayOption = None,
    executor: ExecutorOption = None,
    default_executor: DefaultExecutorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the file with overlays, defaults and parameters worked in."""
    wish = Wish(pipeline_file(file), overlay or [], param or [], params_file, executor or [], default_executor)
    resolved = _resolved(wish)
    print(safe_json(resolved, indent=2) if as_json else yaml_text(resolved))


def _resolved(wish: Wish) -> dict[str, Any]:
    """The tree with every inherited key in its place; `defaults` have done their work, parameters have their values."""
    from yamlflow.schema.spans import plain

    result = usable(wish)
    assert result.spans is not None
    assert result.spans.root is not None
    tree = plain(result.spans.root)
    assert isinstance(tree, dict)
    if result.graph is not None and tree.get("params"):
        tree["params"] = {name: _param(tree["params"][name], param) for name, param in result.graph.params.items()}
    return {key: value for key, value in tree.items() if key != "defaults" and not key.startswith("x-")}


def _param(written: Any, param: Any) -> Any:
    """A parameter in its long form, with the value this command line gives it."""
    value = "***" if param.secret else _plain(param.value)
    form = dict(written) if isinstance(written, dict) and "type" in written else {}
    return {**form, "type": param.type, "default": value}


def _plain(value: Any) -> Any:
    """A tagged value as a person would write it in the file."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, body),) = value.items()
        if tag == "$duration":
            days, seconds, micros = body
            return f"{days * 86400 + seconds + micros / 1e6:g}s"
        if tag in ("$date", "$datetime", "$path", "$float"):
            return body
    return {key: _plain(item) for key, item in value.items()}
